// A module whose effects can be counted by the client that caused them.

/** Every request names an id; `times` says how often its effect took place. */
export const counting = `
import { counter, defineModule, f64, text, tree } from 'mofo';
const soon = () => new Promise((resolve) => setTimeout(resolve, 3));
const never = () => new Promise(() => {});
export default defineModule({
  name: 'counting',
  state: { times: tree(text(), f64()), total: counter() },
  exports: {
    note(ctx, id: string) {
      const times = (ctx.state.times.get(id) ?? 0) + 1;
      ctx.state.times.set(id, times);
      ctx.state.total.add(1);
      return times;
    },
  },
  http: {
    'GET /echo/:id': (_ctx, _request, { id }) => Response.json({ id }),
    'GET /slow/:id': async (_ctx, _request, { id }) => { await soon(); return Response.json({ id }); },
    'POST /add/:id': async (ctx, request, { id }) => {
      const { pad } = await request.json();
      await soon();
      return ctx.transaction(() => Response.json({ id, times: ctx.exports.note(id), pad: pad.length }));
    },
    // Committed, and then never sent by this process.
    'POST /withheld/:id': async (ctx, request, { id }) => {
      const answer = ctx.transaction(() => Response.json({ id, times: ctx.exports.note(id), text: 'x'.repeat(100) }));
      const { hold } = await request.json();
      if (hold) await never();
      return answer;
    },
    // Its answer is not the committed one.
    'POST /other/:id': async (ctx, _request, { id }) => {
      ctx.transaction(() => Response.json({ times: ctx.exports.note(id) }));
      return new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(5).fill(111)); setTimeout(() => c.close(), 60_000); } }));
    },
    // Its effect is committed without an answer.
    'POST /loose/:id': async (ctx, request, { id }) => {
      const { hold } = await request.json();
      ctx.transaction(() => ctx.exports.note(id));
      if (hold) await never();
      return Response.json({ id });
    },
    // Changes nothing until it is asked to, which it never is.
    'POST /stuck/:id': async () => await never(),
    'GET /stuck/:id': async () => await never(),
    'GET /half/:id': () => new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(50).fill(120)); } })),
    'POST /swallow/:id': async (_ctx, request) => { await request.text(); return await never(); },
    'GET /times/:id': (ctx, _request, { id }) => Response.json({ times: ctx.state.times.get(id) ?? 0 }),
    'GET /twice': (ctx) => Response.json({ ids: [...ctx.state.times.entries()].filter(([, times]) => times !== 1).map(([id]) => id) }),
    'GET /pid': () => Response.json({ pid: process.pid }),
    'GET /die': (_ctx, _request) => { process.kill(process.pid, 'SIGKILL'); return new Response(); },
  },
});
`;
