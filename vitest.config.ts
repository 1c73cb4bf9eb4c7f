// One configuration for every package. Each package is a project of its own, so that `pnpm vitest run --project
// journal` runs one of them. Test files are processes of their own (pool forks), for they attach shared memory.
import { readdirSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/**
 * Tests of whole applications that take minutes on two cores: `pnpm test:long` runs them, with one file at a time; together with the others they would not
 * end within the time that `npm test` has.
 */
const longTests = [
  'test/server-script/**',
  'test/faults/**',
  'test/updates-collect.test.ts',
  'test/runtime/{migrate,hooks,dependents,stable-crashes}.test.ts',
];
// biome-ignore lint/suspicious/noUndeclaredEnvVars: no task of turbo runs vitest.
const isLong = process.env.MOFO_TESTS === 'long';

const packages = readdirSync(new URL('./packages', import.meta.url));

export default defineConfig({
  test: {
    pool: 'forks',
    // Many tests wait for processes: on two cores a third file fills the pauses.
    maxWorkers: isLong ? 1 : 3,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    passWithNoTests: isLong,
    // What is built is loaded by Node, as by users.
    server: { deps: { external: [/\/packages\/[^/]+\/(bundle|dist)\//] } },
    projects: [...packages.map((name) => [name, `packages/${name}`]), ['bench', 'bench']].map(([name, root]) => ({
      extends: true as const,
      test: {
        name: name as string,
        root: root as string,
        include: isLong
          ? longTests.map((pattern) => (pattern.endsWith('.ts') ? pattern : `${pattern}/*.test.ts`))
          : ['test/**/*.test.ts'],
        exclude: isLong ? [] : longTests,
      },
    })),
  },
});
