// A module whose effects can be counted by the client that caused them.

/** Every request names an id; `times` says how often its effect took place. */
export const counting: string = `
import { counter, defineModule, f64, text, tree } from 'mofo';
const soon = () => new Promise((resolve) => setTimeout(resolve, 3));
const turn = () => new Promise((resolve) => setImmediate(resolve));
const never = () => new Promise(() => {});
/** Hangs in the process with this pid, and nowhere else. */
const passes = (pid) => (Number(pid) === process.pid ? never() : undefined);
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
    'GET /version': () => new Response('version 0'),
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
    // The same, after its body was read.
    'POST /kept/:id': async (ctx, request, { id }) => {
      const { pad } = await request.json();
      ctx.transaction(() => Response.json({ id, times: ctx.exports.note(id), pad: pad.length }));
      return await never();
    },
    // Its answer is not the committed one.
    'POST /other/:id': async (ctx, _request, { id }) => {
      ctx.transaction(() => Response.json({ times: ctx.exports.note(id) }));
      return new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(5).fill(111)); setTimeout(() => c.close(), 60_000); } }));
    },
    // Answers, and then commits another answer, while the next request on the same connection is open.
    'POST /late/:id': async (ctx, _request, { id }) => {
      setTimeout(() => ctx.transaction(() => Response.json({ late: true, times: ctx.exports.note(id + '-late') })), 300);
      return ctx.transaction(() => Response.json({ id, times: ctx.exports.note(id) }));
    },
    // Says more than what was committed.
    'POST /changed/:id': async (ctx, _request, { id }) => {
      const answer = ctx.transaction(() => Response.json({ times: ctx.exports.note(id) }));
      answer.headers.set('x-after', 'set after the commit');
      return answer;
    },
    // Looks at what was committed, and changes nothing.
    'POST /seen/:id': async (ctx, _request, { id }) => {
      const answer = ctx.transaction(() => Response.json({ times: ctx.exports.note(id) }, { headers: { 'X-Own': '1' } }));
      return answer.headers.get('content-type') === 'application/json' ? answer : new Response('no');
    },
    // Its effect is committed without an answer.
    'POST /loose/:id': async (ctx, request, { id }) => {
      const { hold } = await request.json();
      ctx.transaction(() => ctx.exports.note(id));
      if (hold) await never();
      return Response.json({ id });
    },
    'GET /elsewhere/:pid': async (_ctx, _request, { pid }) => { await passes(pid); return Response.json({ elsewhere: true }); },
    'POST /later/:pid/:id': async (ctx, request, { pid, id }) => {
      const { pad } = await request.json();
      await passes(pid);
      return ctx.transaction(() => Response.json({ id, times: ctx.exports.note(id), pad: pad.length }));
    },
    // It may answer from its transaction, but nobody has seen that.
    'POST /unknown/:pid/:id': async (ctx, _request, { pid, id }) => {
      await passes(pid);
      return ctx.transaction(() => Response.json({ times: ctx.exports.note(id) }));
    },
    // Two transactions, of which the first has no answer.
    'POST /twofold/:pid/:id': async (ctx, _request, { pid, id }) => {
      ctx.transaction(() => ctx.exports.note(id + '-first'));
      await passes(pid);
      return ctx.transaction(() => Response.json({ times: ctx.exports.note(id) }));
    },
    // An export that is called outside a transaction is one of its own.
    'POST /outside/:pid/:id': async (ctx, _request, { pid, id }) => {
      ctx.exports.note(id + '-first');
      await passes(pid);
      return ctx.transaction(() => Response.json({ times: ctx.exports.note(id) }));
    },
    // A single call on the state is a transaction of its own.
    'POST /single/:pid/:id': async (ctx, _request, { pid, id }) => {
      ctx.state.times.set(id + '-first', 1 + (ctx.state.times.get(id + '-first') ?? 0));
      await passes(pid);
      return ctx.transaction(() => Response.json({ times: ctx.exports.note(id) }));
    },
    // To look at the state changes nothing.
    'POST /looked/:pid/:id': async (ctx, _request, { pid, id }) => {
      const before = [...ctx.state.times.entries({ gte: id, lte: id })].length + ctx.state.total.value * 0;
      await passes(pid);
      return ctx.transaction(() => Response.json({ before, times: ctx.exports.note(id) }));
    },
    'GET /stuck/:id': async () => await never(),
    'GET /half/:id': () => new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(50).fill(120)); } })),
    // Breaks off after a part. A stream that fails within the turn of its first part is a whole answer, a 500: turns of the loop, for a timer may have run out before
    // the turn ends, when the machine is busy.
    'GET /torn/:id': () => {
      let parts = 0;
      return new Response(new ReadableStream({ async pull(c) {
        for (let turns = 0; turns < 3; turns++) await turn();
        if (parts++ > 0) throw new Error('torn on purpose');
        c.enqueue(new Uint8Array(50).fill(120));
      } }));
    },
    'GET /times/:id': (ctx, _request, { id }) => Response.json({ times: ctx.state.times.get(id) ?? 0 }),
    'GET /twice': (ctx) => Response.json({ ids: [...ctx.state.times.entries()].filter(([, times]) => times !== 1).map(([id]) => id) }),
  },
});
`;
