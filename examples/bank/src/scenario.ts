// The story of the demo: what is done to the bank while it serves, and what must hold after each step.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { App, type AppEvent } from './app.ts';
import { emptyCounts, type Load, startLoad } from './load.ts';
import { classifyLost, type DemoResult, type TakeoverRow, type VersionRow } from './result.ts';
import type { Timeline } from './timeline.ts';
import { sumOfXml } from './xml-sum.ts';

const ACCOUNTS = 1000;
const CONNECTIONS = 32;
const REQUESTS_PER_SECOND = 1500;
const LOAD_LIMIT_SECONDS = 85;

interface Fault {
  readonly title: string;
  readonly source: string;
  /** What the reason in the registry must say. */
  readonly reason: RegExp;
  readonly takesOver: boolean;
}

const FAULTS: readonly Fault[] = [
  {
    title: 'a version that throws in a task',
    source: 'faults/throws.ts',
    reason: /the fee table is empty/,
    takesOver: false,
  },
  { title: 'a null pointer in native code', source: 'faults/segfault.ts', reason: /SIGSEGV/, takesOver: true },
  { title: 'an endless loop', source: 'faults/loops.ts', reason: /hang/, takesOver: true },
  { title: 'a heap that is used up', source: 'faults/exhausts-heap.ts', reason: /heap exhausted/, takesOver: true },
  { title: 'process.exit() in a task', source: 'faults/exits.ts', reason: /exit code 3/, takesOver: true },
];

/** Runs the whole story once. */
export class Scenario {
  private readonly timeline: Timeline;
  private readonly app: App;
  private readonly counts = emptyCounts();
  private readonly problems: string[] = [];
  private readonly takeovers: TakeoverRow[] = [];
  private readonly sums: { after: string; sum: number }[] = [];
  private readonly deaths: number[] = [];
  private readonly expectedStates = new Map<string, { state: string; reason: RegExp }>();
  private readonly startedAt = performance.now();
  private load: Load | undefined;
  private snapshot = { bytes: 0, pauseUs: 0 };
  private xml = { valid: false, sum: Number.NaN };
  private versions: VersionRow[] = [];
  /** The version of `fees` that must serve again after each bad one. */
  private goodVersion = '';

  constructor(timeline: Timeline) {
    this.timeline = timeline;
    this.app = new App((event) => this.show(event));
  }

  /** Plays the story and says what it found. Cleans up whatever happens. */
  async run(): Promise<DemoResult> {
    const ticker = setInterval(() => this.showLoad(), 250);
    try {
      await this.play();
    } catch (error) {
      this.problems.push(error instanceof Error ? error.message : String(error));
    } finally {
      clearInterval(ticker);
      await this.load?.stop();
      this.timeline.end();
      await this.app.cleanUp();
    }
    return this.result();
  }

  private async play(): Promise<void> {
    this.timeline.step('The bank opens');
    await this.app.start();
    await this.app.bothReady();
    await this.stable('fees');
    await this.sum('start');
    this.beginLoad();
    await this.goodUpdate();
    for (const fault of FAULTS) await this.fault(fault);
    await this.kills();
    await this.takeSnapshot();
    await this.reboot();
    await this.exportXml();
    await this.readVersions();
    this.timeline.step('The bank closes');
    await this.stopLoad();
    const code = await this.app.stop();
    if (code !== 0) this.problems.push(`the application ended with exit code ${code} instead of 0 after SIGTERM`);
  }

  private async goodUpdate(): Promise<void> {
    this.timeline.step('A good update of fees: half the price');
    const since = this.app.events.length;
    this.app.save('fees', 'faults/good.ts');
    const version = await this.tried('fees', since);
    this.goodVersion = version;
    this.expectedStates.set(version, { state: 'stable', reason: /./ });
    await this.app.waitFor(
      (event) => event.kind === 'stable' && event.version === version,
      'the good version becoming stable',
      15_000,
      since,
    );
    await this.sum('good update');
  }

  private async fault(fault: Fault): Promise<void> {
    this.timeline.step(`A bad update of fees: ${fault.title}`);
    await this.app.bothReady();
    const since = this.app.events.length;
    this.app.save('fees', fault.source);
    const version = await this.tried('fees', since);
    this.expectedStates.set(version, { state: 'unstable', reason: fault.reason });
    if (fault.takesOver) await this.takeover(fault.title, since);
    await this.app.waitFor(
      (event) => event.kind === 'unstable' && event.version === version && fault.reason.test(event.message ?? ''),
      `fees@${version} becoming unstable with a reason like ${fault.reason.source}`,
      15_000,
      since,
    );
    await Promise.all([this.app.bothReady(), this.servesAgain('fees', this.goodVersion)]);
    this.app.save('fees', 'faults/good.ts');
    await this.sum(fault.title);
  }

  private async kills(): Promise<void> {
    this.timeline.step('kill -9 of the main process');
    let pids = await this.app.bothReady();
    let since = this.app.events.length;
    process.kill(pids.main, 'SIGKILL');
    await this.takeover('kill -9 of main', since);
    await this.app.bothReady();
    await this.sum('kill -9 of main');

    this.timeline.step('kill -9 of the clone');
    pids = await this.app.bothReady();
    since = this.app.events.length;
    process.kill(pids.clone, 'SIGKILL');
    await this.app.waitFor(
      (event) => event.kind === 'crash' && event.data?.['pid'] === pids.clone,
      'the end of the clone',
      10_000,
      since,
    );
    await this.app.bothReady();
    await this.sum('kill -9 of the clone');

    this.timeline.step('kill -9 of both at once');
    pids = await this.app.bothReady();
    since = this.app.events.length;
    process.kill(pids.main, 'SIGKILL');
    process.kill(pids.clone, 'SIGKILL');
    await this.app.waitFor(
      (event) => event.data?.['ready'] === true && event.data['role'] === 'main',
      'a new main',
      15_000,
      since,
    );
    await this.app.bothReady();
    await this.sum('kill -9 of both');
  }

  private async takeSnapshot(): Promise<void> {
    this.timeline.step('A snapshot under load');
    const taken = (await this.app.command('snapshot')) as { bytes: number; pauseUs: number };
    this.snapshot = { bytes: taken.bytes, pauseUs: taken.pauseUs };
    await this.sum('snapshot');
  }

  private async reboot(): Promise<void> {
    this.timeline.step('A "reboot": everything is killed and the memory is gone');
    await this.stopLoad();
    await this.app.killAll();
    await this.app.command('destroy', '--force', '--yes');
    const since = this.app.events.length;
    await this.app.start();
    await this.app.waitFor((event) => event.kind === 'restore', 'the restore from the snapshot', 15_000, since);
    await this.app.bothReady();
    await this.sum('reboot');
    this.beginLoad();
  }

  private async exportXml(): Promise<void> {
    this.timeline.step('An XML export, read by other code');
    const file = join(this.app.directory, 'bank.xml');
    await this.app.command('export', '--output', file);
    const schema = schemaFile();
    const { valid, sum, problem } = sumOfXml(file, schema);
    this.xml = { valid, sum };
    this.timeline.event(`valid: ${valid}, sum ${sum}`, valid ? 'green' : 'red');
    if (!valid) this.problems.push(`the XML does not validate: ${problem}`);
    if (sum !== this.sums[0]?.sum) this.problems.push(`the sum in the XML is ${sum} instead of ${this.sums[0]?.sum}`);
  }

  private async readVersions(): Promise<void> {
    const listed = (await this.app.command('versions')) as readonly {
      module: string;
      versions: readonly { id: string; state: string; reason: string }[];
    }[];
    this.versions = listed.flatMap(({ module, versions }) =>
      versions.map(({ id, state, reason }) => ({ module, version: id, state, reason })),
    );
    for (const [version, expected] of this.expectedStates) {
      const found = this.versions.find((row) => row.version === version);
      if (found?.state !== expected.state)
        this.problems.push(`fees@${version} is ${found?.state} instead of ${expected.state}`);
      else if (!expected.reason.test(found.reason))
        this.problems.push(
          `fees@${version} is ${found.state} for "${found.reason}", not for ${expected.reason.source}`,
        );
    }
    for (const module of ['accounts', 'interest']) {
      const states = this.versions.filter((row) => row.module === module).map((row) => row.state);
      if (states.join() !== 'stable')
        this.problems.push(`module ${module} has versions ${states.join()}; it never changed and must be stable`);
    }
  }

  /**
   * The short id of the version of a module that main tries next. A revert to an earlier version, which may be reported late, and the clone's loading are
   * updates too: the new one is on probation, in main, and was never loaded before.
   */
  private async tried(module: string, since: number): Promise<string> {
    const isUpdate = (event: AppEvent): boolean => event.kind === 'update' && event.module === module;
    const known = new Set(this.app.events.slice(0, since).flatMap((event) => (isUpdate(event) ? [event.version] : [])));
    const event = await this.app.waitFor(
      (one) =>
        isUpdate(one) && one.data?.['state'] === 'probation' && one.data['isMain'] === true && !known.has(one.version),
      `a new version of ${module} being tried`,
      15_000,
      since,
    );
    return event.version ?? '';
  }

  /** Resolves when main runs this version of a module. Each question is a command, so there is no need to wait between two. */
  private async servesAgain(module: string, version: string): Promise<void> {
    const limit = performance.now() + 15_000;
    for (;;) {
      const running = await this.app.runningVersion(module);
      if (running === version) return;
      if (performance.now() > limit)
        throw new Error(`${module}@${version} did not serve again within 15 s: ${running ?? 'no version'} runs.`);
    }
  }

  private async stable(module: string): Promise<void> {
    await this.app.waitFor(
      (event) => event.kind === 'stable' && event.module === module,
      `${module} becoming stable`,
      15_000,
      0,
    );
  }

  private async takeover(fault: string, since: number): Promise<void> {
    const event = await this.app.waitFor(
      ({ kind }) => kind === 'takeover',
      `the takeover after ${fault}`,
      20_000,
      since,
    );
    const resumed = await this.app.waitFor(
      ({ kind, data }) => kind === 'task' && data?.['resumedMs'] !== undefined,
      'the next task',
      15_000,
      since,
    );
    this.takeovers.push({
      fault,
      module: event.module ?? '',
      version: event.version ?? '',
      latencyMs: Number(resumed.data?.['resumedMs']),
    });
  }

  /** Asks the bank for its sum; it must be what it was. */
  private async sum(after: string): Promise<void> {
    const response = await fetch(`${this.app.url}/sum`);
    const { sum } = (await response.json()) as { sum: number };
    this.sums.push({ after, sum });
    const first = this.sums[0]?.sum;
    this.timeline.event(`sum over all accounts: ${sum}`, sum === first ? 'green' : 'red');
    if (sum !== first) this.problems.push(`after ${after} the sum is ${sum} instead of ${first}`);
  }

  private beginLoad(): void {
    this.load = startLoad(
      {
        url: this.app.url,
        connections: CONNECTIONS,
        rate: REQUESTS_PER_SECOND,
        limitSeconds: LOAD_LIMIT_SECONDS,
        accounts: ACCOUNTS,
      },
      this.counts,
    );
  }

  private async stopLoad(): Promise<void> {
    await this.load?.stop();
    this.load = undefined;
  }

  private show(event: AppEvent): void {
    if (event.kind === 'crash') this.deaths.push(event.at);
    if (event.kind === 'banner' || event.message === undefined) return;
    const name =
      event.module === undefined
        ? ''
        : event.version === undefined
          ? `${event.module} `
          : `${event.module}@${event.version} `;
    const style = { stable: 'green', unstable: 'red', takeover: 'yellow', crash: 'red', update: 'cyan' }[event.kind] as
      | 'green'
      | undefined;
    this.timeline.event(`${name}${event.message.split('\n')[0]}`, style ?? 'dim');
  }

  private showLoad(): void {
    const { served, refused, lostAt } = this.counts;
    this.timeline.load(
      `        ${served} served · ${refused} refused · ${lostAt.length} lost · longest gap ${this.counts.longestGapMs.toFixed(0)} ms`,
    );
  }

  private result(): DemoResult {
    const lost = classifyLost(this.counts, this.deaths);
    const requests = { served: this.counts.served, refused: this.counts.refused, ...lost };
    const problems = [...this.problems];
    if (requests.refused > 0) problems.push(`${requests.refused} connections were refused`);
    // Reads, and transfers that answer from their transaction: every one of them outlives the process that serves it.
    if (requests.failedInFlight > 0)
      problems.push(`${requests.failedInFlight} requests were lost with a process that died`);
    if (requests.failedOther > 0) {
      const statuses = [...this.counts.wrongStatus].map(([status, count]) => `${count} × ${status}`).join(', ');
      problems.push(
        `${requests.failedOther} requests failed although no process died (${statuses || 'lost or timed out'})`,
      );
    }
    if (requests.served === 0) problems.push('no request was served');
    return {
      ok: problems.length === 0,
      seconds: (performance.now() - this.startedAt) / 1000,
      requests,
      longestGapMs: this.counts.longestGapMs,
      takeovers: this.takeovers,
      versions: this.versions,
      sums: this.sums,
      snapshot: this.snapshot,
      xml: this.xml,
      problems,
    };
  }
}

/** The schema is shipped with the package that exports; `mofo` knows where that is. */
function schemaFile(): string {
  const mofo = createRequire(import.meta.url).resolve('mofo/package.json');
  return createRequire(mofo).resolve('@mofo/xml-export/mofo.xsd');
}
