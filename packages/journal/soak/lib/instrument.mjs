// Rewrites JavaScript so that every store that could go into a typed array is reported: `a[i] = x` becomes `$store(17, a, i, x)`, and calls that copy many elements
// (`set`, `fill`, Node's string writers, Atomics) become `$bulk(18, …)`. Everything else stays as it is. The reporter (store-hook.mjs) makes the
// store and then notes it, if it went into a segment. So the list of sites is a list of all stores in the source, made by a parser.

import { parseAst } from 'vite';

/** Methods that store into the array they are called on, or into the array that they are given. */
const BULK_METHODS = new Set([
  ...[
    'set',
    'fill',
    'copyWithin',
    'sort',
    'reverse',
    'encodeInto',
    'latin1Write',
    'utf8Write',
    'ucs2Write',
    'asciiWrite',
  ],
  ...['setInt8', 'setUint8', 'setInt16', 'setUint16', 'setInt32', 'setUint32', 'setFloat32', 'setFloat64'],
  ...['setBigInt64', 'setBigUint64'],
]);
const ATOMIC_STORES = new Set(['store', 'add', 'sub', 'and', 'or', 'xor', 'exchange', 'compareExchange']);

/**
 * @param source one module
 * @param file its name in the names of sites
 * @param addSite called with "file:line:column target" of each site; returns its number
 * @param hook the URL of store-hook.mjs
 * @returns the changed module
 */
export function instrument(source, file, addSite, hook) {
  const lines = lineStarts(source);
  // With what it stores into, by which the list of private memory knows it.
  const site = (node, target) =>
    addSite(`${placeOf(lines, file, node.start)} ${source.slice(target.start, target.end)}`);

  const render = (node) => {
    const special = specials[node.type]?.(node);
    return special ?? renderParts(node, childrenOf(node));
  };
  const renderParts = (node, children) => {
    let text = '';
    let at = node.start;
    for (const child of children) {
      text += source.slice(at, child.start) + render(child);
      at = child.end;
    }
    return text + source.slice(at, node.end);
  };
  const argument = (node) => (node.type === 'SequenceExpression' ? `(${render(node)})` : render(node));
  const isElement = (node) => node.type === 'MemberExpression' && node.computed && !node.optional;
  const refuse = (node, what) => {
    throw new Error(
      `${placeOf(lines, file, node.start)}: ${what} cannot be instrumented; teach soak/lib/instrument.mjs`,
    );
  };

  const specials = {
    AssignmentExpression: (node) => {
      const { left, right, operator } = node;
      if (/Pattern$/.test(left.type) && storesIntoElement(left)) refuse(node, 'a pattern that stores into elements');
      if (!isElement(left)) return undefined;
      const place = `${argument(left.object)}, ${argument(left.property)}`;
      if (operator === '=') return `$store(${site(node, left.object)}, ${place}, ${argument(right)})`;
      if (['&&=', '||=', '??='].includes(operator)) refuse(node, `${operator} into an element`);
      return `$update(${site(node, left.object)}, ${place}, ($old) => $old ${operator.slice(0, -1)} (${render(right)}))`;
    },
    UpdateExpression: (node) => {
      if (!isElement(node.argument)) return undefined;
      const { object, property } = node.argument;
      const step = node.operator === '++' ? '+ 1' : '- 1';
      return `$update(${site(node, object)}, ${argument(object)}, ${argument(property)}, ($old) => $old ${step}, ${!node.prefix})`;
    },
    CallExpression: (node) => {
      const { callee } = node;
      if (callee.type !== 'MemberExpression' || callee.computed) return undefined;
      const { object } = callee;
      const name = callee.property.name;
      // Rendered only where it is used: each rendering gives its sites numbers.
      const passed = () => `[${node.arguments.map(argument).join(', ')}]`;
      if (object.type === 'Identifier' && object.name === 'Atomics' && ATOMIC_STORES.has(name))
        return `$atomic(${site(node, node.arguments[0])}, '${name}', ${passed()})`;
      // Borrowed: strings.latin1Write.call(bytes, …)
      if (name === 'call' && object.type === 'MemberExpression' && BULK_METHODS.has(object.property.name))
        return `$borrowed(${site(node, node.arguments[0])}, ${render(object)}, '${object.property.name}', ${passed()})`;
      if (!BULK_METHODS.has(name) || object.type === 'Super') return undefined;
      if (node.optional || callee.optional) refuse(node, `an optional call of ${name}`);
      return `$bulk(${site(node, object)}, ${argument(object)}, '${name}', ${passed()})`;
    },
  };

  const program = parseAst(source);
  const changed = renderParts({ start: 0, end: source.length }, childrenOf(program));
  return `import { $store, $update, $bulk, $borrowed, $atomic } from ${JSON.stringify(hook)}; ${changed}`;
}

function storesIntoElement(node) {
  return (node.type === 'MemberExpression' && node.computed) || childrenOf(node).some(storesIntoElement);
}

/** The nodes directly below, in the order of the source. */
function childrenOf(node) {
  // The key of { a } and { a = 1 } is a part of its value.
  if (node.shorthand) return [node.value];
  if (/^(Import|Export)\w*Specifier$/.test(node.type)) return [];
  const found = [];
  for (const value of Object.values(node)) {
    for (const one of Array.isArray(value) ? value : [value])
      if (typeof one?.type === 'string' && typeof one.start === 'number' && typeof one.end === 'number')
        found.push(one);
  }
  return found.sort((a, b) => a.start - b.start);
}

function lineStarts(source) {
  const starts = [0];
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function placeOf(lines, file, at) {
  let line = lines.length;
  while ((lines[line - 1] ?? 0) > at) line--;
  return `${file}:${line}:${at - (lines[line - 1] ?? 0) + 1}`;
}
