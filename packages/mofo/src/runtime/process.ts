// The program of main and clone. Both start alike: attach the store (restoring it from the newest good snapshot if there is none), contend for the role, load
// the best versions. Who has the role serves; who has not waits for it, loaded and attached.

import { setFlagsFromString } from 'node:v8';
import { factsOf } from '../error-facts.ts';
import { MofoError } from '../errors.ts';
import type { ApplicationProcess } from './application-process.ts';
import type { FromChild, ToChild } from './messages.ts';

let application: ApplicationProcess | undefined;

function send(message: FromChild): void {
  // The launcher may be gone: then there is nobody to tell, and 'disconnect' stops this process in order.
  if (process.connected) process.send?.(message, () => {});
}

async function receive(message: Exclude<ToChild, { type: 'ping' | 'stop' }>): Promise<void> {
  if (message.type === 'start') {
    const { ApplicationProcess } = await loadRuntime();
    application = await ApplicationProcess.open(message, send);
    await application.start();
    return;
  }
  if (application === undefined)
    throw new MofoError('NOT_READY', `The process got "${message.type}" before it was started.`);
  await application.receive(message);
}

/**
 * V8 compiles a function when it is first called, which for much of the runtime is the moment of a takeover: it would wait for that. So all of it is
 * compiled when it is loaded, and kept: compiled code that was not used for a few collections is dropped otherwise, and a clone may wait for weeks.
 */
async function loadRuntime(): Promise<typeof import('./application-process.ts')> {
  // Node's own modules come compiled, which V8 takes only while its flags are those they were made with: the largest of them, which has
  // `Response`, is loaded before the flags change. That spares a third of a process's start; of the others nothing was to be measured.
  void globalThis.Response;
  setFlagsFromString('--no-flush-bytecode');
  setFlagsFromString('--no-lazy');
  try {
    return await import('./application-process.ts');
  } finally {
    setFlagsFromString('--lazy');
  }
}

let queue: Promise<void> = Promise.resolve();

process.on('message', (raw) => {
  const message = raw as ToChild;
  if (message.type === 'ping') send({ type: 'pong' });
  // Whatever is under way: a start that waits for something must not hold up the end.
  else if (message.type === 'stop') void stop();
  // In order: an update must not overtake the start.
  else queue = queue.then(() => receive(message)).catch(fatal);
});
process.on('disconnect', () => void stop());
// Nobody caught it, so Node ends this process now; the clone finds in the slot whose code it was.
process.on('uncaughtExceptionMonitor', (error, origin) => application?.nameSuspect(error, origin));
// The launcher decides when children stop; a signal to the whole group must not make main's end a crash.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => void stop());

async function stop(): Promise<void> {
  try {
    await application?.stop();
    process.exitCode = 0;
  } catch (error) {
    fatal(error);
  }
  process.exit();
}

function fatal(error: unknown): void {
  const { code, message } = factsOf(error);
  // A coded error says all there is to say, and the launcher says it; of others the stack is all there is.
  if (code === undefined || !process.connected) console.error(error);
  else send({ type: 'refused', code, message });
  process.exitCode = 1;
  // Lets the message out first.
  setImmediate(() => process.exit());
}
