/** How much there is of everything, as a scrape counts it. */
import { nodeState } from '../subjects/index.ts';
import type { Known } from './known.ts';
import type { Gauged } from './metrics.ts';

/** Counted anew at each scrape, from views in memory: 100,000 instances take some tens of ms. */
export function fabricCounts(known: Known): Pick<Gauged, 'nodes' | 'instances' | 'letters'> {
  return {
    nodes: () => tally(known.nodes.entries(), ({ value }) => nodeState(value)),
    instances: () => tally(known.instances.entries(), ({ value }) => known.see(value).phase),
    letters: () => tally(known.letters.entries(), ({ value }) => value.actor),
  };
}

function tally<T>(all: Iterable<T>, what: (one: T) => string): ReadonlyMap<string, number> {
  const counted = new Map<string, number>();
  for (const one of all) counted.set(what(one), (counted.get(what(one)) ?? 0) + 1);
  return counted;
}
