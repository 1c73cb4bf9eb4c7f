// The program of a measuring process: makes the one measurement that it was assigned, and sends the figures to its parent.

import { benches } from '../benches.ts';
import type { Assignment } from '../framework/measure-in-process.ts';

const assignment = JSON.parse(process.argv[2] ?? '{}') as Assignment;
const group = benches
  .find(({ name }) => name === assignment.bench)
  ?.groups.find(({ name }) => name === assignment.group);
if (group === undefined) throw new Error(`There is no group "${assignment.group}" in bench "${assignment.bench}".`);
const measured = await group.measure(assignment);
// By hand, for a profile, there is no parent: node --cpu-prof dist/programs/measure.js '{"bench":"store","group":…}'
if (process.send === undefined) console.log(measured);
else process.send(measured, () => process.disconnect());
