// A bad version of the module `fees`: its task calls an addon that writes through a null pointer.

import { createRequire } from 'node:module';
import { counter, defineModule } from 'mofo';

const { crash } = createRequire(`${process.cwd()}/`)('./native/build/Release/null_dereference.node') as {
  crash(): void;
};

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
        crash();
      },
    },
  },
});
