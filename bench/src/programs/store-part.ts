// The program of a part of a store measurement: opens what its role needs, says that it is ready, answers requests until its parent disconnects.

import type { PartAssignment, PartHandler, PartRequest, PartRole } from '../store/part.ts';

const assignment = JSON.parse(process.argv[2] ?? '{}') as PartAssignment;

/** A role's module is loaded by that role alone: a process measures with nothing but its own code warm. */
const roles: Readonly<Record<PartRole, () => Promise<(assignment: PartAssignment) => Promise<PartHandler>>>> = {
  reader: async () => (await import('../store/reader-part.ts')).startReader,
  writer: async () => (await import('../store/writer-part.ts')).startWriter,
  opener: async () => (await import('../store/big-store.ts')).startOpener,
  journalled: async () => (await import('../store/add-delete-part.ts')).startJournalled,
  plain: async () => (await import('../store/add-delete-part.ts')).startPlain,
};

const start = await roles[assignment.role]();
const handle = await start(assignment);
process.on('message', (request) => {
  // A failure ends the process, and the parent learns of it by that.
  void handle(request as PartRequest).then((answer) => process.send?.({ answer }));
});
process.send?.({});
