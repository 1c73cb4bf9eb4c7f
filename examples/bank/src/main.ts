// The bank demo: a service under load that is updated, broken, crashed, hung, killed and "rebooted" while it serves.
//
//   node dist/main.js           a timeline, then a table
//   node dist/main.js --json    the timeline on stderr, one JSON object on stdout at the end
//
// Exit code 1 if a connection was refused, the sum changed, a request failed that was not on a connection of a process that died, or a
// version's state is wrong.

import { resultLines } from './result.ts';
import { Scenario } from './scenario.ts';
import { Timeline } from './timeline.ts';

const unknown = process.argv.slice(2).find((argument) => argument !== '--json');
if (unknown !== undefined) {
  process.stderr.write(`Unknown argument ${unknown}. The demo takes --json or nothing.\n`);
  process.exit(2);
}
const isJson = process.argv.includes('--json');
const timeline = new Timeline(isJson);
const result = await new Scenario(timeline).run();
for (const line of resultLines(result)) timeline.line(line);
if (isJson) process.stdout.write(`${JSON.stringify(result)}\n`);
process.exitCode = result.ok ? 0 : 1;
