// Processes: who is alive, the moment of a death, signals that hit nobody else, and sockets that a launcher holds.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { constants } from 'node:os';
import type { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import {
  boundPort,
  isProcessAlive,
  killProcess,
  limitCoreDump,
  listenTcp,
  monotonicMs,
  processStartTime,
  watchProcess,
} from '../src/process.ts';
import { startProgram } from './support/run-program.ts';

const { SIGKILL, SIGTERM } = constants.signals;

function codeOf(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'none';
}

describe('who is alive', () => {
  test('start time is the one in /proc, the same in both processes, and gone after the death', async () => {
    const program = startProgram('sleep.mjs', []);
    const { pid, startTime } = (await program.next()) as { pid: number; startTime: number };
    expect(processStartTime(pid)).toBe(startTime);
    expect(isProcessAlive(pid, startTime)).toBe(true);
    expect(isProcessAlive(pid, startTime + 1)).toBe(false);
    await program.kill();
    expect(isProcessAlive(pid, startTime)).toBe(false);
    expect(processStartTime(pid)).toBeUndefined();
  });

  test('a zombie is dead', async () => {
    // The shell becomes a sleep that never waits for the child, which ends when its input does.
    const parent = spawn('sh', ['-c', 'cat <&3 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
    });
    const [line] = (await once(parent.stdout!, 'data')) as [Buffer];
    const pid = Number(line.toString());
    await expect.poll(() => readFileSync(`/proc/${parent.pid}/comm`, 'utf8'), { timeout: 20_000 }).toBe('sleep\n');
    expect(processStartTime(pid)).toBeGreaterThan(0);
    (parent.stdio[3] as Writable).end();
    await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8'), { timeout: 20_000 }).toContain(') Z ');
    expect(processStartTime(pid)).toBeUndefined();
    parent.kill('SIGKILL');
    await once(parent, 'exit');
  });

  test('a command with brackets and blanks in its name does not confuse the reading', async () => {
    const child = spawn('sh', ['-c', 'printf "%s" "a) R 1 (b" > /proc/self/comm; echo; read line'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await once(child.stdout, 'data');
    expect(readFileSync(`/proc/${child.pid}/stat`, 'utf8')).toContain('(a) R 1 (b)');
    const ours = processStartTime(process.pid)!;
    const theirs = processStartTime(child.pid!)!;
    expect(theirs).toBeGreaterThanOrEqual(ours);
    expect(theirs).toBeLessThan(ours + 100_000);
    child.stdin.end('\n');
    await once(child, 'exit');
  });

  test('each thread has a start time of its own', () => {
    expect(processStartTime(process.pid, process.pid)).toBe(processStartTime(process.pid));
    expect(processStartTime(process.pid, 1)).toBeUndefined();
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 40])('pid %d is INVALID_ARGUMENT', (pid) => {
    expect(codeOf(() => processStartTime(pid))).toBe('INVALID_ARGUMENT');
  });
});

describe('watching', () => {
  test('tells the deaths of several processes, each once, whatever the order', async () => {
    const programs = [startProgram('sleep.mjs', []), startProgram('sleep.mjs', []), startProgram('sleep.mjs', [])];
    const pids = (await Promise.all(programs.map((program) => program.next()))).map(({ pid }) => Number(pid));
    const order: number[] = [];
    const watches = pids.map((pid) => watchProcess(pid));
    const told = watches.map(({ exited }, index) => exited.then(() => order.push(index)));
    for (const index of [2, 0, 1]) {
      programs[index]!.child.kill('SIGKILL');
      await told[index];
    }
    expect(order).toEqual([2, 0, 1]);
    await Promise.all(programs.map(({ ended }) => ended));
  });

  test('a process that has ended, or one with the pid of another, is told at once', async () => {
    const program = startProgram('sleep.mjs', []);
    const { pid, startTime } = (await program.next()) as { pid: number; startTime: number };
    await watchProcess(pid, startTime - 1).exited;
    await program.kill();
    await watchProcess(pid, startTime).exited;
    await watchProcess(pid).exited;
  });

  test('a closed watch is silent, and closing twice is harmless', async () => {
    const program = startProgram('sleep.mjs', []);
    const { pid } = (await program.next()) as { pid: number };
    const closed = watchProcess(pid);
    const open = watchProcess(pid);
    let told = false;
    void closed.exited.then(() => {
      told = true;
    });
    closed.close();
    closed.close();
    await program.kill();
    await open.exited;
    expect(told).toBe(false);
  });
});

test('threads that end while they watch end cleanly, however they end', async () => {
  const program = startProgram('watch-in-worker.mjs', []);
  for (const ended of ['exit', 'terminate', 'throw']) expect(await program.next()).toEqual({ ended });
  expect(await program.ended).toBe('0');
});

describe('signals', () => {
  test('hit exactly the process that is meant', async () => {
    const program = startProgram('sleep.mjs', []);
    const { pid, startTime } = (await program.next()) as { pid: number; startTime: number };
    expect(killProcess(pid, startTime + 1, SIGKILL)).toBe(false);
    expect(killProcess(pid, startTime, 0)).toBe(true);
    expect(killProcess(pid, startTime, SIGTERM)).toBe(true);
    expect(await program.ended).toBe('SIGTERM');
    expect(killProcess(pid, startTime, SIGKILL)).toBe(false);
  });

  test('an impossible signal is INVALID_ARGUMENT', () => {
    expect(codeOf(() => killProcess(process.pid, processStartTime(process.pid)!, 65))).toBe('INVALID_ARGUMENT');
  });
});

test('the clock is the one of process.hrtime', () => {
  const before = Number(process.hrtime.bigint()) / 1e6;
  const now = monotonicMs();
  const after = Number(process.hrtime.bigint()) / 1e6;
  expect(now).toBeGreaterThanOrEqual(before - 0.001);
  expect(now).toBeLessThanOrEqual(after + 0.001);
});

test('core dumps are limited to one byte', () => {
  limitCoreDump();
  const line = readFileSync('/proc/self/limits', 'utf8')
    .split('\n')
    .find((text) => text.startsWith('Max core file size'))!;
  expect(['0', '1']).toContain(line.split(/\s+/)[4]);
});

describe('listening', () => {
  test('connections wait in a socket that nobody accepts from, until somebody does', async () => {
    const fd = listenTcp({ host: '127.0.0.1', port: 0 });
    const port = boundPort(fd);
    const client = connect(port, '127.0.0.1');
    await once(client, 'connect');
    const server = createServer((socket) => socket.end('served')).listen({ fd });
    const [data] = (await once(client, 'data')) as [Buffer];
    expect(data.toString()).toBe('served');
    client.destroy();
    server.close();
    await once(server, 'close');
  });

  test('a port in use is PORT_IN_USE, and free again after it is closed', () => {
    const fd = listenTcp({ host: '127.0.0.1', port: 0 });
    const port = boundPort(fd);
    expect(codeOf(() => listenTcp({ host: '127.0.0.1', port }))).toBe('PORT_IN_USE');
    closeSync(fd);
    closeSync(listenTcp({ host: '127.0.0.1', port }));
  });

  test.each([
    ['an address of another machine', { host: '192.0.2.1', port: 0 }, 'ADDRESS_UNAVAILABLE'],
    ['a host that cannot be', { host: 'no such host', port: 0 }, 'ADDRESS_UNAVAILABLE'],
    ['a port out of range', { host: '127.0.0.1', port: 70000 }, 'INVALID_ARGUMENT'],
    ['no port', { host: '127.0.0.1', port: Number.NaN }, 'INVALID_ARGUMENT'],
    ['an unknown option', { host: '127.0.0.1', port: 0, hots: 1 }, 'UNKNOWN_OPTION'],
  ])('%s is refused', (_, options, code) => {
    expect(codeOf(() => listenTcp(options))).toBe(code);
  });

  test('a descriptor that is no socket is refused', () => {
    expect(codeOf(() => boundPort(0))).not.toBe('none');
  });
});
