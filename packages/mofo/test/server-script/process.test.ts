// What people expect of a process: signals, exit codes, arguments, addresses.

import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ScriptApp } from './support/script-app.ts';

let app: ScriptApp;
afterEach(() => app.cleanUp());

const slow = `
require('http').createServer((request, response) => {
  console.log('begun');
  setTimeout(() => response.end('whole'), 300);
}).listen(0);`;

describe('SIGTERM to the launcher', { timeout: 60_000 }, () => {
  it('ends what is under way first, when the script has no handler; exit code 0', async () => {
    app = new ScriptApp({ 'server.js': slow });
    await app.start('run');
    const asked = app.text('/');
    await app.until(() => app.output.includes('begun'), 'the request');
    app.signal('SIGTERM');
    expect(await asked).toBe('whole');
    expect(await app.exit()).toBe(0);
    expect(app.processes()).toEqual([]);
  });

  it("runs the script's own handler, and passes its exit code on", async () => {
    app = new ScriptApp({
      'server.js': `
const server = require('http').createServer((q, s) => s.end('x')).listen(0);
process.on('SIGUSR2', () => console.log('SIGUSR2 came'));
process.on('SIGTERM', () => { console.log('handler'); server.close(() => process.exit(7)); });`,
    });
    await app.start('run');
    app.signal('SIGUSR2');
    await app.until(() => app.output.includes('SIGUSR2 came'), 'the signal');
    app.signal('SIGTERM');
    expect(await app.exit()).toBe(7);
    expect(app.output).toContain('handler');
  });

  it('the second SIGINT ends at once what does not end', async () => {
    app = new ScriptApp({
      'server.js': `require('http').createServer().listen(0); process.on('SIGINT', () => console.log('ignored'));`,
    });
    await app.start('run');
    app.signal('SIGINT');
    await app.until(() => app.output.includes('ignored'), 'the first');
    app.signal('SIGINT');
    expect(await app.exit()).not.toBeNull();
    expect(app.processes()).toEqual([]);
  });
});

describe('a script that ends by itself', { timeout: 60_000 }, () => {
  it('with 0 ends the launcher with 0', async () => {
    app = new ScriptApp({
      'server.js': `const server = require('http').createServer((q, s) => { s.end('bye'); server.close(); }).listen(0);`,
    });
    await app.start('run', ['--standby', 'none']);
    expect(await app.text('/')).toBe('bye');
    expect(await app.exit()).toBe(0);
  });

  it('with 3 before it ever served ends the launcher with 3', async () => {
    app = new ScriptApp({ 'server.js': `process.exit(3);` });
    app.spawn('run');
    expect(await app.exit()).toBe(3);
  });
});

describe('a script', { timeout: 60_000 }, () => {
  it('finds its process as ever: arguments, main module, directory, environment, no trace of mofo', async () => {
    app = new ScriptApp({
      'server.js': `
require('http').createServer((q, s) => s.end(JSON.stringify({
  main: require.main === module, argv: process.argv.slice(1), cwd: process.cwd(), env: process.env.SOMETHING,
  trace: Object.keys(process.env).filter((name) => /MOFO|NOTIFY/.test(name)).concat(process.execArgv), send: typeof process.send,
}))).listen(0);`,
    });
    await app.start('run', [], { SOMETHING: 'else' });
    expect(JSON.parse(await app.text('/'))).toEqual({
      main: true,
      argv: [join(app.directory, 'server.js'), 'a', 'b'],
      cwd: app.directory,
      env: 'else',
      trace: [],
      send: 'undefined',
    });
  });

  it('may wait to be ready until it says so', async () => {
    app = new ScriptApp({
      'server.js': `
let isReady = false;
require('http').createServer((q, s) => s.end(String(isReady))).listen(0, () => setTimeout(() => { isReady = true; process.send('ready'); }, 200));`,
    });
    await app.start('run', ['--wait-ready']);
    expect(await app.text('/')).toBe('true');
  });

  it('listens at several places, which stay what they are: port 0 twice, a path; and address() says so at once', async () => {
    app = new ScriptApp({
      'server.js': `
const { createServer } = require('http');
const listen = (...where) => { const server = createServer((q, s) => s.end(JSON.stringify(server.address()))); server.listen(...where); return server.address(); };
console.log(JSON.stringify([listen(0, '127.0.0.1') ?? 'looked up', listen(0)]));
listen(__dirname + '/app.sock');`,
    });
    await app.start('run');
    const before = (await app.command('status')).value.main.listeners;
    expect(before).toHaveLength(3);
    const socketPath = join(app.directory, 'app.sock');
    const ask = (): Promise<string> =>
      new Promise((resolve, reject) => {
        request({ socketPath, agent: false }, (response) => response.setEncoding('utf8').on('data', resolve))
          .on('error', reject)
          .end();
      });
    expect(JSON.parse(await ask())).toBe(socketPath);
    expect(await app.command('reload')).toMatchObject({ code: 0 });
    expect(JSON.parse(await ask())).toBe(socketPath);
    expect((await app.command('status')).value.main.listeners).toEqual(before);
    for (const { port } of app.addresses.filter(({ family }) => family !== 'unix')) {
      const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
      expect(await response.json()).toMatchObject({ port });
    }
    app.signal('SIGTERM');
    expect(await app.exit()).toBe(0);
    expect(existsSync(socketPath)).toBe(false);
  });

  it('sees an address that is in use as Node tells it', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    try {
      app = new ScriptApp({
        'server.js': `require('http').createServer().on('error', ({ code, errno, syscall, address, port }) => { console.log(JSON.stringify({ code, errno, syscall, address, port })); process.exit(5); }).listen(${port}, '127.0.0.1');`,
      });
      app.spawn('run');
      expect(await app.exit()).toBe(5);
      expect(JSON.parse(app.output)).toEqual({
        code: 'EADDRINUSE',
        errno: -98,
        syscall: 'listen',
        address: '127.0.0.1',
        port,
      });
    } finally {
      other.close();
    }
  });
});
