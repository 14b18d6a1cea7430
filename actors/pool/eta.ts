/**
 * Says when callers in a line are served, from how long slots took before: pure arithmetic over the
 * slots there are, as refill.ts will make others.
 *
 * Slots that warm are ready when they have warmed for as long as others did. Each place among those
 * that may warm at a time makes the next one then, as far as the pool has room; where it has none,
 * when a claim ends, by its time or when claims ended before, and its slot is gone. What is handed out to
 * those in front comes back so, too.
 */

/** What a pool is up to; all times in milliseconds, from now on. */
export interface Outlook {
  /** How long a slot takes from being made to being ready. */
  readonly warmMs: number;
  /** When each slot that warms is ready. */
  readonly readyInMs: readonly number[];
  /** How many more may warm at a time. */
  readonly lanes: number;
  /** How many more slots the pool may have now. */
  readonly room: number;
  /** When each slot that is claimed or drains is gone, and leaves room. */
  readonly goneInMs: readonly number[];
  /** How long a slot that is handed out is in a caller's hands, and takes to be gone then. */
  readonly usedMs: number;
}

/**
 * When the caller at a position (1: the first) is served, in milliseconds; undefined: not as far as
 * can be told, for there will be no room.
 */
export function etaMs(outlook: Outlook, position: number): number | undefined {
  const { warmMs, readyInMs, room, goneInMs, usedMs } = outlook;
  const arrivals = [...readyInMs];
  const lanes = [...Array.from({ length: outlook.lanes }, () => 0), ...readyInMs];
  if (lanes.length === 0) return undefined;
  // Both in the order of time: what is made later is gone later.
  const places = ascending([
    ...Array.from({ length: room }, () => 0),
    ...goneInMs,
    ...readyInMs.map((ms) => ms + usedMs),
  ]);
  const again: number[] = [];
  let [next, nextAgain] = [0, 0];
  while (arrivals.length < position + readyInMs.length) {
    const first = places[next] ?? Number.POSITIVE_INFINITY;
    const other = again[nextAgain] ?? Number.POSITIVE_INFINITY;
    const place = Math.min(first, other);
    if (place === Number.POSITIVE_INFINITY) break;
    if (first <= other) next++;
    else nextAgain++;
    const lane = lanes.indexOf(Math.min(...lanes));
    const readyIn = Math.max(place, lanes[lane] as number) + warmMs;
    lanes[lane] = readyIn;
    arrivals.push(readyIn);
    again.push(readyIn + usedMs);
  }
  const found = ascending(arrivals)[position - 1];
  return found === undefined ? undefined : Math.round(found);
}

function ascending(numbers: readonly number[]): readonly number[] {
  return [...numbers].sort((one, other) => one - other);
}
