// One configuration for every package. Each package is a project of its own, so that `pnpm vitest run --project
// journal` runs one of them. Test files are processes of their own (pool forks), for they attach shared memory.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const packages = readdirSync(new URL('./packages', import.meta.url));

export default defineConfig({
  test: {
    pool: 'forks',
    globalSetup: fileURLToPath(new URL('./scripts/vitest-setup.mjs', import.meta.url)),
    // Many tests wait for processes: on two cores a third file fills the pauses.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What is built is loaded by Node, as by users.
    server: { deps: { external: [/\/packages\/[^/]+\/(bundle|dist)\//] } },
    projects: [...packages.map((name) => [name, `packages/${name}`]), ['bench', 'bench']].map(([name, root]) => ({
      extends: true as const,
      test: {
        name: name as string,
        root: root as string,
        include: ['test/**/*.test.ts'],
      },
    })),
  },
});
