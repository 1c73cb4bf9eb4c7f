// A specification names the test of each claim as `file` → `title` and files as `src/…`, `native/…`, `test/…`; this sees that they exist, so that no claim
// keeps a proof that was renamed or deleted. Test files are relative to the package of the SPEC.md, or to the root where they begin with packages/; other files
// may be those of another package.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './lib/workspace.mjs';

const packages = readdirSync(join(root, 'packages'));
const specs = ['docs/SPEC.md', ...packages.map((name) => `packages/${name}/SPEC.md`)].filter((path) =>
  existsSync(join(root, path)),
);
let claims = 0;

for (const spec of specs) {
  const text = readFileSync(join(root, spec), 'utf8');
  const folder = spec.startsWith('packages/') ? dirname(spec) : '.';
  const resolve = (path) => join(root, path.startsWith('packages/') ? '.' : folder, path);
  for (const [, path, title] of text.matchAll(/`([\w./-]+\.[a-z]+)` → `([^`\n]+)`/g)) {
    claims++;
    if (!existsSync(resolve(path))) complain(`${spec} names the test file ${path}, which does not exist`);
    else if (!holdsTitle(readFileSync(resolve(path), 'utf8'), title)) {
      complain(`${spec} names the test "${title}" of ${path}, which has no test of that title`);
    }
  }
  for (const [, path] of text.matchAll(/`((?:packages\/[\w-]+\/)?(?:src|native|test)\/[\w./-]+\.\w+)`/g)) {
    const places = [resolve(path), ...packages.map((name) => join(root, 'packages', name, path))];
    if (!places.some((place) => existsSync(place))) complain(`${spec} names the file ${path}, which does not exist`);
  }
}
if (claims === 0) complain('no specification names a test: the form is `file` → `title`');

/** True if the source has the title as a whole string: in single or double quotes, or in backticks without what is filled in there. */
function holdsTitle(source, title) {
  return ["'", '"', '`'].some((quote) => source.includes(quote + title + quote));
}

function complain(message) {
  console.error(message);
  process.exitCode = 1;
}
