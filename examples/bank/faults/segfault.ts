// A bad version of the module `fees`: its task calls an addon that writes through a null pointer.

import { counter, defineModule, defineTask } from 'mofo';
import { createRequire } from 'node:module';

const { crash } = createRequire(`${process.cwd()}/`)('./native/build/Release/null_dereference.node') as { crash(): void };

export default defineModule({
  name: 'fees',
  state: { reviews: counter() },
  exports: {
    quote: (_ctx, amount: number): number => Math.ceil(amount / 100),
  },
  tasks: {
    review: defineTask({ every: '50ms' }, (ctx) => {
      ctx.state.reviews.add(1);
      crash();
    }),
  },
});
