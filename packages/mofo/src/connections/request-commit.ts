// One request that may have effects, from its handler's first statement to its answer. What it says into the connection's slot decides what a successor may do:
//
//   begin ──the route is known to answer from a transaction──▶ before commit ──commit with the answer──▶ finish from the store
//     ╰──it is not──▶ may have effects ◀──something else is committed, or the answer cannot be stored──╯
//
// What is said is said before the commit that it is about. A death in between errs on the safe side: the request is not run again.

import type { ServerResponse } from 'node:http';
import { CONNECTION_HANDLING, type ConnectionDesk } from '@mofo/shm-store';
import { type AnswerBytes, type AnswerCommit, answerBytes } from '../http/answer-commit.ts';
import type { CommittedAnswers, StoredAnswer } from './committed-answers.ts';

/** What it needs of the process that serves. */
export interface RequestCommitParts {
  readonly desk: ConnectionDesk;
  readonly answers: CommittedAnswers;
  readonly keepAliveTimeoutMs: number;
}

/** What a request's handler does to the store, as far as a successor must know. */
export class RequestCommit implements AnswerCommit {
  committed: { readonly response: Response; readonly answer: AnswerBytes } | undefined;
  private readonly parts: RequestCommitParts;
  private readonly number: number;
  /** Where the request begins on its connection: what is said and committed later is about this one, and not about the next. */
  private readonly start: number;
  private readonly route: string;
  private readonly outgoing: ServerResponse;
  private prepared:
    | { readonly response: Response; readonly answer: AnswerBytes; readonly stored: StoredAnswer }
    | undefined;

  /** The handler is about to begin. */
  constructor(parts: RequestCommitParts, number: number, route: string, outgoing: ServerResponse) {
    this.parts = parts;
    this.number = number;
    this.route = route;
    this.outgoing = outgoing;
    const { beforeCommit, mayHaveEffects } = CONNECTION_HANDLING;
    this.start = parts.desk.beginRequest(number, parts.answers.isKnown(route) ? beforeCommit : mayHaveEffects);
  }

  /** Something is about to be changed that is not in the transaction of the answer. */
  mayHaveEffects(): void {
    // After the answer is committed it is sent, whatever else happens.
    if (this.committed === undefined) this.say(CONNECTION_HANDLING.mayHaveEffects);
  }

  /** Called at the end of an outermost transaction, inside it, with what its body returned. */
  prepare(result: unknown): void {
    this.prepared = undefined;
    const stored = result instanceof Response ? this.answerFor(result) : undefined;
    if (stored !== undefined && this.parts.answers.put(this.number, stored.stored, this.route)) this.prepared = stored;
    else this.mayHaveEffects();
  }

  /** That transaction was committed. */
  wasCommitted(): void {
    if (this.prepared === undefined) return;
    const { response, answer, stored } = this.prepared;
    this.parts.answers.putWasCommitted(this.number, stored, this.route);
    this.committed = { response, answer };
  }

  revoke(): void {
    this.committed = undefined;
    this.say(CONNECTION_HANDLING.answerVoid);
  }

  private answerFor(response: Response): NonNullable<RequestCommit['prepared']> | undefined {
    const { desk, answers, keepAliveTimeoutMs } = this.parts;
    if (this.start < 0 || !desk.canCommit(this.number, this.start)) return undefined;
    const answer = answerBytes(response, this.outgoing, keepAliveTimeoutMs);
    if (answer === undefined || !answers.hasRoom(this.number, answer.bytes.byteLength)) return undefined;
    return { response, answer, stored: { start: this.start, closes: answer.closes, bytes: answer.bytes } };
  }

  private say(handling: number): void {
    if (this.start >= 0) this.parts.desk.setHandling(this.number, this.start, handling);
  }
}
