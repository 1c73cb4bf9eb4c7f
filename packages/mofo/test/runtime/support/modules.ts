// Modules of the applications under test, as source text. `subject` is the one that is updated and broken; `gate` and `ledger` are good throughout.

/** What versions of `subject` differ in. Each body is code. */
export interface SubjectBodies {
  /** At the module's top level. */
  readonly top?: string;
  readonly start?: string;
  readonly stop?: string;
  /** In the task `work`, before it notes that it was done. */
  readonly task?: string;
  /** Options of that task: `hangAfter: '9s',`. */
  readonly taskOptions?: string;
  /** In `GET /subject`. */
  readonly handler?: string;
  /** In the export `quote`. */
  readonly quote?: string;
  /** In a task of its own that runs every 50 ms. */
  readonly beat?: string;
  /** Further routes: `'GET /x': () => …,`. */
  readonly routes?: string;
}

/** A version of `subject`; `mark` tells it from others. */
export function subject(mark: string, bodies: SubjectBodies = {}): string {
  return `
import { counter, defineModule, json, text, tree } from 'mofo';
${bodies.top ?? ''}
export default defineModule({
  name: 'subject',
  state: { done: tree(text(), json()), beats: counter() },
  exports: {
    quote(ctx, amount: number) { ${bodies.quote ?? ''}; return { mark: '${mark}', amount }; },
    done(ctx, key: string) { return ctx.state.done.get(key) ?? []; },
  },
  tasks: {
    work: { ${bodies.taskOptions ?? ''} run(ctx, key: string) {
      ${bodies.task ?? ''};
      ctx.state.done.set(key, [...(ctx.state.done.get(key) ?? []), '${mark}']);
    } },
    ${bodies.beat === undefined ? '' : `beat: { every: '50ms', run(ctx) { ${bodies.beat}; ctx.state.beats.add(1); } },`}
  },
  http: {
    'GET /subject': async (ctx) => { ${bodies.handler ?? ''}; return Response.json({ mark: '${mark}', pid: process.pid }); },
    ${bodies.routes ?? ''}
  },
  ${bodies.start === undefined ? '' : `start(ctx) { ${bodies.start}; },`}
  ${bodies.stop === undefined ? '' : `stop(ctx) { ${bodies.stop}; },`}
});
`;
}

/** Enqueues work for `subject` and calls it; never changes. */
export const gate = `
import { defineModule, json, text, tree, uses } from 'mofo';
export default defineModule({
  name: 'gate',
  uses: { subject: uses() },
  state: { prices: tree(text(), json()) },
  tasks: {
    price: { run(ctx, key: string) { ctx.state.prices.set(key, ctx.uses.subject.quote(1)); } },
  },
  http: {
    'POST /price/:key': (ctx, _request, { key }) => Response.json({ id: ctx.tasks.enqueue('price', key) }),
    'GET /prices': (ctx) => Response.json({ prices: Object.fromEntries(ctx.state.prices.entries()) }),
    'POST /work/:key': (ctx, _request, { key }) => Response.json({ id: ctx.tasks.enqueue('subject.work', key) }),
    'GET /done/:key': (ctx, _request, { key }) => Response.json({ done: ctx.uses.subject.done(key) }),
    'GET /quote': (ctx) => Response.json(ctx.uses.subject.quote(7)),
  },
});
`;

/**
 * Counts in the store, every 20 ms, and notes who counted. Each tick adds 1 to both counters in one transaction, so that they differ only if a
 * transaction was torn. `turns` has one entry for each change of the process that ticks.
 */
export const ledger = `
import { counter, defineModule, list, u32 } from 'mofo';
export default defineModule({
  name: 'ledger',
  state: { ticks: counter(), copies: counter(), turns: list(u32()) },
  tasks: {
    tick: { every: '20ms', run(ctx) {
      ctx.state.ticks.add(1);
      const { turns } = ctx.state;
      if (turns.length === 0 || turns.get(-1) !== process.pid) turns.push(process.pid);
      ctx.state.copies.add(1);
    } },
  },
  http: {
    'GET /ledger': (ctx) => Response.json(ctx.read(() => ({
      ticks: ctx.state.ticks.value, copies: ctx.state.copies.value, turns: [...ctx.state.turns], pid: process.pid,
    }))),
  },
});
`;
