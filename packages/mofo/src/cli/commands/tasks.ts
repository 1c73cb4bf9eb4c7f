// `mofo tasks`: what waits, runs and failed for good, and what an operator does about it. It works on the store itself, whether the app runs or not: every
// process sees the change with its commit.

import { openStore } from '@mofo/journal';
import { openScheduler, type Scheduler, type TaskInfo, type TaskState } from '@mofo/scheduler';
import { nearestName } from '../../define/nearest-name.ts';
import { MofoError } from '../../errors.ts';
import { clockTime, type Terminal, tableLines } from '../../output/index.ts';
import type { Commands } from '../command-context.ts';

/** What an action works with. */
interface ActionContext {
  readonly scheduler: Scheduler;
  readonly terminal: Terminal;
  readonly limit: number;
}

type Action = (context: ActionContext, what: string | undefined) => void;

const STATES: readonly TaskState[] = ['ready', 'delayed', 'parked', 'blocked', 'running', 'dead'];
const LIMIT_DEFAULT = '20';

const actions: Readonly<Record<string, Action>> = {
  list: (context, state) => list(context, state === undefined ? undefined : requireState(state)),
  dead: (context) => list(context, 'dead'),
  redrive: ({ scheduler, terminal }, what) => {
    const ids = what === 'all' ? allDead(scheduler) : [requireId(what)];
    const redriven = ids.filter((id) => scheduler.deadLetters.redrive(id));
    if (what !== 'all' && redriven.length === 0) throw noTask(what, 'among the dead letters', 'npx mofo tasks dead');
    tell(terminal, { redriven }, `  ${redriven.length} ready again`);
  },
  discard: ({ scheduler, terminal }, what) => {
    const id = requireId(what);
    if (!scheduler.deadLetters.discard(id)) throw noTask(what, 'among the dead letters', 'npx mofo tasks dead');
    tell(terminal, { discarded: [id] }, `  task ${id} is deleted`);
  },
  cancel: ({ scheduler, terminal }, what) => {
    const id = requireId(what);
    const result = scheduler.cancel(id);
    if (result === 'unknown') throw noTask(what, 'that waits or runs', 'npx mofo tasks');
    const text = result === 'cancelled' ? 'is cancelled' : 'runs; it is asked to stop and will not be tried again';
    tell(terminal, { id, result }, `  task ${id} ${text}`);
  },
  pause: ({ scheduler, terminal }, name) => {
    scheduler.pause(name);
    tell(terminal, { paused: name ?? '*' }, `  ${name ?? 'everything'} is paused; what runs goes on`);
  },
  resume: ({ scheduler, terminal }, name) => {
    scheduler.resume(name);
    tell(terminal, { resumed: name ?? '*' }, `  ${name ?? 'everything'} goes on`);
  },
};

/** Adds the command. */
export function addTasks(commands: Commands): void {
  const command = commands
    .add(
      'tasks [action] [what]',
      'list [state], dead, redrive <id|all>, discard <id>, cancel <id>, pause [name], resume [name]',
    )
    .option('--limit <count>', 'most tasks to list', LIMIT_DEFAULT);
  commands.act(
    command,
    async (
      { config: load, terminal },
      name: string | undefined,
      what: string | undefined,
      options: { readonly limit: string },
    ) => {
      const action = requireAction(name ?? 'list');
      const limit = Number(options.limit);
      if (!Number.isSafeInteger(limit) || limit < 1)
        throw new MofoError('USAGE', `--limit takes a whole number from 1, not "${options.limit}". Nothing was done.`);
      const { config } = await load();
      const store = openStore({ name: config.store.name, create: false });
      try {
        const scheduler = openScheduler(store) as unknown as Scheduler;
        action({ scheduler, terminal, limit }, what);
        scheduler.close();
      } finally {
        store.close();
      }
      return undefined;
    },
  );
}

function list({ limit, scheduler, terminal }: ActionContext, state: TaskState | undefined): void {
  const tasks = scheduler.list(state, { limit });
  const { status } = scheduler;
  if (terminal.json) {
    terminal.data({ status, tasks });
    return;
  }
  const { ready, delayed, parked, blocked, running, dead, completed } = status;
  const pauses = status.paused
    ? '   everything is paused'
    : status.pausedTasks.map((name) => `   ${name} is paused`).join('');
  terminal.line(
    `  ${ready} ready   ${delayed} delayed   ${parked} parked   ${blocked} blocked   ${running} running   ${dead} dead   ${completed} done${pauses}`,
  );
  const rows = tasks.map((task) => [
    `#${task.id}`,
    task.name,
    terminal.paint(task.state === 'dead' ? 'red' : 'gray', task.state),
    terminal.paint('dim', clockTime(task.enqueuedAt)),
    about(task),
  ]);
  for (const line of tableLines(rows, { indent: '  ' })) terminal.line(line);
  if (tasks.some((task) => task.state === 'dead'))
    terminal.line(terminal.paint('dim', '  npx mofo tasks redrive <id>, or discard <id>'));
}

function about(task: TaskInfo): string {
  if (task.state === 'dead') return `${task.deadReason}: ${(task.lastError ?? '').split('\n', 1)[0]}`;
  if (task.state === 'delayed' && task.dueAt !== undefined) return `due ${clockTime(task.dueAt)}`;
  return task.worker === undefined ? '' : `pid ${task.worker.pid}`;
}

/** Ids of all dead letters: what is redriven meanwhile is not met again. */
function allDead(scheduler: Scheduler): number[] {
  return scheduler.deadLetters.list({ limit: Number.MAX_SAFE_INTEGER }).map(({ id }) => id);
}

function tell(terminal: Terminal, data: unknown, text: string): void {
  if (terminal.json) terminal.data(data);
  else terminal.line(text);
}

function requireAction(name: string): Action {
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action !== undefined) return action;
  const names = Object.keys(actions);
  const nearest = nearestName(name, names);
  const meant = nearest === undefined ? `There are: ${names.join(', ')}.` : `Did you mean "mofo tasks ${nearest}"?`;
  throw new MofoError('USAGE', `"mofo tasks" cannot "${name}". Nothing was done. ${meant}`);
}

function requireState(text: string): TaskState {
  const state = STATES.find((name) => name === text);
  if (state !== undefined) return state;
  throw new MofoError('USAGE', `there is no state "${text}". Nothing was done. There are: ${STATES.join(', ')}.`);
}

function requireId(text: string | undefined): number {
  const id = Number(text?.replace(/^#/, ''));
  if (Number.isSafeInteger(id) && id > 0) return id;
  throw new MofoError(
    'USAGE',
    `the number of a task is needed, not "${text ?? ''}". Nothing was done. See: npx mofo tasks`,
  );
}

function noTask(what: string | undefined, where: string, look: string): MofoError {
  return new MofoError('TASK_MISSING', `There is no task ${what} ${where}. Nothing was changed. See: ${look}`);
}
