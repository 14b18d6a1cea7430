/**
 * Makes sure that there is one order of preference between nodes that can take an instance: placing
 * and replaying ask the same.
 *
 * The first difference decides:
 *  1. fewer instances of the same workload (a node's death takes as little of it as possible);
 *  2. no commit on the node's ledger in flight (it would have to wait);
 *  3. best fit: the higher share of CPU and memory in use afterwards.
 */

/** How a node stands before an instance is put there. */
export interface Standing {
  /** Instances of the same workload it has. */
  readonly count: number;
  /** A commit on its ledger is in flight. */
  readonly isHeld: boolean;
  /** Share of it in use afterwards, 0 to 1. */
  readonly fit: number;
}

/** Why one node is preferred to another. */
export type Ground = 'count' | 'in-flight' | 'fit';

/** Why the first of two nodes is preferred; `other`: the second is; `none`: they are equal. */
export type Preference = Ground | 'other' | 'none';

export function preference(one: Standing, other: Standing): Preference {
  if (one.count !== other.count) return one.count < other.count ? 'count' : 'other';
  if (one.isHeld !== other.isHeld) return other.isHeld ? 'in-flight' : 'other';
  if (one.fit !== other.fit) return one.fit > other.fit ? 'fit' : 'other';
  return 'none';
}
