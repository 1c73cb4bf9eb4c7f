// What main does for the command line: status, snapshot, promote, revert.

import type { Store } from '@mofo/journal';
import type { ConnectionCounters } from '@mofo/shm-store';
import type { Registry, Version } from '@mofo/versions';
import type { Quarantine, RoleKeeper, Takeover } from '@mofo/watchdog';
import { factsOf } from '../error-facts.ts';
import { MofoError } from '../errors.ts';
import type { HttpServer } from '../http/index.ts';
import type { Application } from './application.ts';
import { describe } from './describe-error.ts';
import { requireModule, requireVersion, requireWaiting } from './known-versions.ts';
import { admit, makeStable, wordOfWarning } from './make-stable.ts';
import type { FromChild, ToChild } from './messages.ts';
import { reasonOf } from './reason-of.ts';
import type { SnapshotKeeper } from './snapshot-keeper.ts';
import type { TaskRunner } from './task-runner.ts';

/** Whose word a promotion is. */
const BY_OPERATOR = { reason: 'promoted by an operator', by: 'operator' };

/** What `promote` tells. */
export interface Promoted {
  readonly module: string;
  readonly version: string;
  readonly state: string;
  /** What should make one think: it was unstable, or had no try left. */
  readonly warning?: string;
}

/** What `migrate` tells. */
export interface MigratedModule {
  readonly module: string;
  readonly version: string;
  readonly state: string;
  /** Records rewritten, by type and former version. */
  readonly records: Readonly<Record<string, number>>;
  /** The snapshot from before it; undefined when nothing had to be migrated. */
  readonly snapshot?: string;
}

/** A request of the launcher. */
export type Request = Extract<ToChild, { type: 'request' }>;

/** What requests are about. */
export interface RequestParts {
  readonly send: (message: FromChild) => void;
  readonly store: Store;
  readonly registry: Registry;
  readonly quarantine: Quarantine;
  readonly keeper: RoleKeeper;
  readonly application: Application;
  readonly tasks: TaskRunner;
  readonly snapshots: SnapshotKeeper;
  readonly http: () => HttpServer | undefined;
  /** How connections fared at takeovers; undefined when they are not kept. */
  readonly connections: () => ConnectionCounters | undefined;
  /** How this process became main. */
  readonly takeover: () => Takeover | undefined;
}

/** Answers requests. */
export class RequestAnswers {
  private readonly parts: RequestParts;

  constructor(parts: RequestParts) {
    this.parts = parts;
  }

  /** Does what is asked for, and sends what came of it. */
  async answer(request: Request): Promise<void> {
    const { send } = this.parts;
    try {
      send({ type: 'answer', id: request.id, value: await this.fulfil(request) });
    } catch (error) {
      const { code = 'INTERNAL', message, data } = factsOf(error);
      send({
        type: 'answer',
        id: request.id,
        error: {
          code,
          message: code === 'INTERNAL' ? describe(error) : message,
          ...(data === undefined ? {} : { data }),
        },
      });
    }
  }

  private async fulfil({ what, module, version }: Request): Promise<unknown> {
    switch (what) {
      case 'status':
        return this.status();
      case 'snapshot':
        return this.parts.snapshots.take();
      case 'promote':
        return this.promote(requireText(module, 'module'), version);
      case 'migrate':
        return this.migrate(requireText(module, 'module'), version);
      case 'revert':
        return this.revert(requireText(module, 'module'));
      case 'reload':
        throw new MofoError(
          'USAGE',
          'This is an app of modules, and only a server script can be reloaded. Nothing was done. Start the app with npx mofo dev to have saves taken up.',
        );
    }
  }

  private status(): unknown {
    const { store, registry, quarantine, keeper, application, tasks, http, connections, takeover } = this.parts;
    return {
      pid: process.pid,
      role: keeper.role,
      store: store.status,
      http: http()?.counters(),
      connections: connections(),
      tasks: tasks.status,
      takeover: takeover(),
      modules: registry.modules().map((module) => ({
        module,
        running: application.table.get(module)?.name,
        draining: application.draining.of(module),
        health: healthOf(application, module),
        versions: registry.list(module).map((version) => ({
          id: version.id,
          hash: version.hash,
          state: version.state,
          reason: reasonOf(version),
          triesLeft: version.triesLeft,
        })),
      })),
      quarantine: quarantine.list(),
    };
  }

  /** Makes a version stable by an operator's word, and runs it: from every state, the same every time. */
  private async promote(module: string, id: string | undefined): Promise<Promoted> {
    const { registry, quarantine, application, send } = this.parts;
    requireModule(registry, module);
    const version = id === undefined ? this.requireTried(module) : requireVersion(registry, module, id);
    const warning = wordOfWarning(version, reasonOf(version));
    let current = admit(registry, version, BY_OPERATOR);
    quarantine.remove(module, version.hash);
    if (application.table.get(module)?.name.hash !== current.hash)
      await application.update(current, current.state !== 'stable');
    current = makeStable(registry, registry.get(module, current.hash) ?? current, BY_OPERATOR);
    const promoted = application.table.get(module);
    if (promoted !== undefined) application.trials.end(promoted);
    send({ type: 'stable', module, hash: current.hash });
    return { module, version: current.id, state: current.state, ...(warning === undefined ? {} : { warning }) };
  }

  /**
   * Puts a version in place by an operator's word although it changes the form of the data: after this the versions before it cannot be gone back to. The launcher
   * has ended the clone before. Stable only afterwards, so that a crash in it costs a try.
   */
  private async migrate(module: string, id: string | undefined): Promise<MigratedModule> {
    const { registry, quarantine, application, send } = this.parts;
    requireModule(registry, module);
    const version = id === undefined ? requireWaiting(registry, module) : requireVersion(registry, module, id);
    const current = admit(registry, version, BY_OPERATOR);
    quarantine.remove(module, version.hash);
    const running =
      application.table.get(module)?.name.hash === current.hash
        ? application.table.require(module)
        : await application.update(current, current.state !== 'stable', 'operator');
    const { hash, id: short, state } = makeStable(registry, registry.get(module, current.hash) ?? current, BY_OPERATOR);
    application.trials.end(running);
    send({ type: 'stable', module, hash });
    return { module, version: short, state, records: {}, ...application.layouts.migratedBy(running) };
  }

  private async revert(module: string): Promise<unknown> {
    const { registry, quarantine, application, send } = this.parts;
    requireModule(registry, module);
    const running = application.table.get(module);
    const target = registry.revertTarget(module, {
      ...(running === undefined ? {} : { except: running.name }),
      satisfying: (version) => application.isLoadable(version),
    });
    if (target === undefined)
      throw new MofoError(
        'NOTHING_TO_REVERT',
        `module "${module}" has no other version that was stable and knows the data as it is now. Nothing was changed. To run another one, name it: npx mofo promote ${module} <version>; see: npx mofo versions ${module}`,
        { data: { module } },
      );
    if (running !== undefined && application.trials.has(running)) {
      quarantine.add(module, running.name.hash, 'reverted by an operator');
      application.quarantine(running.name, 'reverted by an operator');
    }
    const stable = registry.markStable(target, { reason: 'reverted to by an operator', by: 'operator' });
    await application.update(stable, false);
    send({ type: 'stable', module, hash: stable.hash });
    return { module, version: stable.id, state: stable.state };
  }

  /** The version of a module that runs on probation. */
  private requireTried(module: string): Version {
    const { application } = this.parts;
    const running = application.table.get(module);
    if (running !== undefined && application.trials.has(running))
      return requireVersion(this.parts.registry, module, running.name.id);
    throw new MofoError(
      'UNKNOWN_VERSION',
      `no version of module "${module}" runs on probation. Nothing was changed. Name one: npx mofo promote ${module} <version>; see: npx mofo versions ${module}`,
      { data: { module } },
    );
  }
}

function requireText(value: string | undefined, name: string): string {
  if (value !== undefined && value !== '') return value;
  throw new MofoError('USAGE', `The request needs a ${name}. Nothing was done.`);
}

/** What is wrong with the version of a module that runs, as it says itself; undefined: nothing, or it does not say. */
function healthOf({ table, health }: Application, module: string): string | undefined {
  const running = table.get(module);
  return running === undefined ? undefined : health.problemOf(running);
}
