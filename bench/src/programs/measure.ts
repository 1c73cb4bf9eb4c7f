// The program of a measuring process: makes the measurements that it was assigned, and sends the figures to its parent.

import { benches } from '../benches.ts';
import type { Measured } from '../framework/bench.ts';
import type { Assignment } from '../framework/measure-in-process.ts';

const assignment = JSON.parse(process.argv[2] ?? '{}') as Assignment;
const { subject, quick } = assignment;
const groups = benches.find(({ name }) => name === assignment.bench)?.groups;
const measured: Measured[] = [];
for (const part of assignment.parts) {
  const group = groups?.find(({ name }) => name === part.group);
  if (group === undefined) throw new Error(`There is no group "${part.group}" in bench "${assignment.bench}".`);
  const { directory, storeName } = part;
  measured.push(...(await group.measure({ subject, quick, directory, storeName })));
}
// By hand, for a profile, there is no parent:
//   node --cpu-prof dist/programs/measure.js '{"bench":"store","subject":"mofo","parts":[{"group":…}]}'
if (process.send === undefined) console.log(measured);
else process.send(measured, () => process.disconnect());
