// The application in which a cell is run: the module that fails, those that must not suffer from it, and clients that check every byte and every effect.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { counting } from '../runtime/support/counting-module.ts';
import { get, post } from '../runtime/support/http-bytes.ts';
import { gate, ledger, type SubjectBodies, subject } from '../runtime/support/modules.ts';
import { resetOnly } from '../runtime/support/reset-only.ts';
import { type AppEvent, TestApp } from '../runtime/support/test-app.ts';
import { VerifiedClients } from '../runtime/support/verified-clients.ts';

const CLIENT_COUNT = 4;
const MODULES = ['subject', 'gate', 'ledger', 'counting', 'people'];
const PEOPLE = ['ann', 'ben', 'cem', 'dora', 'eve'];

/** Takes a file away; true for the one process that did. */
const takeAway = `
import { unlinkSync, writeFileSync as announce } from 'node:fs';
const takes = (file: string): boolean => { try { unlinkSync(file); return true; } catch { return false; } };
`;

/** The file that arms a fault, and the one that says that the code has come to a place. */
const ARMED = 'armed';
const ENTERED = 'entered';

/** Code that strikes once, in the process that comes first after `arm`. */
export function once(code: string): string {
  return `if (takes('${ARMED}')) { ${code} }`;
}

/** Code that says that it is under way, and then keeps its process busy for so many ms. */
export function lingers(ms: number): string {
  return `if (takes('${ARMED}')) { announce('${ENTERED}', ''); for (const until = Date.now() + ${ms}; Date.now() < until; ); }`;
}

/** What the application was like before the fault. */
export interface Before {
  readonly main: number;
  readonly clone: number;
  readonly term: number;
  /** Where the events since then begin. */
  readonly since: number;
}

/** An application for one cell. Always `end` it. */
export class CellApp {
  readonly app: TestApp;
  private clients: VerifiedClients | undefined;

  /** @param bodies of the version `good`. */
  constructor(bodies: SubjectBodies, config: Readonly<Record<string, unknown>>) {
    const modules = { subject: versionOf('good', bodies), gate, ledger, counting, people: peopleOf('age: f64()', '') };
    this.app = new TestApp({ modules, config });
  }

  /** Starts it; every module is stable when it resolves. */
  async start(): Promise<void> {
    const { app } = this;
    await app.start();
    await app.bothReady();
    for (let n = 0; n < 5; n++) {
      await app.get('/quote');
      await app.get(`/times/${n}`);
    }
    for (const name of PEOPLE) await app.get(`/people/${name}`, 'POST');
    // Its first answer from a transaction makes the route known as one that may be run again.
    await fetch(`${app.url}/add/first`, { method: 'POST', body: '{"pad":""}' });
    for (const module of MODULES) await app.waitFor({ kind: 'stable', module });
    await app.bothReady();
  }

  /** Begins to ask; everything from now on is counted. */
  async load(): Promise<Before> {
    const { app } = this;
    this.clients = new VerifiedClients(app.url, CLIENT_COUNT, (id) =>
      id % 2 === 0
        ? { kind: 'GET', bytes: get(`/echo/${id}`), body: JSON.stringify({ id: String(id) }) }
        : {
            kind: 'POST',
            bytes: post(`/add/c${id}`, { pad: '' }),
            body: JSON.stringify({ id: `c${id}`, times: 1, pad: 0 }),
          },
    );
    const { term } = (await this.status()).store;
    return { ...(await app.bothReady()), term, since: app.mark() };
  }

  /** Saves a version and resolves with its id when the launcher has news of it. */
  async save(mark: string, bodies: SubjectBodies): Promise<string> {
    const { app } = this;
    const since = app.mark();
    app.save('subject', versionOf(mark, bodies));
    return (
      (await app.waitFor(({ module, version }) => module === 'subject' && version !== undefined, since)).version ?? ''
    );
  }

  /** Saves a version and resolves with its id when main has it in. */
  async goLive(mark: string, bodies: SubjectBodies): Promise<string> {
    const { app } = this;
    const since = app.mark();
    app.save('subject', versionOf(mark, bodies));
    return (await app.waitFor(isLive, since)).version ?? '';
  }

  /** The source of a version. */
  source(mark: string, bodies: SubjectBodies): string {
    return versionOf(mark, bodies);
  }

  /** Resolves when the clients have been answered so many times more. */
  async served(count: number): Promise<void> {
    const wanted = (this.clients?.total ?? 0) + count;
    await this.until(() => (this.clients?.total ?? 0) >= wanted, `${count} answers`);
  }

  /** Ends the load, whose connections have ended with the application. */
  async abandonLoad(): Promise<void> {
    const report = await this.clients?.stop();
    this.clients = undefined;
    deepEqual(report?.wrong, []);
  }

  /** Lets the code of `once` strike, or that of `lingers` say when it is under way. */
  arm(): void {
    writeFileSync(join(this.app.directory, ARMED), '');
  }

  /** Resolves when the code of `once` has struck. */
  struck(): Promise<void> {
    return this.until(() => !existsSync(join(this.app.directory, ARMED)), 'the fault has struck');
  }

  /** Resolves when the code of `lingers` is under way. */
  entered(): Promise<void> {
    return this.until(() => existsSync(join(this.app.directory, ENTERED)), 'the place was come to');
  }

  /** Saves a version of `people` that keeps another field, with this code where each record is migrated; resolves with its id when it waits for an operator's word. */
  async saveMigration(code: string): Promise<string> {
    const since = this.app.mark();
    this.app.save('people', peopleOf('birthYear: f64()', code));
    const refused = await this.app.waitFor(({ data }) => data?.code === 'MIGRATION_STRANDS', since);
    return refused.version ?? '';
  }

  /** All people have this one field beside their names. */
  async expectPeople(...fields: readonly ('age' | 'birthYear')[]): Promise<void> {
    const { people } = await this.app.get('/people');
    deepEqual(
      people.map(({ name }: { name: string }) => name),
      PEOPLE,
    );
    const forms = new Set(people.map((one: object) => Object.keys(one).sort().join()));
    ok(forms.size === 1 && fields.some((field) => forms.has(`${field},name`)), `the forms are ${[...forms]}`);
  }

  /** What main says of itself. */
  // biome-ignore lint/suspicious/noExplicitAny: what the command prints is looked at by whoever asks.
  async status(): Promise<any> {
    const { value } = await this.app.command('status');
    return value.main;
  }

  /** Asks `subject`; undefined when the connection ended without an answer. */
  ask(): Promise<{ readonly status: number; readonly mark?: string } | undefined> {
    return this.app.get('/subject').catch(resetOnly);
  }

  /** Who has done this piece of work, once, when it is done. */
  async work(key: string): Promise<readonly string[]> {
    let done: readonly string[] = [];
    await this.until(async () => {
      ({ done } = await this.app.get(`/done/${key}`));
      return done.length > 0;
    }, `task ${key} is done`);
    return done;
  }

  /** Ends the load: nothing was lost, nothing came twice, no transaction was torn, and there was one main at a time. */
  async expectUnharmed(): Promise<void> {
    const { app } = this;
    const report = await this.clients?.stop();
    this.clients = undefined;
    ok(report !== undefined);
    deepEqual(
      { failed: report.failed, wrong: report.wrong, lostIdle: report.lostIdle },
      { failed: [], wrong: [], lostIdle: 0 },
    );
    ok((report.answered.GET ?? 0) > 0 && (report.answered.POST ?? 0) > 0, 'the clients were answered');
    deepEqual((await app.get('/twice')).ids, []);
    await this.expectSum();
    equal((await app.command('check')).value.isSound, true);
  }

  /** What the ledger counted is whole, and nobody who had stopped being main came back. */
  async expectSum(): Promise<void> {
    const { ticks, copies, turns } = await this.app.get('/ledger');
    equal(copies, ticks);
    deepEqual(turns, [...new Set(turns)]);
  }

  /** A stop in order: exit code 0, and nothing left. Safe after failures. */
  async end(): Promise<void> {
    try {
      await this.clients?.stop();
      if (this.app.launcherPid !== 0) equal(await this.app.stop(), 0);
    } finally {
      await this.app.cleanUp();
    }
  }

  /** Polls: of files and answers nothing tells but looking. */
  private async until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
    const limit = Date.now() + 20_000;
    while (!(await holds())) {
      if (Date.now() > limit) throw new Error(`not within 20 s: ${what}\n${this.app.lastWords()}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** A version of `subject` has gone live in main. */
export function isLive({ kind, module, data }: AppEvent): boolean {
  return kind === 'update' && module === 'subject' && data?.isMain === true;
}

function versionOf(mark: string, bodies: SubjectBodies): string {
  return subject(mark, { beat: '', ...bodies, top: `${takeAway}${bodies.top ?? ''}` });
}

/** A version of a module whose records are of one form; with code, one that migrates those of the form before. */
function peopleOf(field: string, code: string): string {
  const migrate =
    code === '' ? '' : `migrate: { 'Person:1': (person) => { ${code}; return { birthYear: 2026 - person.age }; } },`;
  return `
import { defineModule, f64, struct, text, toPlain, tree } from 'mofo';
${takeAway}
const Person = struct('Person', { name: text(), ${field} });
export default defineModule({
  name: 'people',
  state: { people: tree(text(), Person) },
  ${migrate}
  http: {
    'POST /people/:name': (ctx, _request, { name }) => {
      ctx.transaction(() => ctx.state.people.set(name, { name, age: 40 } as never));
      return Response.json({});
    },
    'GET /people': (ctx) => Response.json(ctx.read(() => ({ people: [...ctx.state.people.values()].map((one) => toPlain(one)) }))),
  },
});
`;
}
