// `mofo export`: the store, or an image, as XML. Pointers are checked on the way.

import { createWriteStream, rmSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { exportXml } from '@mofo/xml-export';
import { MofoError, systemCodeOf } from '../../errors.ts';
import type { Commands } from '../command-context.ts';
import { exitCodes } from '../exit-codes.ts';
import { withSource } from '../store-source.ts';

/** What the system says of the file, in the words of who named it; other errors as they are. */
function outputUnusable(error: unknown, file: string): unknown {
  const code = systemCodeOf(error);
  const reason = code === undefined ? undefined : reasons[code];
  if (reason === undefined) return error;
  return new MofoError('OUTPUT_UNUSABLE', `${file} cannot be written: ${reason}. Nothing was written.`, {
    cause: error,
  });
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'its directory does not exist; make it, or choose another file',
  ENOTDIR: 'a part of its path is no directory; choose another file',
  EISDIR: 'it is a directory; name a file',
  EACCES: 'you have no right to write there; choose another file',
  EROFS: 'the file system is read-only; choose another file',
  ENOSPC: 'the disk is full; free some space',
};

/** Adds the command. */
export function addExport(commands: Commands): void {
  const command = commands
    .add('export', 'write the store as XML and check every pointer')
    .option('-o, --output <file>', 'write to this file instead of standard output')
    .option('--image <file>', 'export this image instead of the store in memory');
  commands.act(
    command,
    async ({ config: load, terminal }, options: { readonly output?: string; readonly image?: string }) => {
      const { config } = await load();
      return withSource(config, options.image, async (source) => {
        const xml = exportXml(source);
        if (options.output === undefined) {
          for await (const piece of xml) terminal.output.write(piece.toString('utf8'));
        } else {
          // Under its name only when it is complete.
          const temporary = `${options.output}.${process.pid}.tmp`;
          try {
            await pipeline(xml, createWriteStream(temporary));
            await rename(temporary, options.output);
          } catch (error) {
            throw outputUnusable(error, options.output);
          } finally {
            rmSync(temporary, { force: true });
          }
          if (terminal.json)
            terminal.data({ file: options.output, findings: xml.findings, findingCount: xml.findingCount });
          else terminal.line(`  ${options.output} is written, ${xml.findingCount} findings`);
        }
        if (xml.findingCount === 0) return undefined;
        for (const { code, path, message } of xml.findings) terminal.errors.write(`  ${code} ${path}: ${message}\n`);
        return exitCodes.findings;
      });
    },
  );
}
