// Which version of each module runs in this process. Replacing one is a single assignment between two turns of the event loop: whoever calls
// after it gets the new version, and what is under way ends on the old one.

import { MofoError } from '../errors.ts';
import type { RouteTable } from '../http/routes.ts';
import { buildRoutes } from '../http/routes.ts';
import type { RunningVersion } from './running-version.ts';

/** The running versions by module name. */
export class ModuleTable {
  private readonly running = new Map<string, RunningVersion>();
  private routeTable: RouteTable = buildRoutes([]);

  /** The version that runs now, or undefined. */
  get(module: string): RunningVersion | undefined {
    return this.running.get(module);
  }

  /** The version that runs now. Throws MODULE_UNAVAILABLE. */
  require(module: string): RunningVersion {
    const version = this.running.get(module);
    if (version !== undefined) return version;
    throw new MofoError(
      'MODULE_UNAVAILABLE',
      `No version of module "${module}" runs: it was not found, or its versions are unstable. Save a version that works; see: npx mofo versions ${module}`,
    );
  }

  /** All running versions. */
  all(): RunningVersion[] {
    return [...this.running.values()];
  }

  /** Routes of all running versions. */
  get routes(): RouteTable {
    return this.routeTable;
  }

  /**
   * Puts a version in place of the one that ran and returns that one.
   *
   * @throws MofoError ROUTE_CONFLICT when a route of it is another module's already; then nothing has changed.
   */
  replace(version: RunningVersion): RunningVersion | undefined {
    const others = this.all().filter((other) => other.name.module !== version.name.module);
    this.routeTable = buildRoutes([...others, version].map(toRouted));
    const previous = this.running.get(version.name.module);
    this.running.set(version.name.module, version);
    return previous;
  }

  /** Takes a module out and returns the version that ran. */
  remove(module: string): RunningVersion | undefined {
    const previous = this.running.get(module);
    if (previous === undefined) return undefined;
    this.running.delete(module);
    this.routeTable = buildRoutes(this.all().map(toRouted));
    return previous;
  }
}

function toRouted(version: RunningVersion): { module: string; http: RunningVersion['definition']['http'] } {
  return { module: version.name.module, http: version.definition.http };
}
