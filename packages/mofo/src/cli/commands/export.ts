// `mofo export`: the store, or an image, as XML. Pointers are checked on the way.

import { createWriteStream, rmSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { exportXml } from '@mofo/xml-export';
import type { Commands } from '../command-context.ts';
import { exitCodes } from '../exit-codes.ts';
import { withSource } from '../store-source.ts';

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
