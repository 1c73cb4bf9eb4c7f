// Counts what requests did, in the store: each has an id of its own, so that an effect which took place twice is seen.

import { counter, defineModule, f64, text, tree } from 'mofo';

export default defineModule({
  name: 'counting',
  state: { times: tree(text(), f64()), total: counter() },
  http: {
    'GET /hello': () => new Response('hello world'),
    'GET /echo/:id': (_ctx, _request, { id }) => Response.json({ id }),
    'POST /add/:id': async (ctx, request, { id }) => {
      const { amount } = (await request.json()) as { amount: number };
      return ctx.transaction(() => {
        const times = (ctx.state.times.get(id as string) ?? 0) + 1;
        ctx.state.times.set(id as string, times);
        ctx.state.total.add(amount);
        return Response.json({ id, times });
      });
    },
    'GET /sums': (ctx) =>
      ctx.read(() =>
        Response.json({
          ids: ctx.state.times.size,
          total: ctx.state.total.value,
          moreThanOnce: [...ctx.state.times.values()].filter((times) => times !== 1).length,
        }),
      ),
  },
});
