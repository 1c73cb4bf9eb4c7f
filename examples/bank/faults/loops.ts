// A bad version of the module `fees`: its task never ends.

import { counter, defineModule } from 'mofo';

export default defineModule({
  name: 'fees',
  state: { reviews: counter() },
  exports: {
    quote: (_ctx, amount: number): number => Math.ceil(amount / 100),
  },
  tasks: {
    review: {
      every: '50ms',
      run(ctx) {
        ctx.state.reviews.add(1);
        for (;;) ctx.state.reviews.value;
      },
    },
  },
});
