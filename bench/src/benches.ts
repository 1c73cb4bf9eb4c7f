// Which benches there are, by the names that `pnpm bench` takes.

import type { Bench } from './framework/bench.ts';
import { storeBench } from './store/store-bench.ts';
import { takeoverBench } from './takeover/takeover-bench.ts';
import { tasksBench } from './tasks/tasks-bench.ts';
import { updateBench } from './update/update-bench.ts';

/** Every bench. */
export const benches: readonly Bench[] = [storeBench, takeoverBench, updateBench, tasksBench];
