// The events of a running app as they come, read from its log: also over its restarts, and while it does not run.

import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync, statSync, watch } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { eventsIn, logDirectory, logFile } from './event-log.ts';
import type { RuntimeEvent } from './messages.ts';

const READ_BYTES = 65_536;

/** Calls `onEvent` for each event that is appended from now on, until `signal` ends it. */
export function followLog(
  directory: string,
  onEvent: (event: RuntimeEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const folder = logDirectory(directory);
  mkdirSync(folder, { recursive: true });
  const tail = new Tail(logFile(folder, 0), onEvent);
  const watcher = watch(folder, { persistent: true }, () => tail.read());
  // What came between the look at the end and the watching.
  tail.read();
  return new Promise((resolve, reject) => {
    const end = (): void => {
      watcher.close();
      tail.close();
      resolve();
    };
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    watcher.once('error', (error) => {
      tail.close();
      reject(error);
    });
  });
}

/** Reads what is appended to a file, and goes on with the next one when it was rotated. */
class Tail {
  private readonly file: string;
  private readonly onEvent: (event: RuntimeEvent) => void;
  private readonly buffer = Buffer.alloc(READ_BYTES);
  private decoder = new StringDecoder('utf8');
  private fd: number | undefined;
  private inode = 0;
  private rest = '';

  constructor(file: string, onEvent: (event: RuntimeEvent) => void) {
    this.file = file;
    this.onEvent = onEvent;
    this.open();
    // Only what comes.
    if (this.fd !== undefined) for (; this.readSome() > 0; ) this.rest = '';
  }

  read(): void {
    if (this.fd === undefined) this.open();
    if (this.fd === undefined) return;
    this.readAll();
    if (!existsSync(this.file) || statSync(this.file).ino === this.inode) return;
    // Rotated: the rest of the old one has been read.
    this.close();
    this.open();
    if (this.fd !== undefined) this.readAll();
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }

  private open(): void {
    if (!existsSync(this.file)) return;
    this.fd = openSync(this.file, 'r');
    this.inode = fstatSync(this.fd).ino;
    this.decoder = new StringDecoder('utf8');
    this.rest = '';
  }

  private readAll(): void {
    while (this.readSome() > 0) {
      const end = this.rest.lastIndexOf('\n') + 1;
      const whole = this.rest.slice(0, end);
      this.rest = this.rest.slice(end);
      for (const event of eventsIn(whole)) this.onEvent(event);
    }
  }

  private readSome(): number {
    const count = readSync(this.fd as number, this.buffer, 0, READ_BYTES, null);
    this.rest += this.decoder.write(this.buffer.subarray(0, count));
    return count;
  }
}
