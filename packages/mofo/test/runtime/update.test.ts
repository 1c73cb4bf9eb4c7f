// Versions come and go while a client keeps asking: a good one goes live without a failed request; one that cannot be loaded changes nothing.

import { rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gate, ledger, subject } from './support/modules.ts';
import { type AppEvent, TestApp } from './support/test-app.ts';

let app: TestApp;
beforeAll(async () => {
  app = new TestApp({ modules: { subject: subject('one', { beat: '' }), gate, ledger } });
  await app.start();
  await app.waitFor({ kind: 'stable', module: 'subject' });
  await app.bothReady();
});
afterAll(() => app.cleanUp());

/** Asks over one kept connection, request after request, until it is stopped. */
class Client {
  readonly marks: string[] = [];
  readonly failures: string[] = [];
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });
  private readonly asking: Promise<void>;
  private isStopped = false;

  constructor(url: string) {
    this.asking = this.ask(url);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.asking;
    this.agent.destroy();
  }

  private async ask(url: string): Promise<void> {
    while (!this.isStopped) {
      await new Promise<void>((resolve) => {
        get(`${url}/subject`, { agent: this.agent }, (response) => {
          let body = '';
          response.setEncoding('utf8').on('data', (text: string) => {
            body += text;
          });
          response.on('end', () => {
            if (response.statusCode === 200) this.marks.push(JSON.parse(body).mark);
            else this.failures.push(`${response.statusCode} ${body}`);
            resolve();
          });
        }).on('error', (error) => {
          this.failures.push(String(error));
          resolve();
        });
      });
    }
  }
}

describe('a good version', () => {
  it('goes live without a failed request, becomes stable, and the clone takes it up', async () => {
    const client = new Client(app.url);
    const since = app.mark();
    app.save('subject', subject('two', { beat: '' }));
    const update = await app.waitFor(({ kind, data }) => kind === 'update' && data?.isMain === true, since);
    await app.waitFor((event) => event.kind === 'stable' && event.version === update.version, since);
    await app.waitFor(
      ({ kind, version, data }) => kind === 'update' && version === update.version && data?.isMain === false,
      since,
    );
    await client.stop();
    expect(client.failures).toEqual([]);
    const change = client.marks.indexOf('two');
    expect(change).toBeGreaterThan(0);
    // Once it is live, no answer comes from the old one.
    expect(new Set(client.marks.slice(0, change))).toEqual(new Set(['one']));
    expect(new Set(client.marks.slice(change))).toEqual(new Set(['two']));
    expect(await app.version('subject', update.version ?? '')).toMatchObject({ state: 'stable' });
  });

  it('that is saved again after another one is trusted as before', async () => {
    const since = app.mark();
    app.save('subject', subject('one', { beat: '' }));
    await app.waitFor(
      ({ kind, module, data }) => kind === 'update' && module === 'subject' && data?.isMain === true,
      since,
    );
    expect(await app.get('/subject')).toMatchObject({ mark: 'one' });
    await app.waitFor({ kind: 'stable', module: 'subject' }, since);
  });
});

describe('a broken source', () => {
  it('that is mended to what runs already is said to be', async () => {
    let since = app.mark();
    app.save('subject', 'export default {;');
    await app.waitFor({ kind: 'warning', module: 'subject' }, since);
    since = app.mark();
    app.save('subject', subject('one', { beat: '' }));
    const event = await app.waitFor({ module: 'subject' }, since);
    expect(event.message).toBe('builds again, and is what runs already');
  });
});

describe('a version that cannot be loaded', () => {
  /** Saves it and gives what is said about it; the old version serves on, and the processes stay. */
  async function saveBad(module: string, source: string, says: (event: AppEvent) => boolean): Promise<AppEvent> {
    const { main } = await app.bothReady();
    const client = new Client(app.url);
    const since = app.mark();
    app.save(module, source);
    const event = await app.waitFor(says, since);
    expect(await app.get('/subject')).toMatchObject({ status: 200, mark: 'one', pid: main });
    await client.stop();
    expect(client.failures).toEqual([]);
    expect(new Set(client.marks)).toEqual(new Set(['one']));
    return event;
  }

  it('because it does not compile is shown with a code frame', async () => {
    const event = await saveBad(
      'subject',
      subject('broken').replace('state: {', 'state: {{'),
      ({ kind, module }) => kind === 'warning' && module === 'subject',
    );
    expect(event.data).toMatchObject({ code: 'BUILD_FAILED', frame: expect.stringContaining('state: {{') as string });
    expect(event.message).toMatch(/modules\/subject\.ts:\d+:\d+/);
    expect(event.message?.split('\n')[0]).toMatch(/[0-9a-f]{6} goes on\.$/);
  });

  it('because it exports nonsense is refused before anything of it runs', async () => {
    const event = await saveBad(
      'subject',
      'export const fees = 3;\n',
      ({ kind, module }) => kind === 'warning' && module === 'subject',
    );
    expect(event.data).toMatchObject({ code: 'EXPORTS_INVALID' });
  });

  it('because its default export is no module is unstable', async () => {
    const event = await saveBad(
      'subject',
      'export default { name: "subject" };\n',
      ({ kind, module }) => kind === 'unstable' && module === 'subject',
    );
    expect(event.message).toMatch(/failed to load: .*defineModule/);
  });

  it('because its top-level code throws is unstable', async () => {
    const event = await saveBad(
      'subject',
      subject('throws at once', { top: "throw new Error('no config here');" }),
      ({ kind, module }) => kind === 'unstable' && module === 'subject',
    );
    expect(event.message).toMatch(/failed to load: LOAD_FAILED at modules\/subject\.ts:3:\d+: .*no config here/);
    expect(await app.version('subject', event.version ?? '')).toMatchObject({ state: 'unstable' });
  });

  it('because it is declared wrongly is unstable, with all that is wrong, wherever it is told', async () => {
    const source = subject('declared wrongly').replace('http: {', 'htpp: {').replace('tasks: {', 'taks: {');
    const since = app.mark();
    const event = await saveBad('subject', source, ({ kind, module }) => kind === 'unstable' && module === 'subject');
    const problems = [/htpp: is no part of a module\. Did you mean "http"\?/, /taks: is no part .* "tasks"\?/];
    const { reason } = await app.version('subject', event.version ?? '');
    const promoted = await app.command('promote', 'subject', event.version ?? '');
    expect(promoted).toMatchObject({ code: 1, errorCode: 'REQUEST_FAILED' });
    const told = JSON.parse(promoted.stderr).error;
    for (const problem of problems) {
      expect(event.message).toMatch(problem);
      expect(reason).toMatch(problem);
      expect(told.message).toMatch(problem);
    }
    expect(told.data).toMatchObject({
      code: 'MODULE_INVALID',
      problems: [{ path: expect.any(String) as string }, {}],
    });
    const notIn = await app.waitFor(({ message }) => message?.includes('is not in') === true, since);
    expect(notIn.message).toMatch(new RegExp(`^[0-9a-f]{6} runs; ${event.version} is not in$`));
  });

  it('with a name that no module can have is refused alone, once', async () => {
    const event = await saveBad(
      'my_mod',
      subject('x'),
      ({ kind, module }) => kind === 'warning' && module === 'my_mod',
    );
    expect(event).toMatchObject({ data: { code: 'NAME_MISMATCH' } });
    expect(event.message).toMatch(/modules\/my_mod\.ts cannot be a module.*Rename the file/);
    rmSync(`${app.directory}/modules/my_mod.ts`);
  });

  it('because its start throws is unstable', async () => {
    const event = await saveBad(
      'subject',
      subject('start throws', { start: "throw new Error('no start')" }),
      ({ kind, module }) => kind === 'unstable' && module === 'subject',
    );
    expect(event.message).toMatch(/failed to load: .*no start/);
  });

  it("because a route of it is another module's is unstable", async () => {
    const event = await saveBad(
      'subject',
      subject('greedy', { routes: "'GET /ledger': () => Response.json({})," }),
      ({ kind, module }) => kind === 'unstable' && module === 'subject',
    );
    expect(event.message).toMatch(/ledger/);
    expect(await app.get('/ledger')).toMatchObject({ status: 200, ticks: expect.any(Number) as number });
  });

  it('is not tried again when it is saved again', async () => {
    const event = await saveBad(
      'subject',
      subject('throws at once', { top: "throw new Error('no config here');" }),
      ({ kind, module, data }) => kind === 'warning' && module === 'subject' && data?.code === 'VERSION_UNSTABLE',
    );
    expect(event.message).toContain('no config here');
  });

  it('of a new module leaves its routes unknown and the others alone', async () => {
    const event = await saveBad(
      'novice',
      "import { defineModule } from 'mofo';\nexport default defineModule({ name: 'novice', http: { 'GET /novice': () => Response.json({}) }, start() { throw new Error('too young'); } });\n",
      ({ kind, module }) => kind === 'unstable' && module === 'novice',
    );
    expect(event.message).toContain('too young');
    expect((await app.get('/novice')).status).toBeGreaterThanOrEqual(404);
  });
});
