// What a transfer costs. The demo edits this file while it serves.

import { counter, defineModule } from 'mofo';

export default defineModule({
  name: 'fees',
  state: { reviews: counter() },
  exports: {
    /** Fee in cents for a transfer of `amount` cents. */
    quote: (_ctx, amount: number): number => Math.ceil(amount / 100),
  },
  tasks: {
    review: {
      every: '50ms',
      run(ctx) {
        ctx.state.reviews.add(1);
      },
    },
  },
});
