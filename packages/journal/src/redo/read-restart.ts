// Thrown through a read section when something inside it notices that a commit came in between; `read` catches it and starts over.

/** Not an error a user sees: the section runs again. */
export class ReadRestart extends Error {
  constructor() {
    super('A commit came in between; the read section starts over.');
    this.name = 'ReadRestart';
  }
}
