// The timeline on disk: what the launcher tells, one line of JSON each, so that what happened last night can be read today.
//
//   <directory>/log/events.jsonl      the newest
//   <directory>/log/events.1.jsonl    before it, and so on; what is older than the last file is gone
//
// Lines are appended by one launcher, which holds the instance lock. A line that a death cut short is skipped by readers. Nothing is synced: a power cut may cost the last seconds of
// it, and a failing disk costs the log only.

import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeEvent } from './messages.ts';

/** Bytes at which a file is full; some ten thousand events. */
const LOG_FILE_BYTES_MAX = 2 * 2 ** 20;

/** Files that are kept. */
const LOG_FILE_COUNT = 4;

/** Writes events. */
export class EventLog {
  private readonly directory: string;
  private readonly onFailure: (error: unknown) => void;
  private readonly fileBytesMax: number;
  private fd: number | undefined;
  private bytes = 0;

  /**
   * Opens the log below an app's directory.
   *
   * @param onFailure told once when the disk fails; from then on nothing is written.
   */
  constructor(directory: string, onFailure: (error: unknown) => void, fileBytesMax: number = LOG_FILE_BYTES_MAX) {
    this.directory = logDirectory(directory);
    this.onFailure = onFailure;
    this.fileBytesMax = fileBytesMax;
    this.attempt(() => {
      mkdirSync(this.directory, { recursive: true });
      this.open();
    });
  }

  /** Appends an event. Some 10 µs; never throws. */
  write(event: RuntimeEvent): void {
    if (this.fd === undefined) return;
    this.attempt(() => {
      // A line of its own, also after one that a death has cut short.
      this.bytes += writeSync(this.fd as number, `${JSON.stringify(event)}\n`);
      if (this.bytes >= this.fileBytesMax) this.rotate();
    });
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }

  private open(): void {
    this.fd = openSync(logFile(this.directory, 0), 'a', 0o600);
    this.bytes = fstatSync(this.fd).size;
    if (this.bytes > 0) this.bytes += writeSync(this.fd, '\n');
  }

  private rotate(): void {
    this.close();
    for (let number = LOG_FILE_COUNT - 1; number > 0; number--) {
      const older = logFile(this.directory, number - 1);
      if (existsSync(older)) renameSync(older, logFile(this.directory, number));
    }
    this.open();
  }

  private attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.close();
      this.onFailure(error);
    }
  }
}

/** Where the log of an app lies. */
export function logDirectory(directory: string): string {
  return join(directory, 'log');
}

/** Every event that is kept, oldest first. Lines that are no events (cut short by a death) are left out. */
export function readEvents(directory: string): RuntimeEvent[] {
  const numbers = Array.from({ length: LOG_FILE_COUNT }, (_, index) => LOG_FILE_COUNT - 1 - index);
  const files = numbers.map((number) => logFile(logDirectory(directory), number)).filter((file) => existsSync(file));
  return files.flatMap((file) => eventsIn(readFileSync(file, 'utf8')));
}

/** The events in lines of text. */
export function eventsIn(text: string): RuntimeEvent[] {
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('{') || !line.endsWith('}')) return [];
    try {
      const event = JSON.parse(line) as Partial<RuntimeEvent>;
      return typeof event.at === 'number' && typeof event.message === 'string' ? [event as RuntimeEvent] : [];
    } catch {
      return []; // Cut short, and by chance at a brace.
    }
  });
}

/** A file of the log; 0 is the newest. */
export function logFile(directory: string, number: number): string {
  return join(directory, number === 0 ? 'events.jsonl' : `events.${number}.jsonl`);
}
