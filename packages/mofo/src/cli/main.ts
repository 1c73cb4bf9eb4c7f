#!/usr/bin/env node
// The `mofo` command.

import { runCli } from './program.ts';

// Whoever read the output has had enough (`mofo status | head -3`): nobody is there to be told, and that is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

void runCli(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode;
});
