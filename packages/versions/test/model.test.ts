// Random lives of versions, lived by the real registry on a real disk and by a model that is nothing but maps. After every command both
// must have answered alike and hold the same. A failing run prints its seed; MOFO_SEED=<seed> replays it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Registry, Version, VersionState } from '../src/index.ts';
import { openRegistry, VersionsError } from '../src/index.ts';

const marks = ['markChecked', 'markProbation', 'markStable', 'markSuperseded', 'markDraining', 'purge'] as const;
const modules = ['fees', 'core'];
const bundles = ['a', 'b', 'c', 'd'];

interface ModelVersion {
  state: VersionState;
  triesLeft: number;
  triesSpent: number;
  openTries: number;
  /** Place in the order of becoming stable; 0 if it does not count as formerly stable. */
  stableOrder: number;
  isUnstable: boolean;
}

/** Where each mark may come from; to itself it is always accepted. */
const sources: Record<(typeof marks)[number], readonly VersionState[]> = {
  markChecked: ['staged'],
  markProbation: ['checked', 'superseded', 'draining'],
  markStable: ['probation', 'superseded', 'draining'],
  markSuperseded: ['staged', 'checked', 'probation', 'stable'],
  markDraining: ['superseded'],
  purge: ['draining', 'unstable'],
};
const targets: Record<(typeof marks)[number], VersionState> = {
  markChecked: 'checked',
  markProbation: 'probation',
  markStable: 'stable',
  markSuperseded: 'superseded',
  markDraining: 'draining',
  purge: 'purged',
};

class Model {
  /** Pairs of state and event that this run has got to. */
  readonly visited: Set<string>;
  readonly versions = new Map<string, ModelVersion>();
  #order = 0;

  constructor(visited: Set<string>) {
    this.visited = visited;
  }

  add(bundle: string): string {
    const known = this.versions.get(bundle);
    if (known === undefined) {
      const fresh = { triesLeft: 3, triesSpent: 0, openTries: 0, stableOrder: 0, isUnstable: false };
      this.versions.set(bundle, { state: 'staged', ...fresh });
    } else if (known.state === 'purged') {
      known.state = known.isUnstable ? 'unstable' : 'staged';
      known.triesLeft = 3;
    }
    return known?.isUnstable ? 'VERSION_UNSTABLE' : 'ok';
  }

  mark(bundle: string, mark: (typeof marks)[number]): string {
    const version = this.versions.get(bundle);
    if (version === undefined) return 'UNKNOWN_VERSION';
    if (version.state === targets[mark]) return 'ok';
    if (!sources[mark].includes(version.state)) return 'ILLEGAL_TRANSITION';
    if (mark === 'markStable') {
      if (version.state !== 'probation' && version.stableOrder === 0) return 'ILLEGAL_TRANSITION';
      for (const other of this.versions.values()) if (other.state === 'stable') other.state = 'superseded';
      this.#order += 1;
      version.stableOrder = this.#order;
      version.triesLeft = 3;
    }
    this.visited.add(`${version.state} ${mark}`);
    if (mark === 'markProbation' && version.state !== 'checked') version.triesLeft = 3;
    if (mark !== 'markChecked' && mark !== 'markProbation') version.openTries = 0;
    if (mark === 'purge') version.stableOrder = 0;
    version.state = targets[mark];
    return 'ok';
  }

  spendTry(bundle: string): string {
    const version = this.versions.get(bundle);
    if (version === undefined) return 'UNKNOWN_VERSION';
    if (version.state !== 'checked' && version.state !== 'probation') return 'ILLEGAL_TRANSITION';
    if (version.triesLeft === 0) return 'NO_TRIES_LEFT';
    version.triesLeft -= 1;
    version.triesSpent += 1;
    version.openTries += 1;
    return 'ok';
  }

  returnTry(bundle: string): string {
    const version = this.versions.get(bundle);
    if (version === undefined) return 'UNKNOWN_VERSION';
    if (version.state !== 'checked' && version.state !== 'probation') return 'ILLEGAL_TRANSITION';
    if (version.openTries === 0) return 'ok';
    version.openTries -= 1;
    version.triesLeft += 1;
    return 'ok';
  }

  quarantine(bundle: string): string {
    const version = this.versions.get(bundle);
    if (version === undefined) return 'UNKNOWN_VERSION';
    this.visited.add(`${version.state} quarantine`);
    version.isUnstable = true;
    version.openTries = 0;
    version.stableOrder = 0;
    if (version.state !== 'purged') version.state = 'unstable';
    return 'ok';
  }

  retry(bundle: string): string {
    const version = this.versions.get(bundle);
    if (version === undefined) return 'UNKNOWN_VERSION';
    const isSpent = ['checked', 'probation'].includes(version.state) && version.triesLeft === 0;
    if (version.state !== 'unstable' && !isSpent) return 'ILLEGAL_TRANSITION';
    version.state = 'probation';
    version.openTries = 0;
    version.isUnstable = false;
    version.triesLeft = 3;
    return 'ok';
  }

  latestStable(): string | undefined {
    const stable = [...this.versions].filter(([, { stableOrder }]) => stableOrder > 0);
    return stable.sort(([, one], [, other]) => other.stableOrder - one.stableOrder)[0]?.[0];
  }
}

type Command =
  | {
      readonly kind: 'add' | 'spendTry' | 'returnTry' | 'quarantine' | 'quarantineInBackground' | 'retry';
      readonly module: string;
      readonly bundle: string;
    }
  | { readonly kind: 'mark'; readonly module: string; readonly bundle: string; readonly mark: (typeof marks)[number] }
  | { readonly kind: 'reopen'; readonly module: string; readonly bundle: string };

const place = { module: fc.constantFrom(...modules), bundle: fc.constantFrom(...bundles) };
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('add' as const), ...place }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('spendTry' as const, 'retry' as const), ...place }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('returnTry' as const), ...place }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('quarantine' as const, 'quarantineInBackground' as const), ...place }),
  },
  {
    weight: 12,
    arbitrary: fc.record({ kind: fc.constant('mark' as const), ...place, mark: fc.constantFrom(...marks) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const), ...place }) },
);

/** The straight way through a life; random commands alone seldom get far along it. */
const straightWay: readonly ('add' | 'spendTry' | (typeof marks)[number])[] = [
  'add',
  'markChecked',
  'spendTry',
  'markProbation',
  'markStable',
  'markSuperseded',
  'markDraining',
  'purge',
];
/** Some of the way, and from there anything. */
const walk: fc.Arbitrary<Command[]> = fc
  .record({ ...place, length: fc.integer({ min: 1, max: straightWay.length }), end: command })
  .map(({ module, bundle, length, end }) => {
    const way = straightWay.slice(0, length).map((step): Command => {
      return step === 'add' || step === 'spendTry'
        ? { kind: step, module, bundle }
        : { kind: 'mark', module, bundle, mark: step };
    });
    return [...way, { ...end, module, bundle }];
  });
const commands: fc.Arbitrary<Command[]> = fc
  .array(fc.oneof({ weight: 3, arbitrary: command.map((step) => [step]) }, { weight: 2, arbitrary: walk }), {
    minLength: 15,
    maxLength: 40,
    size: 'max',
  })
  .map((steps) => steps.flat());

/** Runs a command on the real registry; the answer is `ok` or the code of the error. */
async function runReal(registry: Registry, hashes: Map<string, string>, step: Command): Promise<string> {
  const version = { module: step.module, hash: hashes.get(step.bundle) ?? '0'.repeat(64) };
  try {
    if (step.kind === 'add') await registry.add(step.module, { bundle: step.bundle, source: 'x.ts' });
    if (step.kind === 'spendTry') registry.spendTry(version);
    if (step.kind === 'returnTry') registry.returnTry(version);
    if (step.kind === 'quarantine') registry.quarantine(version, 'crash');
    if (step.kind === 'quarantineInBackground') await registry.quarantineInBackground(version, 'crash');
    if (step.kind === 'retry') registry.retry(version, 'the test');
    if (step.kind === 'mark') registry[step.mark](version);
    return 'ok';
  } catch (error) {
    if (error instanceof VersionsError) return error.code;
    throw error;
  }
}

function runModel(model: Model, step: Command): string {
  if (step.kind === 'add') return model.add(step.bundle);
  if (step.kind === 'mark') return model.mark(step.bundle, step.mark);
  if (step.kind === 'reopen') return 'ok';
  if (step.kind === 'spendTry') return model.spendTry(step.bundle);
  if (step.kind === 'returnTry') return model.returnTry(step.bundle);
  return step.kind === 'retry' ? model.retry(step.bundle) : model.quarantine(step.bundle);
}

function compare(registry: Registry, models: Map<string, Model>, hashes: Map<string, string>): void {
  for (const [module, model] of models) {
    const real = new Map(registry.list(module).map((version) => [version.hash, version]));
    expect(real.size).toBe(model.versions.size);
    for (const [bundle, wanted] of model.versions) {
      const found = real.get(hashes.get(bundle)!) as Version;
      const { state, triesLeft, triesSpent } = wanted;
      expect({ bundle, ...found }).toMatchObject({ bundle, state, triesLeft, triesSpent });
      expect(found.openTries).toHaveLength(wanted.openTries);
      expect(found.openTries.length + found.triesLeft).toBeLessThanOrEqual(3);
      if (state !== 'purged') expect(Buffer.from(registry.readBundle(found)).toString()).toBe(bundle);
    }
    const latest = model.latestStable();
    expect(registry.latestStable(module)?.hash).toBe(latest === undefined ? undefined : hashes.get(latest));
    expect([...real.values()].filter(({ state }) => state === 'stable').length).toBeLessThanOrEqual(1);
  }
}

const everyMove = [
  ...marks.flatMap((mark) => sources[mark].map((source) => `${source} ${mark}`)),
  ...['staged', 'checked', 'probation', 'stable', 'unstable', 'superseded', 'draining', 'purged'].map(
    (state) => `${state} quarantine`,
  ),
].sort();

test('random commands on the registry do what they do to the model', async () => {
  const { contentHash } = await import('../src/content-hash.ts');
  const hashes = new Map(bundles.map((bundle) => [bundle, contentHash(Buffer.from(bundle), '')]));
  const seed = Number(process.env.MOFO_SEED ?? Date.now() % 2 ** 31);
  const visited = new Set<string>();
  await fc.assert(
    fc.asyncProperty(commands, async (steps) => {
      const directory = mkdtempSync(join(tmpdir(), 'mofo-versions-'));
      try {
        const models = new Map(modules.map((module) => [module, new Model(visited)]));
        let registry = openRegistry({ directory });
        for (const step of steps) {
          if (step.kind === 'reopen') registry = openRegistry({ directory, create: false });
          expect([step, await runReal(registry, hashes, step)]).toEqual([
            step,
            runModel(models.get(step.module)!, step),
          ]);
          compare(registry, models, hashes);
        }
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    }),
    { seed, numRuns: 50 },
  );
  // A model that never gets there cannot fail: every legal move and every quarantine was tried.
  expect([...visited].sort()).toEqual(everyMove);
}, 120_000);
