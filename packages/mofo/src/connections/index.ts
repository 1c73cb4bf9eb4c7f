// Connections that survive the death of the process that serves them.
export { ConnectionKeeper } from './connection-keeper.ts';
export type { RequestCommit } from './request-commit.ts';
export { testConnections } from './self-test.ts';
