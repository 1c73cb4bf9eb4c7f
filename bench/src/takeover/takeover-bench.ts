import type { Bench } from '../framework/bench.ts';
/** x */
export const takeoverBench: Bench = { name: 'takeover', summary: 'x', rounds: { full: 5, quick: 1 }, limitMs: 1, groups: [] };
