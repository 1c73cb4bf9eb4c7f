// Versions that do not work: the old code goes on, or is gone back to, although the file on the disk is the new one.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runMofo } from '../runtime/support/test-app.ts';
import { ScriptApp } from './support/script-app.ts';
import { servers } from './support/servers.ts';

let app: ScriptApp;
afterEach(() => app.cleanUp());

const good = servers['node:http']?.text as (version: string) => string;

/** Makes what runs stable. */
async function stable(): Promise<void> {
  for (let request = 0; request < 4; request++) await app.text('/version');
  await app.waitFor(({ kind }) => kind === 'stable');
}

describe('a version that does not become ready', { timeout: 60_000 }, () => {
  it('is unstable, and the old one goes on: it throws, exits, never listens, does not parse', async () => {
    app = new ScriptApp({ 'server.js': good('one') });
    await app.start('dev', ['--ready-within', '3s']);
    for (const [text, reason] of [
      [`throw new Error('at load');`, /exit code 1/],
      ['process.exit(0);', /exit code 0/],
      ['setInterval(() => {}, 1000);', /does not listen/],
    ] as const) {
      const since = app.events.length;
      app.save('server.js', text);
      expect((await app.waitFor(({ kind }) => kind === 'unstable', since)).message).toMatch(reason);
      expect(await app.text('/version')).toBe('one');
    }
    const since = app.events.length;
    app.save('server.js', 'const = ;');
    expect((await app.waitFor(({ kind }) => kind === 'warning', since)).data).toMatchObject({ code: 'BUILD_FAILED' });
    expect(await app.text('/version')).toBe('one');
    // Nothing of the failed loads is left: launcher, main, standby.
    expect(app.processes()).toHaveLength(3);
    expect((await app.states()).filter((state) => state === 'unstable')).toHaveLength(3);
  });
});

describe('a version that crashes on its first requests', { timeout: 60_000 }, () => {
  it('is unstable, and the old code serves although the files are new', async () => {
    const text = `
const { version } = require('./local');
require('http').createServer((request, response) => {
  if (version === 'two') process.abort();
  response.end(version + require('./by-' + 'name') + require('fs').readFileSync(__dirname + '/view.txt'));
}).listen(0);`;
    app = new ScriptApp({
      'server.js': text,
      'local.js': `exports.version = 'one';`,
      'by-name.js': `module.exports = ' a';`,
      'view.txt': ' view',
    });
    await app.start('run');
    expect(await app.text('/')).toBe('one a view');
    await stable();
    app.save('local.js', `exports.version = 'two';`);
    expect(await app.command('reload')).toMatchObject({ code: 0 });
    const response = await app.text('/');
    // The request that was under way was fed again, to the old code.
    expect(response).toBe('one a view');
    await app.waitFor(({ kind }) => kind === 'unstable');
    expect(await app.states()).toEqual(['unstable', 'stable']);
    // What was found when the script ran is a part of the next version.
    app.save('local.js', `exports.version = 'three';`);
    expect(await app.command('reload')).toMatchObject({ code: 0 });
    await stable();
    app.save('local.js', `exports.version = 'four';`);
    app.save('by-name.js', `module.exports = ' b';`);
    expect(await app.command('reload')).toMatchObject({ code: 0 });
    expect(await app.text('/')).toBe('four b view');
    expect(await app.command('revert', 'server')).toMatchObject({ code: 0 });
    expect(await app.text('/')).toMatch(/^three a view$/);
  });

  it('of ESM too, also when a file of the old one is gone', async () => {
    const text = (name: string): string =>
      `import { version } from './${name}.mjs';\nimport { createServer } from 'node:http';\ncreateServer((q, s) => s.end(version + import.meta.url)).listen(0);`;
    app = new ScriptApp({ 'server.mjs': text('old'), 'old.mjs': `export const version = 'one ';` }, 'server.mjs');
    await app.start('run');
    const first = await app.text('/');
    expect(first).toBe(`one file://${join(app.directory, 'server.mjs')}`);
    await stable();
    app.save('new.mjs', `export const version = 'two ';`);
    app.save('server.mjs', text('new'));
    expect(await app.command('reload')).toMatchObject({ code: 0 });
    expect(await app.text('/')).toMatch(/^two /);
    writeFileSync(join(app.directory, 'old.mjs'), `export const version = 'changed ';`);
    expect(await app.command('revert', 'server')).toMatchObject({ code: 0 });
    expect(await app.text('/')).toBe(first);
    expect((await app.command('promote', 'server')).value).toMatchObject({ state: 'stable' });
    const { main } = (await app.command('status')).value;
    expect(main).toMatchObject({ script: 'server', launcher: app.pid });
    expect(main.processes[0]).toMatchObject({
      pid: main.pid,
      role: 'main',
      versions: [{ id: main.modules[0].running.id }],
    });
    for (const command of ['status', 'versions'])
      expect(await runMofo(app.directory, [command])).toMatchObject({ code: 0 });
  });
});

describe('a crash loop', { timeout: 60_000 }, () => {
  it('ends with exit code 1 and the reason', async () => {
    app = new ScriptApp({
      'server.js': `require('http').createServer().listen(0, () => setTimeout(() => process.abort(), 20));`,
    });
    app.spawn('run');
    expect(await app.exit()).toBe(1);
    expect(app.events.at(-1)?.message).toContain('too often');
  });
});
