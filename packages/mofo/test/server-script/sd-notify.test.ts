// What systemd hears, on a real datagram socket that NOTIFY_SOCKET names, from a server script and from an application of modules.

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { TestApp } from '../runtime/support/test-app.ts';
import { ScriptApp } from './support/script-app.ts';
import { servers } from './support/servers.ts';

// Node has no unix datagrams: another program receives. It prints each message as one JSON line, and first that it listens.
const receiver = `
import json, os, socket, sys
receiving = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = sys.argv[1]
receiving.bind("\\0" + name[1:] if name[0] == "@" else name)
print("[]", flush=True)
while True:
    print(json.dumps(receiving.recv(65536).decode().split("\\n")), flush=True)
`;

/** Receives until it is stopped. */
class ServiceManager {
  readonly messages: string[][] = [];
  private readonly child: ChildProcess;
  private notify: () => void = () => {};

  constructor(name: string) {
    this.child = spawn('python3', ['-c', receiver, name], { stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface({ input: this.child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.messages.push(JSON.parse(line) as string[]);
      this.notify();
    });
  }

  /** Resolves with the first message with this line, after so many messages. */
  async heard(line: string, after = 0): Promise<string[]> {
    for (;;) {
      const found = this.messages.slice(after).find((message) => message.includes(line));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.notify = resolve;
      });
    }
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.child.once('close', () => resolve());
      this.child.kill('SIGKILL');
    });
  }
}

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function manager(name: string): Promise<ServiceManager> {
  const started = new ServiceManager(name);
  undo.push(() => started.stop());
  while (started.messages.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  return started;
}

const text = servers['node:http']?.text as (version: string) => string;

describe('a server script', { timeout: 60_000 }, () => {
  it('is ready, reloads, is alive and stops, in the words of sd_notify; its processes know nothing of it', async () => {
    const app = new ScriptApp({
      'server.js': `console.log(Object.keys(process.env).filter((name) => /NOTIFY|WATCHDOG/.test(name)).join());${text('one')}`,
    });
    undo.push(() => app.cleanUp());
    const name = `@mofo-test-${process.pid}`;
    const systemd = await manager(name);
    app.spawn('run', [], { NOTIFY_SOCKET: name, WATCHDOG_USEC: '200000' });
    const ready = await systemd.heard('READY=1');
    expect(ready).toContain(`MAINPID=${app.pid}`);
    expect(ready.find((line) => line.startsWith('STATUS='))).toContain('server@');
    await systemd.heard('WATCHDOG=1');
    app.save('server.js', text('two'));
    const before = systemd.messages.length;
    app.signal('SIGHUP');
    const reloading = await systemd.heard('RELOADING=1', before);
    const since = Number(reloading.find((line) => line.startsWith('MONOTONIC_USEC='))?.split('=')[1]);
    expect(Math.abs(since / 1e6 - process.hrtime()[0])).toBeLessThan(60);
    await systemd.heard('READY=1', systemd.messages.indexOf(reloading));
    app.signal('SIGTERM');
    await systemd.heard('STOPPING=1');
    expect(await app.exit()).toBe(0);
    expect(app.output.trim()).toBe('');
  });

  it('goes on when nobody hears it, and says so once', async () => {
    const app = new ScriptApp({ 'server.js': text('one') });
    undo.push(() => app.cleanUp());
    await app.start('run', [], { NOTIFY_SOCKET: `/tmp/nobody-${process.pid}`, WATCHDOG_USEC: '20000' });
    expect(await app.text('/version')).toBe('one');
    app.signal('SIGTERM');
    expect(await app.exit()).toBe(0);
    const said = app.events.filter(({ message }) => message?.includes('service manager'));
    expect(said).toHaveLength(1);
  });
});

describe('an application of modules', { timeout: 60_000 }, () => {
  it('is ready and stops in the same words, on a socket with a path', async () => {
    const app = new TestApp({
      modules: { one: `import { defineModule } from 'mofo';\nexport default defineModule({ name: 'one' });` },
    });
    undo.push(() => app.cleanUp());
    const path = `${app.directory}/notify.sock`;
    const systemd = await manager(path);
    app.environment.NOTIFY_SOCKET = path;
    app.spawn('run');
    expect(await systemd.heard('READY=1')).toContain(`MAINPID=${app.launcherPid}`);
    await app.waitFor({ kind: 'banner' });
    app.signal('SIGTERM');
    await systemd.heard('STOPPING=1');
    expect(await app.exit()).toBe(0);
  });
});
