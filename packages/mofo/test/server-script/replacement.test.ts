// A new version takes over under keep-alive load without a failed request, whatever the script is written with.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Connector } from '../runtime/support/connector.ts';
import { get, post } from '../runtime/support/http-bytes.ts';
import { runMofo } from '../runtime/support/test-app.ts';
import { Connection, VerifiedClients } from '../runtime/support/verified-clients.ts';
import { ScriptApp } from './support/script-app.ts';
import { servers } from './support/servers.ts';

const LIMIT_MS = 60_000;
let app: ScriptApp;
let connections: Connection[] = [];

afterEach(async () => {
  for (const connection of connections) connection.end();
  connections = [];
  await app.cleanUp();
});

function load(count: number): VerifiedClients {
  return new VerifiedClients(app.url, count, (id) => {
    const body = JSON.stringify({ id: String(id) });
    return id % 3 === 0
      ? { kind: 'POST', bytes: post(`/echo/${id}`, { id }), body }
      : { kind: 'GET', bytes: get(`/echo/${id}`), body };
  });
}

async function answered(clients: VerifiedClients, more: number): Promise<void> {
  const wanted = clients.total + more;
  while (clients.total < wanted && clients.failed.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('a saved server', { timeout: LIMIT_MS }, () => {
  it.each(Object.keys(servers))('of %s is replaced under keep-alive load without a failed request', async (name) => {
    const { script, text } = servers[name] as (typeof servers)[string];
    app = new ScriptApp({ [script]: text('one') }, script);
    await app.start('dev');
    const launcher = app.pid;
    const clients = load(8);
    const connector = new Connector(app.url);
    await answered(clients, 50);
    for (const version of name === 'node:http' ? ['two', 'three'] : ['two']) {
      const since = app.events.length;
      app.save(script, text(version));
      await app.waitFor(({ kind }) => kind === 'update', since);
      expect(await app.text('/version')).toBe(version);
      await answered(clients, 50);
    }
    const report = await clients.stop();
    expect(report).toMatchObject({ failed: [], lostIdle: 0, wrong: [] });
    expect(report.answered.POST).toBeGreaterThan(0);
    expect((await connector.stop()).refused).toEqual([]);
    expect(app.pid).toBe(launcher);
  });
});

const slow = (version: string): string => `
const http = require('http');
const waiting = [];
http.createServer((request, response) => {
  if (request.url === '/wait') { response.write('begun '); waiting.push(response); }
  else if (request.url === '/go') { for (const one of waiting.splice(0)) one.end('${version}'); response.end('gone'); }
  else response.end('${version}');
}).listen(0).keepAliveTimeout = 60_000;
process.on('SIGTERM', () => { console.log('SIGTERM in ${version}'); process.exit(); });`;

describe('what is under way at a replacement', { timeout: LIMIT_MS }, () => {
  it("ends where it began, while the new version serves; then the script's own SIGTERM handler runs", async () => {
    app = new ScriptApp({ 'server.js': slow('one') });
    await app.start('run');
    const idle = new Connection(app.addresses[0]?.port as number);
    const waits = new Connection(app.addresses[0]?.port as number);
    connections = [idle, waits];
    expect(await idle.ask(get('/'))).toMatchObject({ body: 'one' });
    let begun = '';
    waits.socket.on('data', (text) => {
      begun += text;
    });
    waits.socket.write(get('/wait'));
    while (!begun.includes('begun')) await new Promise((resolve) => setTimeout(resolve, 5));
    app.save('server.js', slow('two'));
    app.signal('SIGHUP');
    await app.waitFor(({ kind }) => kind === 'update');
    // The idle connection goes on, in the new process.
    expect(await idle.ask(get('/'))).toMatchObject({ body: 'two' });
    expect(app.output).not.toContain('SIGTERM');
    // The one that still waits is the old version's, which lets its process end.
    const oldPid = (await app.waitFor(({ kind }) => kind === 'start')).data?.pid as number;
    process.kill(oldPid, 0);
    const { processes } = (await app.command('status')).value.main;
    expect(processes).toContainEqual(expect.objectContaining({ pid: oldPid, role: 'draining' }));
    expect((await runMofo(app.directory, ['status'])).stdout).toContain(`in a process that drains (pid ${oldPid})`);
    expect(begun).not.toContain('one');
    waits.end();
    await app.until(() => app.output.includes('SIGTERM in one'), 'the old one ends');
  });

  it('is one at a time: of what is saved during one only the newest is tried', async () => {
    const text = (version: string): string =>
      `const until = Date.now() + 400; while (Date.now() < until);\n${servers['node:http']?.text(version)}`;
    app = new ScriptApp({ 'server.js': text('0') });
    await app.start('run');
    const versions = join(app.directory, '.mofo/scripts/server/versions/server/bundles');
    const known = readdirSync(versions).length;
    for (const [index, version] of ['1', '2', '3', '4'].entries()) {
      app.save('server.js', text(version));
      app.signal('SIGHUP');
      // It has been taken up, and waits or is being tried.
      while (readdirSync(versions).length < known + index + 1) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    while ((await app.text('/version')) !== '4');
    const updates = app.events.filter(({ kind }) => kind === 'update');
    expect(updates.length).toBeLessThan(4);
    // Launcher, main and standby: those before end when what was under way in them has.
    while (app.processes().length > 3) await new Promise((resolve) => setTimeout(resolve, 10));
  });
});
