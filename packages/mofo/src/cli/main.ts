#!/usr/bin/env node
// The `mofo` command.

import { runCli } from './program.ts';

void runCli(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode;
});
