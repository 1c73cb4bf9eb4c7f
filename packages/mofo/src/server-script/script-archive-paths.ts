// Which files belong to a version. Apart from the archive, for a script's process needs this and not the bundler.

/** True for files of packages, which are not part of a version. */
export function isPackage(path: string): boolean {
  return /[/\\]node_modules[/\\]/.test(path);
}
