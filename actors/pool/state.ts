/** What the actor reads, which pools it is about to look at, and what it asks of workloads. */
import {
  address,
  type ByClock,
  type instanceRecord,
  type nodeRecord,
  type observedRecord,
  type poolRecord,
  type Slot,
  slotRecord,
  type Wait,
  type waitRecord,
  type workloadRecord,
} from '../../subjects/index.ts';
import type { Context } from '../runtime/actor.ts';
import type { Gathered } from '../runtime/gather.ts';
import type { Entry, View } from '../runtime/view.ts';
import type { Handing } from './hand-off.ts';
import type { Made } from './made.ts';
import type { Pace } from './pace.ts';
import type { Demand } from './size.ts';

/** What came of the last ask about a slot's workload, and when there may be another one. */
export interface Asked {
  /** For its workload, or for the end of that. */
  readonly what: 'begin' | 'end';
  /** Why it was refused; undefined: it was not, or that may pass at once. */
  readonly reason: string | undefined;
  /** How often it was refused in a row. */
  readonly times: number;
  /** By a clock that nobody sets. */
  readonly againAt: number;
}

/** Since when a claim's end is counted here. */
export interface Counted {
  /** As the claim has it: another one is another count. */
  readonly since: number;
  /** When that was, by a clock that nobody sets. */
  readonly at: number;
}

/**
 * The shortest time from the store's writing to this copy's hearing of it, each by its own clock, in
 * milliseconds: what is more than that was on its way, or waited.
 */
export interface Hearing {
  /** Since `since`. */
  quickest: number;
  /** In the time before that. */
  before: number;
  /** By a clock that nobody sets. */
  since: number;
}

/** When a caller in a line was heard of last. */
export interface Heard {
  /** By a clock that nobody sets. */
  readonly at: number;
  /** How soon it was to ask again, in milliseconds. */
  readonly againMs: number;
}

export interface State extends Gathered {
  /** Keys of slots whose workload is asked for, or its end, and not answered yet. */
  readonly asking: Set<string>;
  /** By key of the slot. */
  readonly asked: Map<string, Asked>;
  /**
   * By key of the slot. What was made while this copy acts is counted from when it heard of it: then
   * it does not matter what time it is for whoever wrote it.
   */
  readonly counted: Map<string, Counted>;
  /** How soon this copy hears of what the store wrote. */
  readonly hearing: Hearing;
  /** Keys of slots that something has happened to, by pool, and which touch was the last. */
  readonly touched: Map<string, Map<string, number>>;
  /** How many touches there were. */
  touches: number;
  /** Names of slots that have been ready for longer than they may, by pool. */
  readonly aged: Map<string, Set<string>>;
  /** Why slots that warm are not ready, by pool and by name. */
  readonly troubles: Map<string, Map<string, string>>;
  /** By key of the caller's place, in the order in which they came while this copy acts. */
  readonly heard: Map<string, Heard>;
  /** What was made last, by `<tenant>.<pool>`; of pools of which that is known. */
  readonly made: Map<string, Made>;
  /** Hand-offs under way, by key of the caller's place. */
  readonly handing: Map<string, Handing>;
  /** How long slots took, by `<tenant>.<pool>`. */
  readonly paces: Map<string, Pace>;
  /** How many claims come, by `<tenant>.<pool>`; of pools whose size follows them. */
  readonly demands: Map<string, Demand>;
  /** What the clock said of a pool's size at `since`, by `<tenant>.<pool>`. */
  readonly clocks: Map<string, ByClock & { readonly generation: number; readonly since: number }>;
}

/** What a slot is named by. */
export type SlotName = Pick<Slot, 'tenant' | 'pool' | 'slot'>;

/** A caller in a line, as the store has it. */
export type WaitEntry = Entry<Wait>;

export interface Views {
  readonly pools: View<typeof poolRecord>;
  readonly slots: View<typeof slotRecord>;
  readonly waits: View<typeof waitRecord>;
  readonly workloads: View<typeof workloadRecord>;
  readonly instances: View<typeof instanceRecord>;
  readonly observed: View<typeof observedRecord>;
  readonly nodes: View<typeof nodeRecord>;
}

export type Ctx = Context<Views>;

export const newState = (): State => ({
  ...{ due: new Set(), asking: new Set() },
  ...{ asked: new Map(), counted: new Map(), heard: new Map(), paces: new Map() },
  ...{ handing: new Map(), made: new Map() },
  ...{ demands: new Map(), clocks: new Map() },
  hearing: {
    ...{ quickest: Number.MAX_SAFE_INTEGER, before: Number.MAX_SAFE_INTEGER, since: 0 },
  },
  ...{ touched: new Map(), touches: 0, aged: new Map(), troubles: new Map() },
});

/**
 * A burst of changes is looked at once, this much later, in milliseconds: short beside what a slot
 * takes to warm, long enough for a hundred claims a second to cost ten looks at their pool.
 */
export const looks = { timer: 'look', gatherMs: 10 };

/** Name of a pool's looks: `<tenant>.<pool>`. */
export function groupOf({ tenant, pool }: { readonly tenant: string; readonly pool: string }) {
  return `${tenant}.${pool}`;
}

export function nameIn(group: string): { readonly tenant: string; readonly pool: string } {
  const [tenant = '', pool = ''] = group.split('.');
  return { tenant, pool };
}

export function tokensOf({ tenant, pool, slot }: SlotName) {
  return { tenant, pool, slot };
}

/** Key of a slot in the store: the key of its timers, too. */
export function keyOf(slot: SlotName): string {
  return address(slotRecord, tokensOf(slot));
}
