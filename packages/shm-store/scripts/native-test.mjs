// Compiles the core with its C++ tests and runs them: playback and cut test under the address and undefined-behaviour sanitizers, threads under
// the thread sanitizer, killed processes as they are. Then checks that every store of the core was a place of death at least once, and
// that each planted bug makes a test fail. Ends with a line "N passed, N failed".
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const native = fileURLToPath(new URL('../native', import.meta.url));
const build = mkdtempSync(join(tmpdir(), 'mofo-native-test-'));
const suiteLimitMs = 60_000;

const core = ['guard', 'lock', 'recovery', 'transaction', 'wait'];
const backup = ['backup', 'crc32', 'huge-pages', 'image', 'segment'];
const waiting = ['role', 'role-watcher', 'doorbell-watcher', 'process'];
const connections = [
  'answer-meter',
  'connection-channel',
  'connection-hub',
  'connection-plan',
  'connection-slot',
  'connection-table',
  'http-framing',
  'tcp-account',
];
const common = ['-std=c++17', '-g', '-O1', '-Wall', '-Wextra', '-Werror', '-pthread'];
const builds = {
  address: ['-DMOFO_CUT_TEST', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
  plain: ['-DMOFO_CUT_TEST'],
  thread: ['-fsanitize=thread', '-Wno-tsan'],
};
const suites = [
  {
    name: 'playback, undo and recovery',
    build: 'address',
    units: [...core, 'test/image', 'test/cut', 'test/playback-test'],
  },
  { name: 'cut after every store', build: 'address', units: [...core, 'test/image', 'test/cut', 'test/cut-test'] },
  {
    name: 'killed processes and the write lock',
    build: 'plain',
    units: [...core, 'process', 'test/image', 'test/cut', 'test/lock-test'],
  },
  {
    name: 'killed processes, role and waits',
    build: 'plain',
    units: [...core, ...waiting, 'test/image', 'test/cut', 'test/role-test'],
  },
  { name: 'threads', build: 'thread', units: [...core, ...waiting, 'test/image', 'test/thread-test'] },
  {
    name: 'backup and image files',
    build: 'address',
    units: [...core, ...backup, 'test/image', 'test/cut', 'test/backup-test'],
  },
  { name: 'connections', build: 'address', units: [...connections, 'test/connection-test'] },
  { name: 'connections, threads', build: 'thread', units: [...connections, 'test/connection-test'] },
];
// Each is compiled into one unit of the test build only; see the #ifdef in it.
const plants = [
  { name: 'mark cleared before playback', define: 'MOFO_PLANT_EARLY_CLEAR', unit: 'recovery', suite: suites[1] },
  {
    name: 'mark cleared before the undo count',
    define: 'MOFO_PLANT_MARK_BEFORE_UNDO',
    unit: 'recovery',
    suite: suites[1],
  },
  { name: 'sequence not raised', define: 'MOFO_PLANT_NO_SEQUENCE', unit: 'recovery', suite: suites[1] },
  {
    name: 'pthread_mutex_consistent forgotten',
    define: 'MOFO_PLANT_NO_CONSISTENT',
    unit: 'lock',
    suite: suites[2],
    only: 'a holder killed after any store',
  },
  {
    name: 'a page called clean before it is copied',
    define: 'MOFO_PLANT_CLEAN_BEFORE_COPY',
    unit: 'backup',
    suite: suites[5],
  },
  {
    name: 'requests sent before their turn are forgotten',
    define: 'MOFO_PLANT_PIPELINED_FORGOTTEN',
    unit: 'connection-slot',
    suite: suites[6],
  },
  {
    name: 'a request fed again for ever',
    define: 'MOFO_PLANT_FED_FOR_EVER',
    unit: 'connection-plan',
    suite: suites[6],
  },
  {
    name: 'the answer to HEAD taken to have a body',
    define: 'MOFO_PLANT_HEAD_HAS_BODY',
    unit: 'answer-meter',
    suite: suites[6],
  },
  {
    name: "the peer's end counted as a byte that was read",
    define: 'MOFO_PLANT_END_COUNTS',
    unit: 'tcp-account',
    suite: suites[6],
  },
  {
    name: "the kernel's counts taken at different moments",
    define: 'MOFO_PLANT_COUNTS_APART',
    unit: 'tcp-account',
    suite: suites[6],
    only: 'the counts are of one moment',
  },
];

let passed = 0;
let failed = 0;

try {
  await test();
} finally {
  rmSync(build, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

async function test() {
  const objects = new Map();
  for (const suite of suites) {
    for (const unit of suite.units)
      objects.set(objectOf(suite.build, unit), { build: suite.build, unit, define: undefined });
  }
  for (const plant of plants) {
    objects.set(objectOf(plant.suite.build, plant.unit, plant.define), {
      build: plant.suite.build,
      unit: plant.unit,
      define: plant.define,
    });
  }
  await inParallel([...objects.values()], compile);

  const sites = new Set();
  for (const suite of suites) {
    const program = await link(
      suite,
      suite.units.map((unit) => objectOf(suite.build, unit)),
    );
    const result = await run(program, []);
    const lines = result.output.split('\n');
    for (const line of lines) if (line.startsWith('cut ')) sites.add(line.slice(4));
    const counts = /^(\d+) passed, (\d+) failed$/m.exec(result.output);
    const good = Number(counts?.[1] ?? 0);
    const bad = Math.max(Number(counts?.[2] ?? 1), result.code === 0 ? 0 : 1);
    passed += good;
    failed += bad;
    if (bad > 0) console.log(result.output);
    const states = lines.reduce((sum, line) => sum + Number(/ (\d+) cut states$/.exec(line)?.[1] ?? 0), 0);
    console.log(`${suite.name}: ${good} passed, ${bad} failed${states > 0 ? ` (${states} cut states)` : ''}`);
    for (const line of lines) if (/ms( after the limit)?$/.test(line)) console.log(line);
  }

  const missing = storeSites().filter((site) => !sites.has(site));
  count(
    missing.length === 0,
    `every store was cut: ${storeSites().length - missing.length} of ${storeSites().length}`,
    missing.join(' '),
  );

  for (const plant of plants) {
    const units = plant.suite.units.map((unit) =>
      objectOf(plant.suite.build, unit, unit === plant.unit ? plant.define : undefined),
    );
    const program = await link({ name: plant.define }, units, plant.suite.build);
    const result = await run(program, plant.only === undefined ? [] : [plant.only]);
    count(/^\d+ passed, [1-9]\d* failed$/m.test(result.output), `planted bug is caught: ${plant.name}`, result.output);
  }
}

function count(isGood, claim, detail) {
  if (isGood) passed++;
  else failed++;
  console.log(`${claim}: ${isGood ? 'passed' : `failed\n${detail}`}`);
}

/** "file:line" of every store into a segment in the core's sources, planted bugs left out. */
function storeSites() {
  const result = [];
  for (const unit of [...core, ...waiting, ...backup]) {
    let isPlant = false;
    readFileSync(join(native, `${unit}.cc`), 'utf8')
      .split('\n')
      .forEach((line, index) => {
        if (line.startsWith('#ifdef MOFO_PLANT')) isPlant = true;
        if (line.startsWith('#endif')) isPlant = false;
        const isStore = /\b(storeByte|storeWord|storeDouble|addWord|swapWord|copyGranules)\(/.test(
          line.replace(/\/\/.*/, ''),
        );
        if (isStore && !isPlant) result.push(`${unit}.cc:${index + 1}`);
      });
  }
  return result;
}

function objectOf(buildName, unit, define) {
  return join(build, `${buildName}-${unit.replaceAll('/', '-')}${define === undefined ? '' : `-${define}`}.o`);
}

async function compile({ build: buildName, unit, define }) {
  const flags = [...common, ...builds[buildName], ...(define === undefined ? [] : [`-D${define}`, '-Wno-unused'])];
  await runOrThrow('g++', [...flags, '-c', `${unit}.cc`, '-o', objectOf(buildName, unit, define)]);
}

async function link(suite, objects, buildName = suite.build) {
  const program = join(build, suite.name.replaceAll(/\W+/g, '-'));
  await runOrThrow('g++', [...common, ...builds[buildName], ...objects, '-o', program]);
  return program;
}

async function runOrThrow(command, args) {
  const result = await run(command, args);
  if (result.code !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${result.output}`);
}

/** Runs a program in its own process group, so that its forked children end with it. */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: native, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const endGroup = () => {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch (error) {
        if (error.code !== 'ESRCH') throw error;
      }
    };
    const limit = setTimeout(() => {
      output += `\nstopped: it ran longer than ${suiteLimitMs} ms\n`;
      endGroup();
    }, suiteLimitMs);
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (output += data));
    child.on('error', reject);
    child.on('exit', endGroup);
    child.on('close', (code) => {
      clearTimeout(limit);
      resolve({ code, output });
    });
  });
}

async function inParallel(items, work) {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
    }),
  );
}
