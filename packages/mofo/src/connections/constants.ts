// The limits of what is kept for a successor, each with its price.

/** Longest answer, head and body, that is committed with its effects: it is copied into the store at each such request. */
export const ANSWER_BYTES_MAX: number = 16 * 2 ** 10;

/** Share of the store that committed answers may fill; beyond, answers are not committed any more until connections close. */
export const ANSWERS_SHARE_OF_STORE: number = 1 / 16;

/** Idle connections that are adopted in one turn of the event loop, at some 0.1 ms each: what is more waits for the next, so that tasks and answers go on in between. */
export const ADOPTED_AT_ONCE_MAX = 64;

/** Routes known to answer from a transaction; all are forgotten beyond, and learnt again. Old versions of modules are among them. */
export const ROUTES_KNOWN_MAX = 1_000;
