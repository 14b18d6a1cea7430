/**
 * Makes sure that the store does not fill with what nobody will read again: markers of keys that
 * were deleted, specs that no ledger needs, and what nodes saw of instances that are gone.
 *
 * A marker that is removed for good can bring its key's earlier value back after a hard kill of
 * the server (design §5). So only markers go whose key, whatever comes back under it, does no harm
 * and is met by a sweep (docs/decisions/0011-what-is-over-goes-by-limits.md says for each record
 * why), and only when they are old enough that no write which expects the key to be absent can
 * still be under way.
 *
 * A value that nothing refers to goes when it is met a second time as it was, a round later: a
 * clock that is wrong makes nothing old enough.
 */
import {
  type Bucket,
  buckets,
  endpointsRecord,
  entryName,
  instanceRecord,
  needsSpec,
  observedRecord,
  revisionRecord,
  slotRecord,
  specRecord,
  tokensIn,
  waitRecord,
  workloadRecord,
} from '../../subjects/index.ts';
import type { Due, Reported } from '../runtime/actor.ts';
import { earlierOf } from '../runtime/clock-set.ts';
import { type Effects, none, run } from '../runtime/effect.ts';
import type { KeySeen, KeysReport } from './jobs.ts';
import type { Ctx, State } from './state.ts';

/** When keys are looked through, and when markers and leftovers go. */
export interface KeyLimits {
  /** How often all keys are looked through, in milliseconds. */
  readonly everyMs: number;
  /** Markers older than this go, in milliseconds. */
  readonly markerAgeMs: number;
  /** More markers than this in a bucket go before that, the oldest first … */
  readonly markers: number;
  /** … but none younger than this, in milliseconds. */
  readonly youngMs: number;
  /** Specs and observations that nothing refers to go when they are older, in milliseconds. */
  readonly leftoverMs: number;
}

/**
 * A marker stays for a day: whoever was cut off for longer has to log in anew (node JWTs live a
 * day) and reads everything again. Below ten minutes none goes: sixty times the server's sync
 * interval, six hundred times the time a write waits for its answer. 100,000 markers of about 150
 * bytes are 15 MB, a seventeenth of the bucket. Looking through 100,000 keys takes some seconds of
 * the server's time: ten minutes apart that is nothing.
 */
export const keyLimits: KeyLimits = {
  everyMs: 600_000,
  markerAgeMs: 24 * 3_600_000,
  markers: 100_000,
  youngMs: 600_000,
  leftoverMs: 600_000,
};

/** Most keys cleared in one round; the rest is the next one's. */
export const CLEARED_MAX = 5_000;

/** Records whose markers may be removed for good. */
const removable = [
  ...[instanceRecord, workloadRecord, specRecord, observedRecord, revisionRecord, endpointsRecord],
  slotRecord,
  // One that came back would be of a caller that asks no more: the line is rid of it in seconds.
  waitRecord,
] as const;

/** It is time to look through the keys. */
export function lookThrough(state: State, _due: Due, _context: Ctx): Effects {
  return begin(state, buckets[0]);
}

function begin(state: State, bucket: Bucket): Effects {
  state.cleared = 0;
  const before = state.leftovers.get(bucket)?.now ?? new Map();
  state.leftovers.set(bucket, { before, now: new Map() });
  return [run('keys', { bucket }, { bucket })];
}

/** Some keys were read, or the last of them. */
export function keysRead(limits: KeyLimits) {
  return (state: State, { outcome, memo }: Reported<KeysReport>, context: Ctx): Effects => {
    const { bucket } = memo as { readonly bucket: Bucket };
    if (outcome.kind === 'end') {
      // Who did not hear of all of them does not know how many there are.
      const excess = outcome.isWhole ? outcome.markers - limits.markers : 0;
      state.excess.set(bucket, Math.max(0, excess));
      const following = buckets[buckets.indexOf(bucket) + 1];
      return following ? begin(state, following) : none;
    }
    let excess = state.excess.get(bucket) ?? 0;
    const keys = outcome.keys.filter((seen) => {
      if (!mayGo(bucket, seen, excess > 0, limits, context)) return false;
      if (!seen.isMarker) return wasLeftOver(state, bucket, seen);
      excess--;
      return true;
    });
    const cleared = keys.slice(0, CLEARED_MAX - state.cleared);
    state.excess.set(bucket, Math.max(0, excess));
    state.cleared += cleared.length;
    return cleared.length > 0 ? [run('clear', { bucket, keys: cleared })] : none;
  };
}

/** Whether a value was left over in the round before; it is remembered for the next. */
function wasLeftOver(state: State, bucket: Bucket, { key, revision }: KeySeen): boolean {
  const known = state.leftovers.get(bucket);
  if (!known) return false;
  if (known.now.size < CLEARED_MAX) known.now.set(key, revision);
  return known.before.get(key) === revision;
}

/** Whether a key may be cleared away. */
export function mayGo(
  bucket: Bucket,
  seen: KeySeen,
  isCrowded: boolean,
  limits: KeyLimits,
  context: Ctx,
): boolean {
  const ageMs = earlierOf(context) - seen.at;
  if (!seen.isMarker) return ageMs > limits.leftoverMs && isLeftOver(bucket, seen.key, context);
  if (ageMs <= (isCrowded ? limits.youngMs : limits.markerAgeMs)) return false;
  return removable.some((each) => each.bucket === bucket && tokensIn(each as never, seen.key));
}

/** Whether nothing refers to a value any more. */
function isLeftOver(bucket: Bucket, key: string, { views }: Ctx): boolean {
  if (bucket === 'shoal') {
    const spec = tokensIn(specRecord, key);
    const ledger = spec && views.ledgers.get({ node: spec.node });
    if (!spec) return false;
    return !ledger || !needsSpec(ledger, { ...spec, generation: Number(spec.generation) });
  }
  const seen = tokensIn(observedRecord, key);
  if (!seen) return false;
  const { node, tenant, instance } = seen;
  if (!views.nodes.get({ node })) return true;
  const isListed = views.ledgers.get({ node })?.entries[entryName(seen)] !== undefined;
  return !isListed && views.instances.get({ tenant, instance }) === undefined;
}
