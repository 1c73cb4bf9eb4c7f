// Names of cases and subjects by pattern: `*` stands for anything, `?` for one character, a comma separates patterns of which one must fit.

/** True if all of `name` fits one of the patterns in `globs`. */
export function matchesGlob(globs: string, name: string): boolean {
  return globs.split(',').some((glob) => {
    const pattern = glob
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    return new RegExp(`^${pattern}$`).test(name);
  });
}
