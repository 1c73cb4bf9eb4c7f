// Bugs planted in the way connections are handed over: the client sees each.

import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { get } from '../runtime/support/http-bytes.ts';
import { Connection } from '../runtime/support/verified-clients.ts';
import { ScriptApp } from './support/script-app.ts';

const program = fileURLToPath(new URL('../../dist/server-script/script-connections.js', import.meta.url));
let app: ScriptApp;
let connection: Connection;
afterEach(async () => {
  connection.end();
  await app.cleanUp();
});

const text = `
require('http').createServer((request, response) => {
  if (request.url === '/wait') { console.log('begun'); response.write('begun'); }
  else response.end('idle');
}).listen(0).keepAliveTimeout = 60_000;`;

/** A script whose processes have that bug. */
async function start(bug: string): Promise<void> {
  app = new ScriptApp({ 'server.js': text });
  app.save('bug.mjs', `import { ScriptConnections } from ${JSON.stringify(pathToFileURL(program).href)};\n${bug}`);
  await app.start('run', [], { NODE_OPTIONS: `--import ${join(app.directory, 'bug.mjs')}` });
  connection = new Connection(app.addresses[0]?.port as number);
}

async function replaced(): Promise<void> {
  app.signal('SIGHUP');
  await app.waitFor(({ kind }) => kind === 'update');
}

describe('it is seen', { timeout: 60_000 }, () => {
  it('when the new process takes what is under way in the old one: the answer is cut', async () => {
    await start(
      'const { serve } = ScriptConnections.prototype; ScriptConnections.prototype.serve = function () { serve.call(this, []); };',
    );
    const asked = connection.ask(get('/wait'));
    await app.until(() => app.output.includes('begun'), 'the request');
    await replaced();
    expect((await asked).problem).toMatch(/ECONNRESET/);
  });

  it('when what is handed over is ended instead: the idle connection is lost', async () => {
    await start(
      'ScriptConnections.prototype.handOverIdle = function () { for (const socket of this.sockets.values()) socket.destroy(); return []; };',
    );
    expect(await connection.ask(get('/'))).toEqual({ body: 'idle' });
    await replaced();
    expect(await connection.ask(get('/'))).toMatchObject({ problem: expect.anything() });
  });
});
