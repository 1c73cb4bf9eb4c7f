// `mofo doctor`: what on this machine would hurt, each with its remedy.

import { type ExaminedStore, examineThis } from '../../doctor/index.ts';
import { MofoError } from '../../errors.ts';
import type { CommandContext, Commands } from '../command-context.ts';
import { exitCodes } from '../exit-codes.ts';

/** Adds the command. */
export function addDoctor(commands: Commands): void {
  const command = commands.add('doctor', 'say what on this machine would hurt, and what to do about it');
  commands.act(command, async (context) => {
    const { terminal } = context;
    const findings = examineThis(await storeOf(context));
    if (terminal.json) terminal.data({ findings });
    else if (findings.length === 0) terminal.line(`  ${terminal.paint('green', 'nothing on this machine hurts')}`);
    else
      for (const { level, code, message, remedy } of findings) {
        terminal.line(`  ${terminal.paint(level === 'warning' ? 'yellow' : 'dim', code)}  ${message}`);
        terminal.line(`      ${remedy}`);
      }
    return findings.some(({ level }) => level === 'warning') ? exitCodes.findings : undefined;
  });
}

/** The app's store; without an app the machine alone is looked at. */
async function storeOf({ app }: CommandContext): Promise<ExaminedStore | undefined> {
  try {
    return (await app()).config.store;
  } catch (error) {
    if (error instanceof MofoError && error.code === 'CONFIG_NOT_FOUND') return undefined;
    throw error;
  }
}
