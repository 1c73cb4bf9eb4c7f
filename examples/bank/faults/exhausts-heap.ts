// A bad version of the module `fees`: its task takes all the heap there is.

import { counter, defineModule, defineTask } from 'mofo';

export default defineModule({
  name: 'fees',
  state: { reviews: counter() },
  exports: {
    quote: (_ctx, amount: number): number => Math.ceil(amount / 100),
  },
  tasks: {
    review: defineTask({ every: '50ms' }, (ctx) => {
      ctx.state.reviews.add(1);
      const hoard: string[][] = [];
      for (;;) hoard.push(new Array(100_000).fill('fee'));
    }),
  },
});
