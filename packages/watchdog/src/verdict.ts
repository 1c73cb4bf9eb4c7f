// Who is to blame: the version, the task, or nobody. A pure function; SPEC.md has its table, one test per row.
//
// Principles. New code is not trusted: what dies while it runs a version on probation is that version's fault until a retry of the same
// task on the stable version proves the contrary. A stable version has earned the doubt: it is never quarantined here. A task gets exactly
// one retry after a death that was not anybody else's doing; a task that fails twice goes to the dead letters. An end from outside costs
// nobody anything.

/** What happened to a run. */
export interface Incident {
  /**
   * `crash`: the process died; `hang`: it was killed for a missed deadline or heartbeat; `throw`: the run threw, the process lives;
   * `outside`: somebody ended the process on purpose (the launcher, an operator); `pass`: the run ended well.
   */
  readonly kind: 'crash' | 'hang' | 'throw' | 'outside' | 'pass';
  /** `exact`: the slot named one synchronous run; `candidates`: several asynchronous ones were in flight; `none`: nothing was running. */
  readonly run: 'exact' | 'candidates' | 'none';
  /** State of the version that the run belonged to; with run `none`, `probation` if any version of the process was on probation. */
  readonly version: 'probation' | 'stable';
  /** How the task's earlier attempt ended, if it had one. */
  readonly earlier: 'none' | 'failed-on-probation' | 'failed-on-stable';
}

/** What follows from it. */
export interface Verdict {
  readonly guilty: 'version' | 'task' | 'nobody';
  /**
   * Of the task (nothing to do with it when no task ran): `retry-on-stable`: once more, on the stable version; `retry`: once more;
   * `dead-letter`: never again by itself; `go-on`: it is done, or there is none.
   */
  readonly next: 'retry-on-stable' | 'retry' | 'dead-letter' | 'go-on';
  /** Which version is taken out of service now: the one on probation, or none. */
  readonly revert: boolean;
  /** The version that failed earlier was innocent: the task fails on every version. It may be tried again. */
  readonly pardon: boolean;
}

/** Judges one incident. Total: every combination of inputs has a verdict. */
export function judge(incident: Incident): Verdict {
  const { kind, run, version, earlier } = incident;
  if (kind === 'pass') return judgePass(earlier);
  const hasTask = run !== 'none';
  if (kind === 'outside') return verdict('nobody', hasTask ? 'retry' : 'go-on');
  if (version === 'probation') return judgeProbation(run, earlier);
  if (!hasTask) return verdict('nobody', 'go-on');
  // Several runs were in flight: any of them may have done it, so none is condemned for it, not even for the second time.
  if (run === 'candidates') return verdict('nobody', 'retry');
  if (earlier === 'none') return verdict('nobody', 'retry');
  return { ...verdict('task', 'dead-letter'), pardon: earlier === 'failed-on-probation' };
}

function judgePass(earlier: Incident['earlier']): Verdict {
  return verdict(earlier === 'failed-on-probation' ? 'version' : 'nobody', 'go-on');
}

function judgeProbation(run: Incident['run'], earlier: Incident['earlier']): Verdict {
  if (run === 'none') return { ...verdict('version', 'go-on'), revert: true };
  // It failed on the stable version before this one was loaded: a task that fails on both is poison, and the version is innocent of it.
  if (run === 'exact' && earlier === 'failed-on-stable') return verdict('task', 'dead-letter');
  return { ...verdict('version', 'retry-on-stable'), revert: true };
}

function verdict(guilty: Verdict['guilty'], next: Verdict['next']): Verdict {
  return { guilty, next, revert: false, pardon: false };
}
