// What an export is in the middle of. Values nest as deep as they like, and a consumer may pause anywhere: so the nesting is a stack of frames,
// not of calls. A frame writes a little at each step, or puts a frame for a value inside it on top of the stack.

import type { PathStep } from '../path.ts';
import type { XmlWriter } from './xml-writer.ts';

/** One value that is being written. */
export interface Frame {
  /** Where in its owner the frame is now, for the path of a finding; `undefined` adds nothing. */
  readonly place: PathStep | undefined;
  /** Writes on. Takes itself off the stack when it has written its end. */
  step(writer: XmlWriter): void;
}
