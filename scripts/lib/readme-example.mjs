// The runnable example of a README: the first ```js or ```ts block under a line `<!-- example -->`. Both are plain
// JavaScript modules (no type annotations), so that what a reader copies is what the test runs.

/** @returns {string | undefined} the code, or undefined when the README marks no example */
export function findExample(readme) {
  return /^<!-- example -->[ \t]*\r?\n\s*```(?:js|mjs|ts)\r?\n([\s\S]*?)^```/m.exec(readme)?.[1];
}
