// Bugs planted on purpose in the processes of an application: the checks of connections.test.ts and connection-losses.test.ts must see them.

import { afterEach, describe, expect, it } from 'vitest';
import { CountingApp } from './support/counting-app.ts';
import { post } from './support/http-bytes.ts';
import { Connection } from './support/verified-clients.ts';

const dist = new URL('../../dist/', import.meta.url);

/** Replaces a method in every process. */
function replacing(file: string, name: string, method: string, by: string): string {
  return `import { ${name} } from '${new URL(file, dist).href}';\n${name}.prototype.${method} = ${by};\n`;
}

let counted: CountingApp;
afterEach(() => counted.app.cleanUp());

/** How often the effect of a request took place whose process was killed while it was open. */
async function timesAfterKill(bytes: string, id: string): Promise<number> {
  const connection = new Connection(counted.port);
  void connection.ask(bytes);
  await counted.underWay(1);
  await counted.kill();
  const times = await counted.times(id);
  connection.end();
  return times;
}

describe('a planted bug is seen', () => {
  it('when nobody says that a request may have had effects: it is run twice', async () => {
    const preload = replacing('connections/request-commit.js', 'RequestCommit', 'say', '() => {}');
    counted = await CountingApp.start({ preload });
    expect(await timesAfterKill(post('/loose/planted', { hold: true }), 'planted')).toBe(2);
  });

  it('when committed answers are not looked for: their requests are run twice', async () => {
    const preload = replacing('connections/committed-answers.js', 'CommittedAnswers', 'get', '() => undefined');
    counted = await CountingApp.start({ preload });
    expect(await timesAfterKill(post('/withheld/planted', { hold: true }), 'planted')).toBe(2);
  });
});
