// Loads version after version of one module and lets each go, as updates do. Prints the heap before and after as JSON.
// Run with --expose-gc; argument: how many.
import { defineModule, isModuleDefinition } from '../../dist/define/index.js';
import { loadModule } from '../../dist/modules/load-module.js';
import { mappedScriptCount } from '../../dist/modules/stack-mapping.js';

const count = Number(process.argv[2]);
const map = Buffer.from(JSON.stringify({ version: 3, names: [], sources: ['fees.ts'], mappings: 'AAAA' })).toString(
  'base64',
);

let running;
function update(number) {
  const bundle = `const mofo = require('mofo');
const table = new Array(1000).fill(${number});
exports.default = mofo.defineModule({ name: 'fees', exports: { quote(ctx, amount) { if (amount < 0) throw new Error('negative'); return amount * ${number} + table.length; } } });
//# sourceMappingURL=data:application/json;base64,${map}
`;
  running = loadModule({
    module: 'fees',
    id: String(number),
    bundle: Buffer.from(bundle),
    source: 'fees.ts',
    directory: '/app',
    provided: { mofo: { defineModule } },
  });
  if (running.definition.exports.quote({}, 2) !== 2 * number + 1000 || !isModuleDefinition(running.definition))
    throw new Error('wrong version');
  try {
    running.definition.exports.quote({}, -1);
  } catch (error) {
    if (!error.stack.includes('/app/fees.ts')) throw error;
  }
}

async function heapBytes() {
  // Finalizers run in turns of their own; maps go with the second collection after them.
  for (let round = 0; round < 5; round += 1) {
    globalThis.gc();
    await new Promise((settle) => setImmediate(settle));
  }
  return process.memoryUsage().heapUsed;
}

for (let number = 0; number < 200; number += 1) update(number);
const before = await heapBytes();
for (let number = 200; number < 200 + count; number += 1) {
  update(number);
  if (number % 100 === 0) await new Promise((settle) => setImmediate(settle));
}
const after = await heapBytes();
process.stdout.write(JSON.stringify({ before, after, growth: after - before, maps: mappedScriptCount() }));
