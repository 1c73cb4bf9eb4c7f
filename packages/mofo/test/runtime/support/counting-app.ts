// The application whose effects are counted, ready to be killed.

import { counting } from './counting-module.ts';
import { get, post } from './http-bytes.ts';
import { TestApp, type TestAppOptions } from './test-app.ts';
import { type Answer, Connection } from './verified-clients.ts';

/** What a takeover says of connections. */
export interface TakeoverCounters {
  readonly fates: Readonly<Record<string, number>>;
  readonly losses: Readonly<Record<string, number>>;
}

/** An application of its own. Always `app.cleanUp()` it. */
export class CountingApp {
  readonly app: TestApp;

  private constructor(app: TestApp) {
    this.app = app;
  }

  /** Starts it; when it resolves its module is stable, and its routes are known to answer from a transaction. */
  static async start(options: Omit<TestAppOptions, 'modules'> = {}): Promise<CountingApp> {
    const started = new CountingApp(new TestApp({ modules: { counting }, ...options }));
    await started.app.start();
    await started.ask(post('/add/first-add', { pad: '' }));
    await started.ask(post('/withheld/first-withheld', { hold: false }));
    await started.ask(post('/later/0/first-later', { pad: '' }));
    await started.ask(post('/twofold/0/first-twofold', {}));
    for (const route of ['outside', 'single', 'looked']) await started.ask(post(`/${route}/0/first-${route}`, {}));
    await started.ask(get('/echo/0'));
    await started.app.waitFor({ kind: 'stable', module: 'counting' });
    await started.app.bothReady();
    return started;
  }

  get port(): number {
    return Number(new URL(this.app.url).port);
  }

  /** One request on a connection of its own. */
  async ask(bytes: string): Promise<Answer> {
    const connection = new Connection(this.port);
    const answer = await connection.ask(bytes);
    connection.end();
    return answer;
  }

  /** How often the effect with this id took place. */
  async times(id: string): Promise<number> {
    return (await this.app.get(`/times/${id}`)).times;
  }

  /** Resolves when main has so many requests under way. */
  async underWay(count: number): Promise<void> {
    for (let seen = -1; seen < count; ) seen = (await this.app.command('status')).value.main.http.inFlight;
  }

  /** Kills main, and perhaps the clone before it; resolves with what the launcher says of the takeover. */
  async kill(...before: readonly 'clone'[]): Promise<TakeoverCounters> {
    const pids = await this.app.bothReady();
    const since = this.app.mark();
    for (const victim of before) process.kill(pids[victim], 'SIGKILL');
    process.kill(pids.main, 'SIGKILL');
    const takeover = await this.app.waitFor(
      ({ kind, data }) => kind === 'takeover' && data?.deadPid === pids.main,
      since,
    );
    return takeover.data?.connections as TakeoverCounters;
  }
}
