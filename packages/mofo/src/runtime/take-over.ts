// Everything between having the role and serving, in this order: blame and quarantine in the store (R21), then tasks, then requests; the registry on
// disk and whoever wants to know of it follow in the background. One function, so that a clone can rehearse it as it is.

import type { RoleKeeper, Takeover } from '@mofo/watchdog';
import type { HttpServer } from '../http/index.ts';
import type { Application } from './application.ts';
import type { VersionName } from './messages.ts';
import type { TaskRunner } from './task-runner.ts';

/** What a process takes over with. */
export interface TakeOverParts {
  /** Quarantines the version that the dead main was running if it was on probation, and says which it was. */
  readonly judge: (takeover: Takeover) => VersionName | undefined;
  readonly keeper: Pick<RoleKeeper, 'settle'>;
  readonly application: Application;
  readonly tasks: TaskRunner;
  /** Begins to take requests. */
  readonly listen: () => Promise<HttpServer>;
}

/** What came of it. */
export interface TakenOver {
  readonly http: HttpServer;
  readonly wasLoaded: boolean;
  readonly inherited: readonly VersionName[];
  /** Quarantined for the death. */
  readonly blamed: VersionName | undefined;
}

/**
 * Makes the process that has got the role serve.
 *
 * @returns the server; whether the versions had been loaded before, as in a clone, and which of these that are on probation go on; the one to blame.
 */
export async function takeOver(
  takeover: Takeover,
  { judge, keeper, application, tasks, listen }: TakeOverParts,
): Promise<TakenOver> {
  const blamed = judge(takeover);
  keeper.settle();
  const wasLoaded = application.table.all().length > 0;
  const inherited = application.trials.names().filter(({ hash }) => hash !== blamed?.hash);
  if (!wasLoaded) await application.loadAll({ spendTries: true });
  else if (blamed !== undefined && application.table.get(blamed.module)?.name.hash === blamed.hash)
    await application.loadBest(blamed.module, true);
  if (wasLoaded) await application.loadMissing();
  application.trials.beginAnew();
  tasks.start(takeover);
  return { http: await listen(), wasLoaded, inherited, blamed };
}
