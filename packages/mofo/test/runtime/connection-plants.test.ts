// Bugs planted on purpose in the processes of an application: the checks of connections.test.ts and connection-losses.test.ts must see them.

import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { CountingApp } from './support/counting-app.ts';
import { get, post } from './support/http-bytes.ts';
import { Connection } from './support/verified-clients.ts';

const dist = new URL('../../dist/', import.meta.url);

/** Replaces a method in every process. */
function replacing(file: string, name: string, method: string, by: string): string {
  return `import { ${name} } from '${new URL(file, dist).href}';\n${name}.prototype.${method} = ${by};\n`;
}

/** Replaces something of the addon in every process. */
function replacingNative(what: string): string {
  const package_ = new URL('../../../shm-store/', import.meta.url);
  return `
    import { createRequire } from 'node:module';
    const require = createRequire('${new URL('dist/native.js', package_).href}');
    const addon = require('node-gyp-build')('${fileURLToPath(new URL('native', package_))}');
    ${what};
  `;
}

/** Long, for the machine may be busy. */
const LIMIT_MS = 90_000;

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

describe('a planted bug is seen', { timeout: LIMIT_MS }, () => {
  it('when nobody says that a request may have had effects: it is run twice', async () => {
    const preload = replacingNative(
      'addon.ConnectionDesk = class extends addon.ConnectionDesk { beginRequest(number) { return super.beginRequest(number, 0); } setHandling() {} }',
    );
    counted = await CountingApp.start({ preload });
    expect(await timesAfterKill(post('/loose/planted', { hold: true }), 'planted')).toBe(2);
  });

  it('when committed answers are not looked for: their requests are run twice', async () => {
    const preload = replacing('connections/committed-answers.js', 'CommittedAnswers', 'get', '() => undefined');
    counted = await CountingApp.start({ preload });
    expect(await timesAfterKill(post('/withheld/planted', { hold: true }), 'planted')).toBe(2);
  });

  it('when the end of a connection is not told: the peer waits for it, while others hold the descriptor', async () => {
    counted = await CountingApp.start({
      preload: replacingNative('addon.ConnectionDesk = class extends addon.ConnectionDesk { release() {} }'),
    });
    const torn = new Connection(counted.port);
    const answer = torn.ask(get('/torn/1'));
    // Long after the end would have come.
    const other = new Connection(counted.port);
    for (let n = 0; n < 50; n++) await other.ask(get('/slow/2'));
    expect(torn.isOpen).toBe(true);
    torn.end();
    expect((await answer).problem).toMatch(/^closed after \d+ bytes$/);
    other.end();
  });
});

describe('an answer that is cut short on purpose', { timeout: LIMIT_MS }, () => {
  it('is finished by the successor from the exact byte, for it was committed', async () => {
    // The first process that answers this sends the head and five bytes of the body, and no more.
    const preload = `
      import { existsSync, writeFileSync } from 'node:fs';
      import { ServerResponse } from 'node:http';
      const { end } = ServerResponse.prototype;
      ServerResponse.prototype.end = function (...parameters) {
        if (!this.req.url.startsWith('/add/cut') || existsSync('cut')) return end.apply(this, parameters);
        writeFileSync('cut', '');
        this.socket.write(this._header + parameters[0].slice(0, 5));
        return this;
      };
    `;
    counted = await CountingApp.start({ preload });
    const connection = new Connection(counted.port);
    const answer = connection.ask(post('/add/cut', { pad: 'pad' }));
    await new Promise((resolve) => connection.socket.once('data', resolve));
    expect((await counted.kill()).fates).toMatchObject({ finished: 1, reset: 0 });
    expect(await answer).toEqual({ body: JSON.stringify({ id: 'cut', times: 1, pad: 3 }) });
    expect(connection.surplus).toBe('');
    expect(await counted.times('cut')).toBe(1);
    expect((await connection.ask(get('/echo/after'))).body).toBe('{"id":"after"}');
    connection.end();
  });
});

describe('where bytes cannot be noted', { timeout: LIMIT_MS }, () => {
  it('connections end with their process; that is said once, with the reason, and everything else goes on', async () => {
    const preload = replacingNative("addon.installIoHooks = () => { throw new Error('no such entries here'); }");
    counted = await CountingApp.start({ preload });
    const connection = new Connection(counted.port);
    await connection.ask(get('/echo/1'));
    const ended = new Promise((resolve) => connection.socket.once('close', resolve));
    expect(await counted.kill()).toBeUndefined();
    await ended;
    await counted.app.bothReady();
    expect((await counted.ask(get('/echo/2'))).body).toBe('{"id":"2"}');
    const said = counted.app.events.filter(({ data }) => data?.code === 'CONNECTIONS_NOT_KEPT');
    expect(said).toMatchObject([{ kind: 'warning', data: { problem: 'no such entries here' } }]);
  });
});
