// Destroys a store and says what came of it. Arguments: name, optionally "force".
import { destroyStore } from '@mofo/shm-store';

const [name, force] = process.argv.slice(2);
try {
  console.log(JSON.stringify({ existed: destroyStore(name, { force: force === 'force' }) }));
} catch (error) {
  console.log(JSON.stringify({ code: error.code, message: error.message }));
}
