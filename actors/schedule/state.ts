/** What the schedule actor remembers beside the store: which firings it is asking for. */
import {
  address,
  scheduleRecord as record,
  type Schedule,
  type scheduleRecord,
  tokensIn,
  type workloadRecord,
} from '../../subjects/index.ts';
import type { Context } from '../runtime/actor.ts';
import { passedMs } from '../runtime/clock-set.ts';
import type { View } from '../runtime/view.ts';

export interface State {
  /** Keys of schedules whose action is asked for and not answered yet. */
  readonly asking: Set<string>;
  /** Keys of schedules that wait for room among those. */
  readonly waiting: Set<string>;
}

export interface Views {
  readonly schedules: View<typeof scheduleRecord>;
  readonly workloads: View<typeof workloadRecord>;
}

export type Ctx = Context<Views>;

export const newState = (): State => ({ asking: new Set(), waiting: new Set() });

export interface Named {
  readonly tenant: string;
  readonly schedule: string;
}

export function namedOf({ tenant, name }: Pick<Schedule, 'tenant' | 'name'>): Named {
  return { tenant, schedule: name };
}

/** Key of a schedule in the store: the key of its timers, too. */
export function keyOf(of: Pick<Schedule, 'tenant' | 'name'>): string {
  return address(record, namedOf(of));
}

/**
 * What time it is for a schedule, in milliseconds since 1970: what has passed since its last firing,
 * or since it began to count, whatever the clock was set to meanwhile.
 */
export function timeFor({ handled, since }: Schedule, context: Ctx): number {
  const from = handled ?? since;
  return from + passedMs(from, context);
}

/** The schedule under a key. */
export function scheduleAt(key: string, context: Ctx): Schedule | undefined {
  const tokens = tokensIn(record, key);
  return tokens && context.views.schedules.get(tokens);
}
