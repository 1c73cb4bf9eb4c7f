// What `defineModule` accepts, checked at run time. Every problem is found, not only the first, and named by its path.

import { suggestion } from './nearest-name.ts';
import { parseRouteKey } from './route-key.ts';
import { type TaskOptions, taskOptionChecks } from './task-options.ts';

/** One thing that is wrong with a declaration. */
export interface ModuleProblem {
  /** Where: `tasks.interest.every`. */
  readonly path: string;
  /** What, and what would be right. */
  readonly message: string;
}

type Add = (path: string, message: string) => void;
type Part = (value: Readonly<Record<string, unknown>>, path: string, add: Add) => void;

/** Keys of a declaration with the check of each; the order is the one in which they are to be written. */
const parts: Readonly<Record<string, (value: unknown, path: string, add: Add) => void>> = {
  name(value, path, add) {
    if (typeof value === 'string' && /^[a-z][a-z0-9-]{0,63}$/i.test(value)) return;
    add(path, `${shown(value)} is no name of a module: a letter, then at most 63 letters, digits or hyphens`);
  },
  uses: eachOf((value, path, add) => {
    if (!isObject(value) || value.kind !== 'uses') add(path, `is ${shown(value)}; write uses<typeof module>()`);
  }),
  state: eachOf((value, path, add) => {
    const isField = isObject(value) && typeof value.kind === 'string' && typeof value.read === 'function';
    if (!isField) add(path, `is ${shown(value)}; write a field type: tree(…), list(…), counter(), f64(), …`);
  }),
  migrate: eachOf((value, path, add, key) => {
    if (!/^[A-Za-z_$][\w$]*:\d+$/.test(key)) add(path, "must be named 'Type:layout', such as 'Account:1'");
    requireFunction(value, path, add);
  }),
  exports: eachOf(requireFunction),
  tasks: eachOf((value, path, add) => {
    if (isObject(value)) checkTask(value, path, add);
    else add(path, `is ${shown(value)}; write { every: '1s', run(ctx) { … } }`);
  }),
  http: eachOf((value, path, add, key) => {
    const problem = parseRouteKey(key).problem;
    if (problem !== undefined) add(path, problem);
    if (typeof value === 'function' || (isObject(value) && typeof value.node === 'function')) return;
    add(path, `is ${shown(value)}; write (ctx, request, params) => Response, or { node: (ctx, req, res) => … }`);
  }),
  health: requireFunction,
  start: requireFunction,
  stop: requireFunction,
};

/** Everything that is wrong with a declaration; empty if nothing is. */
export function validateModule(input: unknown): ModuleProblem[] {
  const problems: ModuleProblem[] = [];
  const add: Add = (path, message) => problems.push({ path, message });
  if (!isObject(input)) {
    add('(module)', `is ${shown(input)}; defineModule takes one object`);
    return problems;
  }
  for (const [key, value] of Object.entries(input)) {
    const check = Object.hasOwn(parts, key) ? parts[key]! : undefined;
    if (check === undefined) add(key, `is no part of a module.${suggestion(key, Object.keys(parts))}`);
    else if (value !== undefined && key !== 'name') check(value, key, add);
  }
  parts.name!(input.name, 'name', add);
  return problems;
}

function checkTask(task: Readonly<Record<string, unknown>>, path: string, add: Add): void {
  for (const [key, value] of Object.entries(task)) {
    if (key === 'run' || value === undefined) continue;
    const check = Object.hasOwn(taskOptionChecks, key) ? taskOptionChecks[key as keyof TaskOptions] : undefined;
    if (check === undefined) {
      add(`${path}.${key}`, `is no option of a task.${suggestion(key, [...Object.keys(taskOptionChecks), 'run'])}`);
      continue;
    }
    const problem = check(value);
    if (problem !== undefined) add(`${path}.${key}`, problem);
  }
  requireFunction(task.run, `${path}.run`, add);
  const times = ['every', 'at', 'cron'].filter((key) => task[key] !== undefined);
  if (times.length > 1) add(path, `has ${times.join(' and ')}; a task has at most one of every, at, cron`);
  if (task.timeZone !== undefined && task.cron === undefined)
    add(`${path}.timeZone`, 'belongs to cron, which is missing');
}

function eachOf(
  check: (value: unknown, path: string, add: Add, key: string) => void,
): (value: unknown, path: string, add: Add) => void {
  const part: Part = (value, path, add) => {
    for (const [key, entry] of Object.entries(value)) {
      check(entry, /^[\w$]+$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`, add, key);
    }
  };
  return (value, path, add) => {
    if (isObject(value)) part(value, path, add);
    else add(path, `is ${shown(value)}; it must be an object`);
  };
}

function requireFunction(value: unknown, path: string, add: Add): void {
  if (typeof value !== 'function') add(path, `is ${shown(value)}; it must be a function`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60));
  if (value === null || typeof value === 'number' || typeof value === 'boolean' || value === undefined)
    return String(value);
  return Array.isArray(value) ? 'an array' : typeof value === 'function' ? 'a function' : `an ${typeof value}`;
}
