/**
 * Makes sure that each slot's record follows what became of it: looks at one slot at a time; what its
 * pool as a whole needs is refill.ts.
 */
import {
  type HandOffRecorded,
  isAlike,
  isGood,
  nodeState,
  type Pool,
  readyAt,
  type Slot,
  type SlotEndpoint,
  spanMs,
} from '../../subjects/index.ts';
import { passedMs, type Times } from '../runtime/clock-set.ts';
import { leftMs } from './expiry.ts';
import { type Ctx, keyOf, type State } from './state.ts';

/** What warms for longer than this is told of, in milliseconds: most programs start within it. */
const WARM_MS = 60_000;

/** Everything known about one slot. */
export interface Known {
  readonly slot: Slot;
  /** Where it takes calls now. */
  readonly endpoint: SlotEndpoint | undefined;
  /** What keeps it from becoming ready, as far as anybody says. */
  readonly trouble: string | undefined;
  /** How long it is still claimed, in milliseconds; undefined: it is not. */
  readonly leftMs: number | undefined;
  /** Whether anything of it is left beside its record, or asked for. */
  readonly isLeft: boolean;
}

export function knownOf(state: State, slot: Slot, context: Ctx): Known {
  const { views } = context;
  const { tenant, slot: workload } = slot;
  const key = keyOf(slot);
  let endpoint: SlotEndpoint | undefined;
  let trouble = state.asked.get(key)?.reason;
  let isLeft =
    state.asking.has(key) ||
    views.workloads.get({ tenant, workload }) !== undefined ||
    views.workloads.unreadable({ tenant, workload }) !== undefined;
  for (const { value } of views.instances.by('workload', `${tenant}.${workload}`)) {
    isLeft = true;
    const { node, instance, epoch } = value;
    if (value.parked) trouble ??= parkedText(value.parked.removed);
    if (value.failures > 0) trouble ??= value.last.message;
    if (node === undefined) continue;
    const observed = views.observed.get({ node, tenant, instance });
    const there = views.nodes.get({ node });
    const ready = readyAt(value, observed, there && nodeState(there));
    if (ready) endpoint ??= { ...ready, epoch };
    if (observed?.lastEnd) trouble ??= observed.lastEnd.message;
  }
  const { claim } = slot;
  const isHeld = slot.state === 'claimed' && claim !== undefined;
  const left = isHeld ? leftMs(state, key, claim, context) : undefined;
  return { slot, endpoint, trouble, leftMs: left, isLeft };
}

function parkedText(removed: Readonly<Record<string, number>>): string {
  const counts = Object.entries(removed).map(([name, count]) => `${count} by ${name}`);
  return `no node has room: removed ${counts.join(', ')}`;
}

/** What becomes of a slot: its next record, or nothing is left of it; undefined: it stays as it is. */
export function settle(
  known: Known,
  pool: Pool | undefined,
  times: Times,
): Slot | 'gone' | undefined {
  const { slot, endpoint } = known;
  const isEnding = pool === undefined || pool.deletedAt !== undefined;
  const why = isEnding ? 'its pool is being deleted' : undefined;
  switch (slot.state) {
    case 'warming':
      if (why !== undefined) return drained(slot, why, times);
      if (slot.generation !== pool?.templateGeneration) {
        return drained(slot, 'its template has changed', times);
      }
      if (!endpoint) return undefined;
      return moved(slot, 'ready', times, { endpoint, verb: 'ready', message: on(endpoint) });
    case 'ready':
      if (why !== undefined) return drained(slot, why, times);
      if (!endpoint) return drained(slot, 'it is ready no longer', times);
      if (pool && !isGood(slot, pool)) return drained(slot, 'its pool was purged', times);
      return elsewhere(slot, endpoint);
    case 'claimed': {
      if ((known.leftMs ?? 0) <= 0) {
        if (slot.claim?.handOff?.state === 'pending') {
          return handOffFailed(slot, { message: 'nobody said in time that it is done' }, times);
        }
        return { ...drained(slot, 'its time is up', times), last: expired(times) };
      }
      return endpoint && elsewhere(slot, endpoint);
    }
    case 'draining':
      return known.isLeft ? undefined : 'gone';
  }
}

/** When a slot has to be looked at although nothing changes, in milliseconds from now. */
export function lookInMs(
  { slot, leftMs: left }: Known,
  pool: Pool | undefined,
  times: Times,
): number | undefined {
  if (left !== undefined) return left;
  const within = slot.state === 'warming' ? WARM_MS : ageMax(slot, pool);
  const passed = passedMs(slot.changedAt, times);
  return passed <= within && within < Number.POSITIVE_INFINITY ? within - passed + 1 : undefined;
}

/** Whether a slot has been ready for longer than its pool wants. */
export function isAged(slot: Slot, pool: Pool, times: Times): boolean {
  return passedMs(slot.changedAt, times) > ageMax(slot, pool);
}

/** How long a slot may stay as it is, in milliseconds. */
function ageMax({ state }: Slot, pool: Pool | undefined): number {
  const age = state === 'ready' ? pool?.spec.maximumAge : undefined;
  return age === undefined ? Number.POSITIVE_INFINITY : spanMs(age);
}

/** Why a slot that warms is not ready; undefined: there was little time yet. */
export function troubleOf({ slot, endpoint, trouble }: Known, times: Times): string | undefined {
  if (slot.state !== 'warming' || endpoint) return undefined;
  if (trouble !== undefined) return `${slot.slot}: ${trouble}`.slice(0, 500);
  const isSlow = passedMs(slot.changedAt, times) > WARM_MS;
  return isSlow ? `${slot.slot}: not ready after ${WARM_MS / 1_000} s` : undefined;
}

/** The slot on its way out. */
export function drained(slot: Slot, message: string, times: Pick<Times, 'now'>): Slot {
  return moved(slot, 'draining', times, { endpoint: undefined, verb: 'draining', message });
}

/** The slot whose hand-off failed, on its way out. */
export function handOffFailed(
  slot: Slot,
  came: Pick<HandOffRecorded, 'message' | 'exitCode' | 'output'>,
  times: Pick<Times, 'now'>,
): Slot {
  const message = `its hand-off failed: ${came.message}`;
  return withHandOff(drained(slot, message, times), { state: 'failed', ...came });
}

/** The slot with what came of its hand-off. */
export function withHandOff(slot: Slot, came: Partial<HandOffRecorded>): Slot {
  const { claim } = slot;
  if (!claim?.handOff) return slot;
  return { ...slot, claim: { ...claim, handOff: { ...claim.handOff, ...came } } };
}

function expired({ now }: Times): Slot['last'] {
  return { verb: 'expired', at: now, message: 'its time is up' };
}

function moved(
  slot: Slot,
  state: Slot['state'],
  { now: at }: Pick<Times, 'now'>,
  of: {
    readonly endpoint: SlotEndpoint | undefined;
    readonly verb: string;
    readonly message: string;
  },
): Slot {
  const { endpoint, verb, message } = of;
  const after = { ...slot, state, changedAt: at, last: { verb, at, message } };
  return endpoint ? { ...after, endpoint } : after;
}

/** The slot where it takes calls now, if that is another place; a higher epoch alone is none. */
function elsewhere(slot: Slot, endpoint: SlotEndpoint): Slot | undefined {
  const before = slot.endpoint && { ...slot.endpoint, epoch: endpoint.epoch };
  return isAlike(before, endpoint) ? undefined : { ...slot, endpoint };
}

function on({ node }: SlotEndpoint): string {
  return `on ${node}`;
}
