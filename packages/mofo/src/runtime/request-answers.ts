// What main does for the command line: status, snapshot, promote, revert.

import type { Store } from '@mofo/journal';
import type { ConnectionCounters } from '@mofo/shm-store';
import type { Registry, Version } from '@mofo/versions';
import type { Quarantine, RoleKeeper, Takeover } from '@mofo/watchdog';
import { MofoError } from '../errors.ts';
import type { HttpServer } from '../http/index.ts';
import type { Application } from './application.ts';
import { describe } from './describe-error.ts';
import type { FromChild, ToChild } from './messages.ts';
import { reasonOf } from './reason-of.ts';
import type { SnapshotKeeper } from './snapshot-keeper.ts';
import type { TaskRunner } from './task-runner.ts';

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
      const { code } = error as { code?: unknown };
      send({
        type: 'answer',
        id: request.id,
        error: { code: typeof code === 'string' ? code : 'INTERNAL', message: describe(error) },
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
      case 'revert':
        return this.revert(requireText(module, 'module'));
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

  /** Makes a version stable by an operator's word, and runs it. */
  private async promote(module: string, id: string | undefined): Promise<unknown> {
    const { registry, quarantine, application, send } = this.parts;
    const version = id === undefined ? this.requireTried(module) : this.requireVersion(module, id);
    quarantine.remove(module, version.hash);
    let current = version.state === 'unstable' ? registry.retry(version, 'operator') : version;
    if (application.table.get(module)?.name.hash !== current.hash)
      await application.update(current, current.state !== 'stable');
    current = registry.markStable(current, { reason: 'promoted by an operator', by: 'operator' });
    const promoted = application.table.get(module);
    if (promoted !== undefined) application.trials.end(promoted);
    send({ type: 'stable', module, hash: current.hash });
    return { module, version: current.id, state: current.state };
  }

  private async revert(module: string): Promise<unknown> {
    const { registry, quarantine, application, send } = this.parts;
    const running = application.table.get(module);
    const target = registry.revertTarget(module, running === undefined ? {} : { except: running.name });
    if (target === undefined)
      throw new MofoError(
        'NOTHING_TO_REVERT',
        `Module "${module}" has no other version that was stable. Nothing was changed.`,
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
    if (running !== undefined && application.trials.has(running)) return this.requireVersion(module, running.name.id);
    throw new MofoError(
      'UNKNOWN_VERSION',
      `No version of module "${module}" runs on probation. Nothing was changed. Name one: npx mofo versions ${module}`,
    );
  }

  private requireVersion(module: string, id: string): Version {
    const version = this.parts.registry.get(module, id);
    if (version !== undefined) return version;
    throw new MofoError(
      'UNKNOWN_VERSION',
      `Module "${module}" has no version ${id}. Nothing was changed. See: npx mofo versions ${module}`,
    );
  }
}

function requireText(value: string | undefined, name: string): string {
  if (value !== undefined && value !== '') return value;
  throw new MofoError('USAGE', `The request needs a ${name}. Nothing was done.`);
}
