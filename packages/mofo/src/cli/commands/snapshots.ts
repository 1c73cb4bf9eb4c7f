// `mofo snapshots`: the images on disk, newest first, also those that are refused and why.

import { existsSync } from 'node:fs';
import { listSnapshots } from '@mofo/snapshot';
import { showSize } from '../../config/index.ts';
import { tableLines } from '../../output/index.ts';
import type { Commands } from '../command-context.ts';

/** Adds the command. */
export function addSnapshots(commands: Commands): void {
  const command = commands.add('snapshots', 'list the images on disk, newest first');
  commands.act(command, async ({ config: load, terminal }) => {
    const { snapshot, store } = (await load()).config;
    // The folder comes with the first image.
    const all = existsSync(snapshot.directory) ? await listSnapshots(snapshot.directory) : [];
    const images = all.filter(({ header }) => header === undefined || header.name === store.name);
    const rows = images.map(({ id, file, header, problem }) => ({
      id,
      file,
      bytes: header?.fileBytes,
      timeline: header?.timeline,
      createdAt: header?.createdAt,
      problem,
    }));
    if (terminal.json) {
      terminal.data(rows);
      return undefined;
    }
    if (rows.length === 0) terminal.line('  no snapshots yet: npx mofo snapshot takes one');
    const cells = rows.map(({ id, bytes, timeline, problem }) => [
      id,
      bytes === undefined ? '' : showSize(bytes),
      timeline === undefined ? '' : `timeline ${timeline}`,
      problem === undefined ? '' : terminal.paint('red', problem),
    ]);
    for (const line of tableLines(cells, { indent: '  ' })) terminal.line(line);
    return undefined;
  });
}
