/** Which of several endpoints takes a call. */
import { hash32 } from '../../actors/runtime/ids.ts';
import type { Endpoint } from './endpoints.ts';

/**
 * The endpoint with the fewest calls under way; of those with as many, the next in turn. Fewest
 * first keeps calls from one that has become slow; turns alone would give it as many as the others.
 */
export function leastBusy(
  endpoints: readonly Endpoint[],
  turn: number,
  underWay: (endpoint: Endpoint) => number,
): Endpoint | undefined {
  let best: Endpoint | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (let step = 0; step < endpoints.length && fewest > 0; step++) {
    const endpoint = endpoints[(turn + step) % endpoints.length] as Endpoint;
    const calls = underWay(endpoint);
    if (calls < fewest) [best, fewest] = [endpoint, calls];
  }
  return best;
}

/**
 * The endpoint of a caller's address. As endpoints come and go only the callers of those that went,
 * and the share of those that came, change theirs (rendezvous hashing, D. Thaler and C. Ravishankar,
 * 1998).
 */
export function byAddress(endpoints: readonly Endpoint[], address: string): Endpoint | undefined {
  let best: Endpoint | undefined;
  let highest = -1;
  for (const endpoint of endpoints) {
    const weight = hash32(`${address} ${endpoint.instance}`);
    if (weight > highest) [best, highest] = [endpoint, weight];
  }
  return best;
}
