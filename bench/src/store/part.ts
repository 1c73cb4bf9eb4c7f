// A second process of one measurement: a reader, a writer, someone who opens the store. The measuring process starts it, asks it, gets answers; it ends
// with the measuring process at the latest, being of its process group.

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { PeerContext } from './peer.ts';

/** What a part does; each answers requests of its own. */
export type PartRole = 'reader' | 'writer' | 'opener' | 'journalled' | 'plain';

/** Which part a process is. */
export interface PartAssignment {
  readonly role: PartRole;
  readonly subject: string;
  readonly context: PeerContext;
}

/** A request to a part; `what` is known to the role. */
export interface PartRequest {
  readonly what: string;
  /** How long it is to take. */
  readonly durationMs?: number;
}

/** Handles requests inside a part. Made once it has opened what it needs. */
export type PartHandler = (request: PartRequest) => Promise<unknown>;

/** A running part. */
export interface Part {
  /** Sends a request and waits for the answer. Rejects when the part ends in place of answering. */
  ask<T>(what: string, durationMs?: number): Promise<T>;
  /** Lets it end. */
  end(): Promise<void>;
}

/** Starts a part; resolves when it is ready. */
export async function startPart(role: PartRole, subject: string, context: PeerContext): Promise<Part> {
  const { quick, directory, storeName } = context;
  const assignment: PartAssignment = { role, subject, context: { quick, directory, storeName } };
  const program = fileURLToPath(new URL('../programs/store-part.js', import.meta.url));
  const child = fork(program, [JSON.stringify(assignment)], { execArgv: ['--expose-gc'] });
  const what = `the ${role} of ${subject}`;
  await answerOf(child, what);
  return {
    ask: async <T>(request: string, durationMs?: number) => {
      const answer = answerOf(child, what);
      child.send({ what: request, ...(durationMs === undefined ? {} : { durationMs }) });
      return (await answer) as T;
    },
    end: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.disconnect();
      const code = await ended;
      if (code !== 0) throw new Error(`${what} ended with exit code ${code}.`);
    },
  };
}

async function answerOf(child: ChildProcess, what: string): Promise<unknown> {
  return await new Promise((resolve, reject) => {
    const ended = (code: number | null, signal: string | null): void => {
      child.off('message', answered);
      reject(new Error(`${what} ended with ${signal ?? `exit code ${code}`} before it answered.`));
    };
    const answered = ({ answer }: { answer?: unknown }): void => {
      child.off('exit', ended);
      resolve(answer);
    };
    child.once('exit', ended);
    child.once('message', answered as (message: unknown) => void);
  });
}
