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
      // On a busy machine it takes longer than the app's limit to use it up, and would count as a hang.
      hangAfter: '15s',
      run(ctx) {
        ctx.state.reviews.add(1);
        const hoard: string[][] = [];
        for (;;) hoard.push(new Array(1_000_000).fill('fee'));
      },
    },
  },
});
