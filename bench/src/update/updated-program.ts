// What the bench `update` measures: a program of which one source file is saved again and again while clients ask it.

/** A running program. */
export interface UpdatedProgram {
  readonly port: number;
  /** Writes the source with another mark, and does what its user does to have it taken up. */
  save(mark: number): void;
  /** Resolves when the program is ready for the next save. */
  settled(mark: number): Promise<void>;
  /** Ends it; throws when something was wrong. */
  close(): Promise<void>;
}
