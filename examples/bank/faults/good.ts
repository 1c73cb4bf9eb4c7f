// A good version of the module `fees`: half the price.

import { counter, defineModule } from 'mofo';

export default defineModule({
  name: 'fees',
  state: { reviews: counter() },
  exports: {
    /** Fee in cents for a transfer of `amount` cents. */
    quote: (_ctx, amount: number): number => Math.ceil(amount / 200),
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
