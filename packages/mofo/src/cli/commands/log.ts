// `mofo log [-f]`: what has happened, also before the last start.

import { MofoError } from '../../errors.ts';
import { writeEvent } from '../../output/index.ts';
import { readEvents } from '../../runtime/event-log.ts';
import { followLog } from '../../runtime/follow-log.ts';
import type { RuntimeEvent } from '../../runtime/messages.ts';
import type { Commands } from '../command-context.ts';

/** Events that are shown unless more are asked for. */
const SHOWN_COUNT = 50;

interface LogOptions {
  readonly follow?: boolean;
  readonly lines: string;
}

/** Adds the command. */
export function addLog(commands: Commands): void {
  const command = commands
    .add('log [module]', 'show what happened: updates, verdicts, crashes, takeovers; of one module, or of all')
    .option('-f, --follow', 'go on with what happens from now on')
    .option('-n, --lines <n>', 'how many events to show', String(SHOWN_COUNT));
  commands.act(command, async ({ config: load, terminal }, module: string | undefined) => {
    const { follow, lines } = command.opts<LogOptions>();
    const count = parseCount(lines);
    const { config } = await load();
    const isWanted = (event: RuntimeEvent): boolean => module === undefined || event.module === module;
    const kept = readEvents(config.directory).filter(isWanted);
    let day = '';
    const show = (event: RuntimeEvent): void => {
      const date = dayOf(event.at);
      if (!terminal.json && date !== day) terminal.line(`  ${terminal.paint('dim', date)}`);
      day = date;
      writeEvent(terminal, event);
    };
    for (const event of count === 0 ? [] : kept.slice(-count)) show(event);
    if (kept.length === 0 && follow !== true && !terminal.json) terminal.line('  nothing has happened yet');
    if (follow !== true) return undefined;
    const end = new AbortController();
    const stop = (): void => end.abort();
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    try {
      await followLog(config.directory, (event) => void (isWanted(event) && show(event)), end.signal);
    } finally {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    }
    return undefined;
  });
}

function parseCount(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw new MofoError('USAGE', `--lines takes a whole number, not "${text}". Nothing was done.`);
}

function dayOf(at: number): string {
  const time = new Date(at);
  return [time.getFullYear(), time.getMonth() + 1, time.getDate()]
    .map((part) => String(part).padStart(2, '0'))
    .join('-');
}
