// Interest: every 100 ms one cent goes from the bank's own account to the next customer's.

import { defineModule, uses } from 'mofo';
import type accounts from './accounts.ts';

export default defineModule({
  name: 'interest',
  uses: { accounts: uses<typeof accounts>() },
  tasks: {
    pay: {
      every: '100ms',
      run(ctx) {
        ctx.uses.accounts.payInterest();
      },
    },
  },
});
