// The store's own field types in a declaration: what `ctx.state` gives is what the journal's handles are.
import { type Counter, counter, f64, optional, struct, text, tree } from '@mofo/journal';
import { expect, expectTypeOf, it } from 'vitest';
import { defineModule } from '../src/define/index.ts';

const Account = struct('Account', { owner: text(), balance: f64(), note: optional(text()) });

it('gives the handles of the journal, typed by their elements', () => {
  const accounts = defineModule({
    name: 'accounts',
    state: { accounts: tree(text(), Account), total: counter() },
    exports: {
      transfer(ctx, from: string, amount: number) {
        expectTypeOf(ctx.state.total).toEqualTypeOf<Counter>();
        const source = ctx.state.accounts.get(from) ?? ctx.fail('NO_ACCOUNT', from);
        expectTypeOf(source.balance).toEqualTypeOf<number>();
        source.balance -= amount;
        return source.balance;
      },
    },
    http: {
      'GET /accounts/:id': (ctx, _request, params) =>
        Response.json({ balance: ctx.state.accounts.get(params.id)?.balance }),
    },
  });
  expect(Object.keys(accounts.state)).toEqual(['accounts', 'total']);
});
