// Announces itself and restores. Arguments: an image, the store's name.
import { writeSync } from 'node:fs';
import { restoreStore } from '@mofo/snapshot';

const [file, name] = process.argv.slice(2);
writeSync(1, '{"begins":true}\n');
await restoreStore({ file, name, force: true });
setInterval(() => undefined, 1000);
