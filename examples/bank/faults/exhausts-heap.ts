// A bad version of the module `fees`: its task takes all the heap there is.

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
        const hoard: string[][] = [];
        for (;;) hoard.push(new Array(1_000_000).fill('fee'));
      },
    },
  },
});
