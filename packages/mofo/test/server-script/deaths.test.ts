// Deaths of the process that serves, under keep-alive load.

import { afterEach, describe, expect, it } from 'vitest';
import { Connector } from '../runtime/support/connector.ts';
import { get, post } from '../runtime/support/http-bytes.ts';
import { Connection, VerifiedClients } from '../runtime/support/verified-clients.ts';
import { ScriptApp } from './support/script-app.ts';
import { servers } from './support/servers.ts';

let app: ScriptApp;
afterEach(() => app.cleanUp());

describe('kill -9 of the process that serves', { timeout: 60_000 }, () => {
  it.each([['warm'], ['loaded']])(
    'loses no idle connection and no GET, and refuses nobody; standby %s',
    async (standby) => {
      const { script, text } = servers.express as (typeof servers)[string];
      app = new ScriptApp({ [script]: text('one') }, script);
      await app.start('run', ['--standby', standby]);
      const clients = new VerifiedClients(app.url, 12, (id) => ({
        kind: 'GET',
        bytes: get(`/echo/${id}`),
        body: JSON.stringify({ id: String(id) }),
      }));
      const connector = new Connector(app.url);
      for (let round = 0; round < 2; round++) {
        const wanted = clients.total + 100;
        while (clients.total < wanted && clients.failed.length === 0)
          await new Promise((resolve) => setTimeout(resolve, 5));
        const since = app.events.length;
        process.kill(app.main, 'SIGKILL');
        await app.waitFor(({ kind }) => kind === 'takeover', since);
      }
      expect(await clients.stop()).toMatchObject({ failed: [], lostIdle: 0, wrong: [] });
      expect((await connector.stop()).refused).toEqual([]);
      // A kill from outside is no fault of the version.
      expect(await app.states()).not.toContain('unstable');
    },
  );

  it('resets a POST that was being handled, at once, and counts it; it is not run twice', async () => {
    app = new ScriptApp({
      'server.js': `
const fs = require('fs');
require('http').createServer((request, response) => {
  if (request.method === 'POST') { fs.appendFileSync(__dirname + '/effects', 'x'); console.log('begun'); }
  else response.end(String(fs.readFileSync(__dirname + '/effects')));
}).listen(0);`,
    });
    await app.start('run');
    const connection = new Connection(app.addresses[0]?.port as number);
    const asked = connection.ask(post('/', {}));
    await app.until(() => app.output.includes('begun'), 'the POST is being handled');
    process.kill(app.main, 'SIGKILL');
    expect(await asked).toEqual({ problem: 'ECONNRESET' });
    expect(await app.text('/')).toBe('x');
    const counted = async () => (await app.command('status')).value.main.connections?.losses['not-repeatable'];
    while ((await counted()) !== 1);
  });
});

describe('a hang', { timeout: 60_000 }, () => {
  it('is ended, and the request that hangs is fed to the successor once', async () => {
    app = new ScriptApp({
      'server.js': `
require('http').createServer((request, response) => {
  if (request.url === '/hang') for (;;);
  response.end('alive');
}).listen(0);`,
    });
    await app.start('run');
    const connection = new Connection(app.addresses[0]?.port as number);
    // It hangs there too: at the second death its connection is reset.
    expect(await connection.ask(get('/hang'))).toEqual({ problem: 'ECONNRESET' });
    const crashes = app.events.filter(({ kind }) => kind === 'crash').map(({ data }) => data?.cause);
    expect(crashes).toEqual(['hang', 'hang']);
    expect(await app.text('/')).toBe('alive');
  });
});

describe('the launcher is killed', { timeout: 60_000 }, () => {
  it('and what is under way ends before its process does', async () => {
    app = new ScriptApp({
      'server.js': `
require('http').createServer((request, response) => {
  console.log('begun');
  setTimeout(() => response.end('whole'), 300);
}).listen(0);`,
    });
    await app.start('run');
    const asked = app.text('/');
    await app.until(() => app.output.includes('begun'), 'the request');
    app.signal('SIGKILL');
    expect(await asked).toBe('whole');
    while (app.processes().length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  });
});
