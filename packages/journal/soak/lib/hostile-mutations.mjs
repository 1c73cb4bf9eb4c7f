// What a hostile writer may do to the bytes of a store.

/** Values that break careless arithmetic. */
const EXTREMES = [0, 1, -1, 0x7fffffff, -0x80000000, 0xffff, 0x10000, 0x3ff00000, 0x7ff00000, -0x100000];

/** Changes some bytes of main below `used`: flips, splices, links to other places, extremes, zeroes to the end. */
export function mutate(main, words, used, random) {
  const count = used / 4;
  for (let times = 1 + random(random(4) === 0 ? 20 : 3); times > 0; times--) {
    // The superblock and the slab table are small and matter much.
    const word = random(4) === 0 ? 16 + random(Math.min(count, 2048)) : random(count);
    const kind = random(8);
    if (kind <= 2) main[word * 4 + random(4)] ^= 1 << random(8);
    else if (kind === 3) words[word] = words[random(count)];
    else if (kind === 4) words[word] = (words[random(count)] + random(64)) | 0;
    else if (kind === 5) {
      const bytes = 16 * (1 + random(20));
      main.copyWithin((word & ~3) * 4, random(used - bytes) & ~15, (random(used - bytes) & ~15) + bytes);
    } else if (kind === 6) mutateWord(words, word, random);
    else main.fill(0, word * 4, random(3) === 0 ? used : word * 4 + 16 * (1 + random(64)));
  }
}

/** Puts something extreme, or a number of small size, into one word. */
export function mutateWord(words, word, random) {
  words[word] = random(2) === 0 ? EXTREMES[random(EXTREMES.length)] : random(200_000);
}
