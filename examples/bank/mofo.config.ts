import { defineConfig } from 'mofo';

export default defineConfig({
  name: 'bank',
  modules: './modules/*.ts',
  http: { port: 3000 },
  store: { sizeBytes: '64MiB' },
  snapshot: { every: '30s', keep: 5 },
  probation: { tasks: 20, minimum: '1s', deadline: '1m' },
  hangAfter: '2s',
  heapLimitBytes: '96MiB',
});
