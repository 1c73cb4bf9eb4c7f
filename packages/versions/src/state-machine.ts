// The life of a version, as one table. Everything that changes a state goes through `nextState`; there is no other place.
//
//    add           check            begin              promote
//   ─────► staged ───────► checked ────────► probation ─────────► stable
//            │                │                │  ▲ ▲                │ ▲
//            └────────────────┴──── supersede ─┤  │ │                │ │
//                                              │  │ │     supersede  │ │ promote (revert: only
//                              ┌───────────────┴──┼─┼────────────────┘ │ what was stable before)
//                              ▼          begin   │ │                  │
//                         superseded ─────────────┤ │                  │
//                              │ └────────────────┼─┼──────────────────┤
//                              │ drain    begin   │ │                  │
//                              ▼                  │ │                  │
//                          draining ──────────────┘ │                  │
//                              │ └──────────────────┼──────────────────┘
//                        purge │                    │ retry
//                              ▼       purge        │               quarantine
//                           purged ◄───────────── unstable ◄─────── every state but purged
//                              │                    ▲
//              staged ◄────────┴────────────────────┘
//              (rebuild: back to unstable if that is what it was, else to staged)
//
// staged      bundle on disk, nothing known about it.
// checked     bundled and its exports validated, nothing executed.
// probation   may be loaded, a try spent before each load and given back when the load is known to have ended well; not yet trusted. Without a
//             try left it is passed over, which is no verdict: a retry gives it new ones.
// stable      earned it. At most one version of a module at a time: promoting another supersedes it in the same change.
// unstable    caused a crash, hang or failure. Never chosen by itself; only an explicit retry gives it another chance.
// superseded  a newer one took its place. Was it ever stable (`stableAt`), it is what a revert goes back to.
// draining    chosen for removal: nobody starts with it any more, those who run it finish.
// purged      bundle deleted; hash, verdict and reason remain, so that an unstable hash built again is known.
//
// A row that leads a state to itself is an event that is accepted there and changes nothing: several processes may say the
// same thing about a version. What is not in the table is refused with ILLEGAL_TRANSITION.

/** Where a version is in its life. */
export type VersionState =
  | 'staged'
  | 'checked'
  | 'probation'
  | 'stable'
  | 'unstable'
  | 'superseded'
  | 'draining'
  | 'purged';

/** What can happen to a version. */
export type VersionEvent =
  | 'check'
  | 'try'
  | 'return'
  | 'begin'
  | 'promote'
  | 'supersede'
  | 'drain'
  | 'quarantine'
  | 'retry'
  | 'purge'
  | 'rebuild';

/** Every state, in the order of a version's life. */
export const versionStates: readonly VersionState[] = [
  'staged',
  'checked',
  'probation',
  'stable',
  'unstable',
  'superseded',
  'draining',
  'purged',
];

/** What besides its state decides where an event leads. */
export interface VersionPast {
  /** It was stable before and has not been quarantined since. */
  readonly wasStable: boolean;
  /** It was unstable when it was purged, or was quarantined after that. */
  readonly wasUnstable: boolean;
  /** It has tries left. */
  readonly hasTries: boolean;
}

type Row = { readonly [state in VersionState]?: VersionState | ((past: VersionPast) => VersionState | undefined) };

const triedAgain = (past: VersionPast): VersionState | undefined => (past.hasTries ? undefined : 'probation');
const stableAgain = (past: VersionPast): VersionState | undefined => (past.wasStable ? 'stable' : undefined);

const table: { readonly [event in VersionEvent]: Row } = {
  check: { staged: 'checked', checked: 'checked' },
  try: { checked: 'checked', probation: 'probation' },
  return: { checked: 'checked', probation: 'probation' },
  begin: { checked: 'probation', probation: 'probation', superseded: 'probation', draining: 'probation' },
  promote: { probation: 'stable', stable: 'stable', superseded: stableAgain, draining: stableAgain },
  supersede: {
    staged: 'superseded',
    checked: 'superseded',
    probation: 'superseded',
    stable: 'superseded',
    superseded: 'superseded',
  },
  drain: { superseded: 'draining', draining: 'draining' },
  quarantine: {
    staged: 'unstable',
    checked: 'unstable',
    probation: 'unstable',
    stable: 'unstable',
    unstable: 'unstable',
    superseded: 'unstable',
    draining: 'unstable',
    purged: 'purged', // its verdict becomes unstable; the bundle is gone already
  },
  retry: { unstable: 'probation', checked: triedAgain, probation: triedAgain },
  purge: { draining: 'purged', unstable: 'purged', purged: 'purged' },
  rebuild: { purged: (past) => (past.wasUnstable ? 'unstable' : 'staged') },
};

/** Every event of the table. */
export const versionEvents: readonly VersionEvent[] = Object.keys(table) as VersionEvent[];

/** The state that `event` leads to from `state`, or undefined if it is not legal there. */
export function nextState(state: VersionState, event: VersionEvent, past: VersionPast): VersionState | undefined {
  const target = table[event][state];
  return typeof target === 'function' ? target(past) : target;
}

const aims: { readonly [event in VersionEvent]: VersionState } = {
  check: 'checked',
  try: 'probation',
  return: 'probation',
  begin: 'probation',
  promote: 'stable',
  supersede: 'superseded',
  drain: 'draining',
  quarantine: 'unstable',
  retry: 'probation',
  purge: 'purged',
  rebuild: 'staged',
};

/** The state that `event` usually leads to, for messages about a transition that was refused. */
export function aimOf(event: VersionEvent): VersionState {
  return aims[event];
}
