// Which known name a mistyped one probably meant. Used wherever a name is refused: config keys, module keys, commands.

/** Number of single-character edits (insert, delete, replace, swap of neighbours) that make `one` into `other`. */
function editDistance(one: string, other: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const replaced = last[column - 1]! + (one[row - 1] === other[column - 1] ? 0 : 1);
      let best = Math.min(replaced, last[column]! + 1, current[column - 1]! + 1);
      const isSwap = row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      if (isSwap) best = Math.min(best, beforeLast[column - 2]! + 1);
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[other.length]!;
}

/**
 * The name of `known` that is nearest to `name`, or undefined if none is near enough to be what was meant (about half
 * of it differs). Case is ignored. Names longer than 64 characters are not compared.
 */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  if (name.length === 0 || name.length > 64) return undefined;
  let nearest: string | undefined;
  let nearestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    const isBeginning = name.length >= 3 && candidate.toLowerCase().startsWith(name.toLowerCase());
    const isNear = isBeginning || distance <= Math.max(1, Math.floor(Math.max(name.length, candidate.length) * 0.45));
    if (!isNear || distance >= nearestDistance) continue;
    nearest = candidate;
    nearestDistance = distance;
  }
  return nearest;
}

/** ` Did you mean "x"?`, or ` Known: a, b.` if nothing is near: ready to be put behind a sentence. */
export function suggestion(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return nearest === undefined ? ` Known: ${known.join(', ')}.` : ` Did you mean "${nearest}"?`;
}
