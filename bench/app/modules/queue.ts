// A queue in which there is always one next task: due every millisecond, and therefore due whenever somebody takes over.

import { defineModule, f64, tree } from 'mofo';

export default defineModule({
  name: 'queue',
  // For each process the time of CLOCK_MONOTONIC in ms at which its first task began.
  state: { starts: tree(f64(), f64()) },
  tasks: {
    next: {
      every: '1ms',
      run(ctx) {
        const [seconds, nanoseconds] = process.hrtime();
        const { starts } = ctx.state;
        if (!starts.has(process.pid)) starts.set(process.pid, seconds * 1e3 + nanoseconds / 1e6);
      },
    },
  },
});
