// Accounts and transfers. Amounts are whole cents, so that the sum over all accounts can be compared exactly; the fee of a transfer goes to
// the bank's own account, so the sum never changes.

import { counter, defineModule, f64, struct, text, timestamp, tree, uses } from 'mofo';
import type fees from './fees.ts';

export const Account = struct('Account', { owner: text(), balance: f64(), openedAt: timestamp() });

/** The account that fees go to and interest comes from. */
export const BANK = 'bank';

export default defineModule({
  name: 'accounts',
  uses: { fees: uses<typeof fees>() },
  state: { accounts: tree(text(), Account), transfers: counter(), interests: counter() },
  exports: {
    /** Opens accounts if there are none yet; returns how many there are. */
    open(ctx, count: number, balance: number): number {
      if (ctx.state.accounts.size === 0) {
        ctx.state.accounts.set(BANK, { owner: 'the bank', balance: 100 * balance, openedAt: ctx.now() });
        for (let n = 0; n < count; n++)
          ctx.state.accounts.set(`a${n}`, { owner: `customer ${n}`, balance, openedAt: ctx.now() });
      }
      return ctx.state.accounts.size;
    },
    /** Moves money; throws and changes nothing when it cannot. */
    transfer(ctx, from: string, to: string, amount: number): void {
      if (!Number.isSafeInteger(amount) || amount <= 0) ctx.fail('BAD_AMOUNT', amount);
      const source = ctx.state.accounts.get(from) ?? ctx.fail('NO_ACCOUNT', from);
      const target = ctx.state.accounts.get(to) ?? ctx.fail('NO_ACCOUNT', to);
      const bank = ctx.state.accounts.get(BANK) ?? ctx.fail('NO_ACCOUNT', BANK);
      const fee = ctx.uses.fees.quote(amount);
      if (source.balance < amount + fee) ctx.fail('NO_MONEY', from);
      source.balance -= amount + fee;
      target.balance += amount;
      bank.balance += fee;
      ctx.state.transfers.add(1);
    },
    /** Moves one cent from the bank's own account to the next customer's. */
    payInterest(ctx): void {
      const bank = ctx.state.accounts.get(BANK) ?? ctx.fail('NO_ACCOUNT', BANK);
      const customers = ctx.state.accounts.size - 1;
      if (bank.balance < 1 || customers < 1) return;
      const next = ctx.state.accounts.get(`a${ctx.state.interests.value % customers}`) ?? ctx.fail('NO_ACCOUNT');
      bank.balance -= 1;
      next.balance += 1;
      ctx.state.interests.add(1);
    },
    /** Sum over all accounts in cents. */
    sum(ctx): number {
      let sum = 0;
      for (const [, account] of ctx.state.accounts.entries()) sum += account.balance;
      return sum;
    },
  },
  http: {
    'GET /accounts/:id': (ctx, _request, { id }) => {
      const account = ctx.state.accounts.get(id);
      return account === undefined
        ? Response.json({ error: 'NO_ACCOUNT' }, { status: 404 })
        : Response.json({ id, balance: account.balance });
    },
    'GET /sum': (ctx) =>
      Response.json(
        ctx.read(() => ({
          sum: ctx.exports.sum(),
          accounts: ctx.state.accounts.size,
          transfers: ctx.state.transfers.value,
        })),
      ),
    'POST /transfer': async (ctx, request) => {
      const { from, to, amount } = (await request.json()) as { from: string; to: string; amount: number };
      return ctx.transaction(() => {
        ctx.exports.transfer(from, to, amount);
        return Response.json({ ok: true });
      });
    },
  },
  health: (ctx) => ctx.state.accounts.size > 0,
  start: (ctx) => {
    ctx.exports.open(1000, 100_000);
  },
});
