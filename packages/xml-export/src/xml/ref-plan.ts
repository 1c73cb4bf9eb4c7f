// Refs, judged when they are written: each leads to a live record of its type, or says why not.

import { LAYOUT_USER_FIRST, type Memory } from '@mofo/shm-store';
import { placeInHeap } from '../heap-place.ts';
import type { Plan, XmlOutput } from './output.ts';
import { wordAt } from './read-word.ts';

/** <ref to="id"/>, or the marker with the reason why it leads to no record. */
export class RefPlan implements Plan {
  private readonly target: string;

  constructor(target: string) {
    this.target = target;
  }

  write(writer: XmlOutput, block: number, word: number, name: string): void {
    const { memory } = writer;
    const { heap } = memory;
    const granule = wordAt(memory, block, word);
    const stamp = wordAt(memory, block, word + 1);
    const report = (
      code: 'REF_UNSET' | 'REF_OUT_OF_BOUNDS' | 'REF_MISPLACED' | 'REF_DANGLING' | 'REF_WRONG_TYPE',
      what: string,
    ): void => {
      writer.invalid(code, name, block, `A ref to a ${this.target} ${what}.`);
    };
    if (granule === 0 && stamp === 0) report('REF_UNSET', 'was never set');
    else if (heap.isLive(granule, stamp)) {
      const layoutId = heap.layoutOf(granule);
      if (layoutId >= LAYOUT_USER_FIRST && nameOfLayout(memory, layoutId) === this.target) {
        writer.out += `<ref${name} to="${writer.idOf(granule)}"/>`;
      } else report('REF_WRONG_TYPE', `leads to granule ${granule >>> 0}, where there is something else`);
    } else {
      const place = placeInHeap(memory, granule);
      if (place === 'outside') report('REF_OUT_OF_BOUNDS', `leads to granule ${granule >>> 0}, outside the heap`);
      else if (place === 'inside') report('REF_MISPLACED', `leads to granule ${granule >>> 0}, where no block starts`);
      else report('REF_DANGLING', `leads to granule ${granule >>> 0}, where the record that it named no longer is`);
    }
  }
}

function nameOfLayout(memory: Memory, layoutId: number): string | undefined {
  try {
    const entry = memory.catalog.entry(layoutId);
    return entry.kind === 'struct' ? entry.name : undefined;
  } catch {
    // An unknown layout is no record of the wanted type; the caller reports that.
    return undefined;
  }
}
