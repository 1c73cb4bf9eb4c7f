// One process of the soak of killed processes. As a zygote (no role given) it forks children on demand: a line "start ROLE SEED INDEX" on stdin is answered with the
// child's pid, "wait PID" with how it ended. With a role it is such a process itself, started the long way.
//
// Each process counts its rounds in a file, eight bytes at its index. Arguments: packages or -, store, file of counts, zygote addon or -, role, seed, index.

import { openSync, readSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { bankRoots, makeReader, makeWriter } from './bank.mjs';
import { loadPackages } from './load-packages.mjs';

const [folder, name, countsFile, addon, ...own] = process.argv.slice(2);
const { journal } = await loadPackages(folder === '-' ? undefined : folder);
const roots = bankRoots({ journal });
const counts = openSync(countsFile, 'r+');

const zygote = own.length > 0 ? undefined : createRequire(import.meta.url)(addon);
const end = zygote?.end ?? process.reallyExit;

if (zygote === undefined) work(...own);
else serve(zygote);

/** Never returns. */
function work(role, seed, index) {
  const rounds = new Float64Array(1);
  const store = journal.openStore({ name, root: roots, create: false });
  const step = role === 'writer' ? makeWriter(store, Number(seed)) : makeReader(store);
  for (;;) {
    const wrong = step();
    if (wrong !== undefined) {
      writeSync(2, `${role} ${seed}, round ${rounds[0]}: ${wrong}\n`);
      end(7);
    }
    rounds[0] += 1;
    writeSync(counts, rounds, 0, 8, Number(index) * 8);
  }
}

function serve({ fork, waitFor }) {
  for (let line = readLine(); line !== undefined; line = readLine()) {
    const [command, ...args] = line.split(' ');
    if (command === 'wait') {
      writeSync(1, `${waitFor(Number(args[0]))}\n`);
      continue;
    }
    const pid = fork();
    if (pid === 0) {
      try {
        work(...args);
      } catch (error) {
        writeSync(2, `${args[0]} ${args[1]}: ${error.stack}\n`);
        end(8);
      }
    }
    writeSync(1, `${pid}\n`);
  }
}

/** The next line of stdin, waiting for it without the event loop; undefined at its end. */
function readLine() {
  const byte = Buffer.alloc(1);
  let line = '';
  for (;;) {
    let count;
    try {
      count = readSync(0, byte, 0, 1, null);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      continue;
    }
    if (count === 0) return undefined;
    const letter = byte.toString('latin1');
    if (letter === '\n') return line;
    line += letter;
  }
}
