// The types that one declaration gives. The compiler judges these (tsc -p tsconfig.test.json); the run proves that the same
// code also is a valid declaration.
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { BaseContext, ContextOf } from '../src/define/index.ts';
import { defineModule, defineTask, type PathParams, type StateField, uses } from '../src/define/index.ts';

interface Counter {
  readonly value: number;
  add(amount: number): void;
}

/** A field type as the type level sees it; the real ones come from the journal package. */
const counter = (): StateField<Counter> => ({ kind: 'counter', read: () => ({ value: 0, add() {} }) });

const fees = defineModule({
  name: 'fees',
  state: { quoted: counter() },
  exports: {
    quote(ctx, amount: number) {
      ctx.state.quoted.add(1);
      return amount * 0.01;
    },
  },
  tasks: {
    collect: {
      every: '1s',
      run(_ctx, payload: { account: string }) {
        expectTypeOf(payload.account).toEqualTypeOf<string>();
      },
    },
    tick: { every: 10, run() {} },
  },
});

const accounts = defineModule({
  name: 'accounts',
  uses: { fees: uses<typeof fees>() },
  state: { total: counter() },
  migrate: { 'Account:1': (old) => ({ ...old, openedAt: 0 }) },
  exports: {
    transfer(ctx, from: string, to: string, amount: number) {
      expectTypeOf(ctx.state.total).toEqualTypeOf<Counter>();
      expectTypeOf(ctx.uses.fees.quote).toEqualTypeOf<(amount: number) => number>();
      // @ts-expect-error -- no such state
      void ctx.state.nothing;
      const name: string | undefined = from === '' ? undefined : from;
      expectTypeOf(name ?? ctx.fail('NO_ACCOUNT', to)).toEqualTypeOf<string>();
      return { amount: amount + ctx.uses.fees.quote(amount) };
    },
  },
  tasks: {
    interest: {
      every: '100ms',
      run(ctx) {
        expectTypeOf(ctx.exports.transfer).toEqualTypeOf<
          (from: string, to: string, amount: number) => { amount: number }
        >();
        ctx.state.total.add(1);
      },
    },
    statement: {
      retries: 3,
      backoff: 'exponential',
      async run(ctx, payload: { owner: string }) {
        expectTypeOf(ctx.signal).toEqualTypeOf<AbortSignal>();
        await Promise.resolve(payload.owner);
      },
    },
    apart: defineTask({ delay: '5m' }, (ctx: BaseContext, payload: number) => ctx.log.info(String(payload))),
  },
  http: {
    'POST /accounts/:id/transfer': async (ctx, request, params) => {
      expectTypeOf(request).toEqualTypeOf<Request>();
      expectTypeOf(params).toEqualTypeOf<{ readonly id: string }>();
      ctx.tasks.enqueue('statement', { owner: params.id }, { delay: '1s' });
      ctx.tasks.enqueue('interest');
      ctx.tasks.enqueue('apart', 5);
      ctx.tasks.enqueue('fees.collect', { account: params.id });
      // @ts-expect-error -- the payload of statement has an owner
      ctx.tasks.enqueue('statement', { other: 1 });
      // @ts-expect-error -- the payload is missing
      ctx.tasks.enqueue('fees.collect');
      // @ts-expect-error -- no such task
      ctx.tasks.enqueue('fees.nothing', 1);
      // @ts-expect-error -- transfer takes strings first
      ctx.exports.transfer(1, 2, 3);
      return ctx.transaction(() => {
        expectTypeOf(ctx.exports.transfer('a', 'b', 1)).toEqualTypeOf<{ amount: number }>();
        return Response.json({ ok: true });
      });
    },
    'GET /legacy': {
      node(ctx, request, response) {
        expectTypeOf(request.url).toEqualTypeOf<string | undefined>();
        response.end(String(ctx.state.total.value));
      },
    },
  },
  health: (ctx) => ctx.state.total.value >= 0,
  start(ctx) {
    expectTypeOf(ctx.version.hash).toEqualTypeOf<string>();
  },
  stop(_ctx, signal) {
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
  },
});

describe('the types of a module', () => {
  it('are carried to functions outside the declaration', () => {
    expectTypeOf<ContextOf<typeof accounts>['uses']['fees']['quote']>().toEqualTypeOf<(amount: number) => number>();
    expectTypeOf<ContextOf<typeof fees>['state']['quoted']>().toEqualTypeOf<Counter>();
    expectTypeOf(accounts.name).toEqualTypeOf<'accounts'>();
    expect(Object.keys(accounts.tasks)).toEqual(['interest', 'statement', 'apart']);
    expect(accounts.uses.fees).toEqual({ kind: 'uses', module: undefined });
  });

  it('read parameters from a path', () => {
    expectTypeOf<PathParams<'GET /a/:id/b/:tab'>>().toEqualTypeOf<{ readonly id: string; readonly tab: string }>();
    // biome-ignore lint/complexity/noBannedTypes: a path without parameters has none.
    expectTypeOf<PathParams<'GET /a'>>().toEqualTypeOf<{}>();
  });

  it('refuse what is not declared', () => {
    // @ts-expect-error -- an export must be a function
    expect(() => defineModule({ name: 'x', exports: { rate: 3 } })).toThrow();
    // @ts-expect-error -- an interval has a unit
    expect(() => defineModule({ name: 'x', tasks: { t: { every: '5 parsecs', run() {} } } })).toThrow();
    // @ts-expect-error -- a handler answers with a Response
    expect(defineModule({ name: 'x', http: { 'GET /': () => 5 } }).name).toBe('x');
  });
});
