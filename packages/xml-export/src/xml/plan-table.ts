// Which plan writes values of which type; made when first met.

import { type Memory, type TypeDescription, typeFromDescription } from '@mofo/shm-store';
import { CounterPlan, ListPlan, QueuePlan, TreePlan } from './collection-plans.ts';
import type { LayoutPlan, Plan, PlannedField, Plans } from './output.ts';
import { RecordPlan, StructPlan } from './record-plans.ts';
import { RefPlan } from './ref-plan.ts';
import {
  BytesPlan,
  DoublePlan,
  JsonPlan,
  OneOfPlan,
  OptionalPlan,
  PlainPlan,
  SinglePlan,
  TextPlan,
} from './scalar-plans.ts';

/** All plans of one export. */
export class PlanTable implements Plans {
  private readonly memory: Memory;
  private readonly plans = new Map<TypeDescription, Plan>();
  private readonly layouts = new Map<number, LayoutPlan>();

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** The plan for a type. Throws CORRUPT, TYPE_UNKNOWN. */
  planOf(description: TypeDescription): Plan {
    const known = this.plans.get(description);
    if (known !== undefined) return known;
    const plan = makePlan(description, this.memory, this);
    this.plans.set(description, plan);
    return plan;
  }

  /** The plans for all fields of a layout of records or extensions. Throws CORRUPT, TYPE_UNKNOWN. */
  layoutOf(layoutId: number): LayoutPlan {
    const known = this.layouts.get(layoutId);
    if (known !== undefined) return known;
    const { catalog } = this.memory;
    const entry = catalog.entry(layoutId);
    const fields = catalog.storedFields(entry).map(({ name, word, description }): PlannedField => {
      return { name, attribute: ` name="${name}"`, word, plan: this.planOf(description) };
    });
    const layout = { entry, fields };
    this.layouts.set(layoutId, layout);
    return layout;
  }
}

function makePlan(description: TypeDescription, memory: Memory, plans: PlanTable): Plan {
  const type = typeFromDescription(description, memory.catalog.kinds);
  switch (description.kind) {
    case 'f64':
    case 'timestamp':
      return new DoublePlan(description.kind);
    case 'f32':
      return new SinglePlan(type);
    case 'text':
      return new TextPlan(type);
    case 'bytes':
      return new BytesPlan(type);
    case 'json':
      return new JsonPlan(type);
    case 'oneOf':
      return new OneOfPlan(type);
    case 'optional': {
      const inner = description.of as TypeDescription;
      return new OptionalPlan(plans.planOf(inner), typeFromDescription(inner, memory.catalog.kinds).words);
    }
    case 'ref':
      return new RefPlan(description.to as string);
    case 'record':
      return new RecordPlan(description.name as string);
    case 'struct':
      return new StructPlan(description, plans);
    case 'tree':
      return new TreePlan(description, memory, plans);
    case 'list':
      return new ListPlan(description, memory, plans);
    case 'queue':
      return new QueuePlan(description, memory, plans);
    case 'counter':
      return new CounterPlan();
    default:
      return new PlainPlan(description.kind, type);
  }
}
