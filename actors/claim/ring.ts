/**
 * Makes sure that copies which are asked for the same claim choose the same slot, though one of them
 * knows of more slots than another: slots lie in a circle by their names, an ask begins at a place of
 * its own there, and takes the next one. So of an ask that comes again while its first try is under
 * way elsewhere, the store lets one have the slot, and the other finds it had (acquire.ts). Asks begin
 * all over the circle, so that different ones seldom meet.
 */
import type { Slot } from '../../subjects/index.ts';
import type { State } from './state.ts';

/** A slot changed: it may be ready now, or no longer. */
export function noteReady(
  { ready }: State,
  key: string,
  before: Slot | undefined,
  after: Slot | undefined,
): void {
  const slot = after ?? before;
  // A marker of one that this copy never knew.
  if (!slot) return;
  const group = `${slot.tenant}.${slot.pool}`;
  const keys = ready.get(group) ?? [];
  const at = firstFrom(keys, key);
  const isThere = keys[at] === key;
  const isReady = after?.state === 'ready';
  if (isReady === isThere) return;
  if (isReady) keys.splice(at, 0, key);
  else keys.splice(at, 1);
  if (keys.length > 0) ready.set(group, keys);
  else ready.delete(group);
}

/** Keys of the ready slots of a pool, from a place in the circle on. */
export function* from({ ready }: State, group: string, place: string): IterableIterator<string> {
  const keys = ready.get(group) ?? [];
  const start = firstFrom(keys, place);
  for (let index = 0; index < keys.length; index++) {
    yield keys[(start + index) % keys.length] as string;
  }
}

/** Index of the first that is not before a text, in their order. */
function firstFrom(keys: readonly string[], text: string): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < text) low = middle + 1;
    else high = middle;
  }
  return low;
}
