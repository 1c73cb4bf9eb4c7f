import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as define from '../src/define/index.ts';
import type { MofoError } from '../src/errors.ts';
import { buildModule, type LoadedModule, loadModule } from '../src/modules/index.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mofo-modules-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(files: Record<string, string>, base = directory): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(base, name)), { recursive: true });
    writeFileSync(join(base, name), content);
  }
}

async function errorOf(action: () => unknown): Promise<MofoError> {
  try {
    await action();
  } catch (error) {
    return error as MofoError;
  }
  throw new Error('it did not throw');
}

async function load(source: string, module?: string): Promise<LoadedModule> {
  const { bundle } = await buildModule({ directory, source });
  return loadModule({
    id: 'a1f3d2',
    bundle,
    source,
    directory,
    provided: { mofo: define },
    ...(module === undefined ? {} : { module }),
  });
}

const fees = {
  'modules/fees.ts': `import { defineModule } from 'mofo';
import { rate } from './lib/rate.ts';
import { basename } from 'node:path';

export default defineModule({
  name: 'fees',
  exports: {
    quote(_ctx, amount: number): number {
      return amount * rate(amount);
    },
    where(): string[] {
      return [basename(__filename), import.meta.url];
    },
  },
});
`,
  'modules/lib/rate.ts': `interface Unused { a: number }

export function rate(amount: number): number {
  if (amount < 0) throw new RangeError('negative');
  return 0.01;
}
`,
};

describe('building a module', () => {
  it('bundles relative imports, keeps bare ones, and tells what to watch', async () => {
    write(fees);
    const built = await buildModule({ directory, source: 'modules/fees.ts' });
    expect(built).toMatchObject({ source: 'modules/fees.ts', exports: ['default'] });
    expect(built.inputs).toEqual([join(directory, 'modules/fees.ts'), join(directory, 'modules/lib/rate.ts')]);
    expect(built.bundle.toString()).toContain('require("mofo")');
    expect(built.bundle.toString()).not.toContain(directory);
    expect(built.bundler).toMatch(/^rolldown \d/);
  });

  it('gives the same bytes wherever the app stands', async () => {
    write(fees);
    const other = mkdtempSync(join(tmpdir(), 'mofo-elsewhere-with-a-longer-name-'));
    try {
      cpSync(directory, other, { recursive: true });
      const builds = await Promise.all(
        [directory, other, directory].map((base) => buildModule({ directory: base, source: 'modules/fees.ts' })),
      );
      expect(new Set(builds.map((built) => built.bundle.toString('hex'))).size).toBe(1);
    } finally {
      rmSync(other, { recursive: true });
    }
  });

  it('is the same version after an edit of words behind the code', async () => {
    write(fees);
    const before = await buildModule({ directory, source: 'modules/fees.ts' });
    write({ 'modules/fees.ts': `${fees['modules/fees.ts']}// nothing but words\n` });
    const after = await buildModule({ directory, source: 'modules/fees.ts' });
    expect(after.bundle.equals(before.bundle)).toBe(true);
  });

  it('executes nothing', async () => {
    write({ 'modules/bad.ts': 'process.exit(9); export default 1;' });
    expect((await buildModule({ directory, source: 'modules/bad.ts' })).exports).toEqual(['default']);
  });

  it('shows a syntax error with its place and the lines around it', async () => {
    write({ 'modules/bad.ts': 'const one = 1;\nexport default { a: 1; };\nconst three = 3;\n' });
    const error = await errorOf(() => buildModule({ directory, source: 'modules/bad.ts' }));
    expect(error.code).toBe('BUILD_FAILED');
    expect(error.data).toMatchObject({ file: 'modules/bad.ts', line: 2, column: 22 });
    expect(error.message).toMatch(/^modules\/bad\.ts:2:22 Expected `,` or `}` but found `;`/);
    expect(error.data.frame).toBe(
      [
        '  1 | const one = 1;',
        '> 2 | export default { a: 1; };',
        '    |                      ^',
        '  3 | const three = 3;',
        '  4 |',
      ].join('\n'),
    );
  });

  it('shows where an import leads nowhere', async () => {
    write({ 'modules/bad.ts': "import { a } from './gone.ts';\nexport default a;\n" });
    const error = await errorOf(() => buildModule({ directory, source: 'modules/bad.ts' }));
    expect(error.code).toBe('BUILD_FAILED');
    expect(error.message).toContain('./gone.ts');
    expect(error.data).toMatchObject({ file: 'modules/bad.ts', line: 1 });
  });

  it('shows what a relative file does not export', async () => {
    write({
      'modules/bad.ts': "import { nothing } from './lib.ts';\nexport default nothing;\n",
      'modules/lib.ts': 'export const a = 1;',
    });
    const error = await errorOf(() => buildModule({ directory, source: 'modules/bad.ts' }));
    expect(error.code).toBe('BUILD_FAILED');
    expect(error.message).toContain('nothing');
  });

  it.each([
    ['no default export', 'export const a = 1;', 'EXPORTS_INVALID'],
    ['nothing at all', '', 'EXPORTS_INVALID'],
    ['await at the top', 'await 1; export default 1;', 'BUILD_FAILED'],
  ])('refuses %s', async (_name, source, code) => {
    write({ 'modules/bad.ts': source });
    expect((await errorOf(() => buildModule({ directory, source: 'modules/bad.ts' }))).code).toBe(code);
  });

  it('refuses a file that is not there', async () => {
    expect((await errorOf(() => buildModule({ directory, source: 'modules/gone.ts' }))).code).toBe('BUILD_FAILED');
  });
});

describe('loading a module', () => {
  it('gives its definition, with this runtime`s own mofo', async () => {
    write(fees);
    const { definition } = await load('modules/fees.ts', 'fees');
    expect(define.isModuleDefinition(definition)).toBe(true);
    const { quote, where } = definition.exports as unknown as Record<string, (ctx: object, amount?: number) => unknown>;
    expect(quote!({}, 200)).toBe(2);
    expect(where!({})).toEqual(['fees.ts', `file://${join(directory, 'modules/fees.ts')}`]);
  });

  it('shows the TypeScript sources in stacks', async () => {
    write(fees);
    const { definition } = await load('modules/fees.ts');
    const error = await errorOf(() =>
      (definition.exports as unknown as Record<string, (ctx: object, amount: number) => unknown>).quote!({}, -1),
    );
    expect(error.stack).toContain(`${join(directory, 'modules/lib/rate.ts')}:4:`);
    expect(error.stack).toContain(`${join(directory, 'modules/fees.ts')}:9:`);
    expect(error.stack).toMatch(/^RangeError: negative\n {4}at /);
  });

  it('answers dynamic imports and packages of the app', async () => {
    write({
      'node_modules/picolib/package.json': '{ "name": "picolib", "main": "./index.js" }',
      'node_modules/picolib/index.js': 'exports.answer = 42;',
      'modules/lazy.ts': `import { defineModule } from 'mofo';
        import { answer } from 'picolib';
        export default defineModule({ name: 'lazy', exports: {
          async late(): Promise<unknown[]> { return [answer, (await import('picolib')).answer, (await import('./late.ts')).late]; },
        } });`,
      'modules/late.ts': 'export const late: string = "late";',
    });
    const { definition } = await load('modules/lazy.ts');
    expect(await (definition.exports as unknown as Record<string, () => unknown>).late!()).toEqual([42, 42, 'late']);
  });

  it('gives modules a Response that is also the global one', async () => {
    write({
      'modules/web.ts': `import { defineModule } from 'mofo'; export default defineModule({ name: 'web', http: { 'GET /': () => Response.json([1]) } });`,
    });
    const { definition } = await load('modules/web.ts');
    const response = (definition.http['GET /'] as () => Response)();
    expect(response).toBeInstanceOf(Response);
    expect(await response.json()).toEqual([1]);
  });

  const refusals: [string, string, string, string][] = [
    ['a throw at the top', 'null.x; export default 1;', 'LOAD_FAILED', 'TypeError'],
    ['a default export that is no module', 'export default { name: "x" };', 'EXPORTS_INVALID', 'defineModule'],
    [
      'a bad declaration',
      `import { defineModule } from 'mofo'; export default defineModule({ name: 'x', task: {} });`,
      'MODULE_INVALID',
      '"tasks"',
    ],
    [
      'another name',
      `import { defineModule } from 'mofo'; export default defineModule({ name: 'other' });`,
      'NAME_MISMATCH',
      '"other"',
    ],
    [
      'a package that is not installed',
      `import x from 'no-such-package'; export default x;`,
      'REQUIRE_FAILED',
      'npm install no-such-package',
    ],
    [
      'a part of mofo that is not provided',
      `import x from '@mofo/nothing'; export default x;`,
      'REQUIRE_FAILED',
      '@mofo/nothing',
    ],
  ];
  for (const [name, source, code, words] of refusals) {
    it(`refuses ${name}`, async () => {
      write({ 'modules/x.ts': source });
      const error = await errorOf(() => load('modules/x.ts', 'x'));
      expect({ code: error.code, hasWords: error.message.includes(words), message: error.message }).toMatchObject({
        code,
        hasWords: true,
      });
    });
  }
});
