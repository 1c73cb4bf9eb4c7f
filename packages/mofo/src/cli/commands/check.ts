// `mofo check`: is this store sound? Every block, list, tree and ref of the store in memory, or of an image.

import { checkStore } from '@mofo/xml-export';
import { showSize } from '../../config/index.ts';
import type { Commands } from '../command-context.ts';
import { exitCodes } from '../exit-codes.ts';
import { withSource } from '../store-source.ts';

/** Adds the command. */
export function addCheck(commands: Commands): void {
  const command = commands
    .add('check', 'check every block and pointer of the store')
    .option('--image <file>', 'check this image instead of the store in memory');
  commands.act(command, async ({ config: load, terminal }, options: { readonly image?: string }) => {
    const { config } = await load();
    return withSource(config, options.image, async (source) => {
      const report = checkStore(source);
      if (terminal.json) terminal.data(report);
      else {
        terminal.line(
          `  ${report.isSound ? terminal.paint('green', 'sound') : terminal.paint('red', `${report.findingCount} findings`)}: ${report.blockCount} blocks, ${report.refCount} refs, ${showSize(report.usedBytes)}`,
        );
        for (const { code, path, granule, message } of report.findings)
          terminal.line(`    ${code} ${path} (granule ${granule}): ${message}`);
      }
      return report.isSound ? undefined : exitCodes.findings;
    });
  });
}
