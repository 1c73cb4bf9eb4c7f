// Trees on both sides of each threshold at which a bucket grows (4, 12 and 28 entries), splits between branches or gets a node above, and at which it
// shrinks, merges with its neighbour, or takes its node's place; and nodes of both forms.

const SIZES = [0, 1, 2, 3, 4, 5, 8, 9, 11, 12, 13, 27, 28, 29, 57, 100];

/** Shapes of trees with keys in leaves and with keys in slots. */
export function bucketShapes() {
  const found = {};
  for (const size of SIZES) {
    found[`tree of ${size}`] = leaves(size);
    found[`tree of ${size} numbers`] = slots(size);
  }
  found['two thin buckets'] = thinNeighbours();
  found['tree with a node of each form'] = {
    prepare: ({ fan }) => {
      for (let n = 0; n < 256; n += 2) fan.set(Uint8Array.of(3, n), n);
      for (let n = 0; n < 140; n++) fan.set(Uint8Array.of(7, (n * 7) % 256), n);
    },
    operations: {
      'more of a small one, which becomes full': ({ fan }) => {
        for (let n = 1; n < 256; n += 2) fan.set(Uint8Array.of(3, n), n);
      },
      'fewer of a full one, which becomes small': ({ fan }) => {
        for (let n = 0; n < 110; n++) fan.delete(Uint8Array.of(7, (n * 7) % 256));
      },
      'a bucket that becomes a node': ({ fan }) => {
        for (let n = 0; n < 40; n++) fan.set(Uint8Array.of(3, 5, n * 6), n);
      },
      'a node that becomes a bucket': ({ fan }) => {
        for (let n = 0; n < 256; n += 2) fan.delete(Uint8Array.of(3, n));
      },
    },
  };
  return found;
}

/** Two buckets, with 9 and 12 entries of 28 places: one deletion more, and the first is merged into the second. */
function thinNeighbours() {
  const FIRST = 16;
  const number = (n) => 2 ** 40 + n;
  return {
    prepare: ({ numbers, fan }) => {
      for (let n = 0; n < 40; n++) {
        numbers.set(number(n), n);
        fan.set(Uint8Array.of(n), n);
      }
      for (const n of [...range(0, 7), ...range(FIRST, FIRST + 12)]) {
        numbers.delete(number(n));
        fan.delete(Uint8Array.of(n));
      }
    },
    operations: {
      'merge numbers': ({ numbers }) => numbers.delete(number(8)),
      'merge leaves': ({ fan }) => fan.delete(Uint8Array.of(8)),
      'add between': ({ numbers, fan }) => {
        numbers.set(number(20), 20);
        fan.set(Uint8Array.of(20), 20);
      },
    },
  };
}

function range(from, to) {
  return Array.from({ length: to - from }, (_, n) => from + n);
}

function leaves(size) {
  const key = (n) => Uint8Array.of(n);
  const nth = (n) => key((n * 7) % 256);
  return {
    prepare: ({ fan }) => {
      for (let n = 0; n < size; n++) fan.set(nth(n), n);
    },
    operations: {
      'add in front': ({ fan }) => fan.set(Uint8Array.of(0, 1), 1),
      'add behind': ({ fan }) => fan.set(Uint8Array.of(255, 9), 2),
      'add inside': ({ fan }) => fan.set(nth(size), 3),
      'add a branch of its own': ({ fan }) => {
        for (let n = 0; n < 20; n++) fan.set(Uint8Array.of(7, 3, 5, n), n);
      },
      replace: ({ fan }) => fan.set(key(7), 4),
      'delete the first': ({ fan }) => fan.delete(key(0)),
      'delete the last made': ({ fan }) => fan.delete(nth(size - 1)),
      'delete most': ({ fan }) => {
        for (let n = 2; n < size; n++) fan.delete(nth(n));
      },
    },
  };
}

function slots(size) {
  // Exponents and mantissas both differ, so that nodes stand at several depths.
  const nth = (n) => (n % 3 === 0 ? n * 1000.5 : n + 2 ** 40);
  return {
    prepare: ({ numbers }) => {
      for (let n = 0; n < size; n++) numbers.set(nth(n), n);
    },
    operations: {
      'add in front': ({ numbers }) => numbers.set(-1, 1),
      'add behind': ({ numbers }) => numbers.set(1e300, 2),
      'add inside': ({ numbers }) => numbers.set(nth(size), 3),
      'add many': ({ numbers }) => {
        for (let n = 0; n < 40; n++) numbers.set(2 ** 40 + n / 64, n);
      },
      replace: ({ numbers }) => numbers.set(nth(1), 4),
      'delete the first': ({ numbers }) => numbers.delete(0),
      'delete the last made': ({ numbers }) => numbers.delete(nth(size - 1)),
      'delete most': ({ numbers }) => {
        for (let n = 2; n < size; n++) numbers.delete(nth(n));
      },
    },
  };
}
