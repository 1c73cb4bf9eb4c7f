// How a process says what happens: events for the timeline, sent to the launcher.

import type { FromChild, RuntimeEvent } from './messages.ts';

/** Tells the launcher that something has happened. */
export type Emit = (
  kind: RuntimeEvent['kind'],
  message: string,
  data?: Readonly<Record<string, unknown>>,
  module?: string,
  version?: string,
) => void;

/** An `Emit` over the channel to the launcher. */
export function emitOver(send: (message: FromChild) => void): Emit {
  return (kind, message, data, module, version) =>
    send({
      type: 'event',
      event: {
        at: Date.now(),
        kind,
        message,
        ...(data === undefined ? {} : { data }),
        ...(module === undefined ? {} : { module }),
        ...(version === undefined ? {} : { version }),
      },
    });
}
