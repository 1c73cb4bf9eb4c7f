// Restores, and says so. Arguments: an image, the store's name.
import { restoreStore } from '@mofo/snapshot';

const [file, name] = process.argv.slice(2);
await restoreStore({ file, name, force: true });
console.log('{"restored":true}');
