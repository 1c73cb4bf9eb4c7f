// The subject `mofo`: an app under `mofo dev`, where saving the file is all there is to do.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endProgram, startProgram } from '../takeover/start-program.ts';
import type { UpdatedProgram } from './updated-program.ts';

/** The module that is saved: a struct in the store, an export, a task, two routes. */
function subject(mark: number): string {
  return `
import { counter, defineModule, f64, struct, text, tree } from 'mofo';
const Note = struct('Note', { title: text(), weight: f64() });
export default defineModule({
  name: 'subject',
  state: { notes: tree(text(), Note), runs: counter() },
  exports: { mark(_ctx) { return ${mark}; } },
  tasks: { work: { run(ctx, key: string) { ctx.state.notes.set(key, { title: 'note', weight: ${mark} }); } } },
  http: {
    'GET /mark': (ctx) => Response.json({ mark: ctx.exports.mark() }),
    'GET /echo/:id': (_ctx, _request, { id }) => Response.json({ id }),
  },
});
`;
}

/** Says how long the event loop did not turn since it was asked last: for so long no task of any module could begin. */
const pulse = `
import { defineModule } from 'mofo';
let last = performance.now();
let longest = 0;
function beat() {
  const now = performance.now();
  longest = Math.max(longest, now - last);
  last = now;
  beating = setImmediate(beat);
}
let beating: NodeJS.Immediate | undefined;
export default defineModule({
  name: 'pulse',
  http: {
    'GET /pulse': () => { const pauseMs = longest; longest = 0; return Response.json({ pauseMs }); },
  },
  start() { last = performance.now(); beat(); },
  stop() { clearImmediate(beating); },
});
`;

/** Starts it; resolves when a clone stands by. With `pulse`, main never sleeps, so that its pauses are seen. */
export async function startMofo(directory: string, storeName: string, withPulse: boolean): Promise<UpdatedProgram> {
  mkdirSync(join(directory, 'modules'), { recursive: true });
  const file = join(directory, 'modules', 'subject.ts');
  writeFileSync(file, subject(0));
  if (withPulse) writeFileSync(join(directory, 'modules', 'pulse.ts'), pulse);
  const config = {
    name: 'bench-update',
    http: { port: 0 },
    store: { name: storeName, sizeBytes: '64MiB' },
    snapshot: { every: false },
    probation: { tasks: 1, minimum: '1ms' },
  };
  writeFileSync(join(directory, 'mofo.config.json'), JSON.stringify(config));
  const mofo = fileURLToPath(new URL('./bundle/main.js', import.meta.resolve('mofo/package.json')));
  const { child, events } = startProgram([mofo, 'dev', '--json', '--app', directory]);
  const { url } = await events.find((line) => line.kind === 'banner');
  await events.find((line) => line.kind === 'clone');
  let updates = 0;
  return {
    port: Number(new URL(url as string).port),
    save: (mark) => writeFileSync(file, subject(mark)),
    settled: async () => {
      updates++;
      let count = 0;
      // The clone has it too.
      await events.find((line) => {
        const data = line.data as { readonly isMain?: boolean } | undefined;
        if (line.kind === 'update' && line.module === 'subject' && data?.isMain === false) count++;
        return count > updates;
      });
    },
    close: () => endProgram(child, 'SIGTERM'),
  };
}
