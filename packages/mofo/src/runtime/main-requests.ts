// Requests that wait for main's answer.

import { MofoError } from '../errors.ts';
import type { Child } from './child.ts';
import type { ControlRequest } from './control-socket.ts';
import type { FromChild } from './messages.ts';

/** Longest time in ms that a request waits for main's answer. */
const REQUEST_LIMIT_MS = 60_000;

interface PendingRequest {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Asks main, and matches answers to requests. */
export class MainRequests {
  private readonly pending = new Map<number, PendingRequest>();
  private nextId = 1;

  /**
   * Asks main to do something.
   *
   * @throws (rejects) MofoError NOT_READY when no answer came in time; what main refused, as REQUEST_FAILED with its code.
   */
  ask(main: Child, request: ControlRequest): Promise<unknown> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.pending.delete(id);
        reject(
          new MofoError(
            'NOT_READY',
            `Main did not answer within ${REQUEST_LIMIT_MS} ms. Look at it with: npx mofo status`,
          ),
        );
      }, REQUEST_LIMIT_MS).unref();
      const settle = (done: () => void): void => {
        clearTimeout(timer);
        done();
      };
      this.pending.set(id, {
        resolve: (value) => settle(() => resolve(value)),
        reject: (error) => settle(() => reject(error)),
      });
      main.send({ type: 'request', id, ...request });
    });
  }

  /** An answer has come; one that nobody waits for any more is dropped. */
  answered(answer: Extract<FromChild, { type: 'answer' }>): void {
    const pending = this.pending.get(answer.id);
    this.pending.delete(answer.id);
    if (answer.error === undefined) pending?.resolve(answer.value);
    else {
      const { code, message, data } = answer.error;
      pending?.reject(new MofoError('REQUEST_FAILED', message, { data: { ...data, code } }));
    }
  }

  /** Nobody will answer any more. */
  rejectAll(): void {
    for (const { reject } of this.pending.values())
      reject(new MofoError('NOT_READY', 'The application is stopping. Nothing was done.'));
    this.pending.clear();
  }
}
