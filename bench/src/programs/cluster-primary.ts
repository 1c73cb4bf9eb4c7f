// Primary of the subject `node-cluster`: forks a worker of the named program, and another one when it dies.

import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';

cluster.setupPrimary({ exec: fileURLToPath(new URL(process.argv[2] ?? './cluster-worker.js', import.meta.url)) });
cluster.on('exit', (worker) => cluster.fork({ HEIR_OF: String(worker.process.pid) }));
cluster.fork({ HEIR_OF: '0' });
process.on('SIGTERM', () => {
  cluster.removeAllListeners('exit');
  cluster.disconnect(() => process.exit(0));
});
