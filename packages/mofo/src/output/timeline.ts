// The timeline of `mofo dev` and `mofo run`: a banner, then one line for each thing that happens.
//
//   14:02:11  fees@a1f3d2    loaded in 3.1 ms, swapped in 0.04 ms            probation

import stringWidth from 'string-width';
import type { RuntimeEvent } from '../runtime/messages.ts';
import type { Style, Terminal } from './terminal.ts';

/** What the banner says. */
export interface BannerFacts {
  readonly version: string;
  readonly name: string;
  readonly url?: string;
  /** `256 MiB (3.1 MiB used)`. */
  readonly store?: string;
  /** `clone ready (pid 4312)`. */
  readonly clone?: string;
  /** What can be pressed; shown to people only. */
  readonly hint?: string;
}

/** Width of the column that names module and version. */
const nameWidth = 14;

/** Column at which states stand, when the message leaves room. */
const messageWidth = 62;

const styles: { readonly [kind in RuntimeEvent['kind']]: Style } = {
  start: 'green',
  update: 'cyan',
  stable: 'green',
  unstable: 'red',
  takeover: 'yellow',
  crash: 'red',
  snapshot: 'blue',
  restore: 'blue',
  task: 'gray',
  clone: 'gray',
  stop: 'gray',
  warning: 'yellow',
};

/** Writes the banner, or `{ "kind": "banner", … }`. */
export function writeBanner(terminal: Terminal, facts: BannerFacts): void {
  if (terminal.json) {
    terminal.data({ kind: 'banner', at: Date.now(), ...facts });
    return;
  }
  const parts = [
    `${terminal.paint('bold', 'mofo')} ${terminal.paint('dim', facts.version)}`,
    terminal.paint('bold', facts.name),
  ];
  if (facts.url !== undefined) parts.push(terminal.paint('cyan', facts.url));
  if (facts.store !== undefined) parts.push(`store ${facts.store}`);
  if (facts.clone !== undefined) parts.push(facts.clone);
  if (facts.hint !== undefined && terminal.isInteractive) parts.push(terminal.paint('dim', facts.hint));
  terminal.line(`  ${parts.join('   ')}`);
  terminal.line();
}

/** Writes one event: a line for people, an object for programs. `data.frame` follows as a code frame. */
export function writeEvent(terminal: Terminal, event: RuntimeEvent): void {
  if (terminal.json) {
    terminal.data(event);
    return;
  }
  for (const line of eventLines(terminal, event)) terminal.line(line);
}

/** The lines of one event. */
export function eventLines(terminal: Terminal, event: RuntimeEvent): string[] {
  const name =
    event.module === undefined ? '' : event.version === undefined ? event.module : `${event.module}@${event.version}`;
  const style = styles[event.kind];
  const [first = '', ...rest] = event.message.split('\n');
  const state = typeof event.data?.state === 'string' ? event.data.state : undefined;
  const head = `  ${terminal.paint('dim', clockTime(event.at))}  ${terminal.paint('bold', padded(name, nameWidth))} ${terminal.paint(style, first)}`;
  const tail =
    state === undefined
      ? ''
      : `${' '.repeat(Math.max(3, messageWidth - stringWidth(first)))}${terminal.paint('dim', state)}`;
  const frame = typeof event.data?.frame === 'string' ? event.data.frame.split('\n') : [];
  const below = [...rest, ...frame.filter((line) => !rest.includes(line))];
  return [head.trimEnd() + tail, ...below.map((line) => `            ${terminal.paint('dim', line)}`.trimEnd())];
}

/** `14:02:11` in the machine's time zone. */
export function clockTime(at: number): string {
  const time = new Date(at);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}

function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - stringWidth(text)));
}
