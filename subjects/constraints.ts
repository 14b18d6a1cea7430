/**
 * What a node must be, beside having room: asked of it for a workload's instances, and of the nodes of
 * slots for a claim. One grammar, and one way to judge it.
 */
import { z } from 'zod';
import { labelSet } from './names.ts';

export const placementSpec = z.strictObject({
  labels: labelSet.default({}).describe('Labels a node must have, with these values'),
  architecture: z.string().max(32).optional().describe('e.g. x64, arm64'),
});
export type PlacementSpec = z.infer<typeof placementSpec>;

/** The same, made ready to be asked of many nodes. */
export interface Constraints {
  readonly labels: readonly (readonly [string, string])[];
  readonly architecture: string | undefined;
}

/** What a spec asks of nodes, as `unmetBy` takes it. */
export function constraintsOf({ labels, architecture }: PlacementSpec): Constraints {
  return { labels: Object.entries(labels), architecture };
}

/** What of a node they are asked of. */
export interface NodeTraits {
  readonly labels: Readonly<Record<string, string>>;
  readonly architecture: string;
}

/** The first thing in which a node is not as it must be; undefined: it is. */
export function unmetBy(
  { labels, architecture }: Constraints,
  node: NodeTraits,
): 'architecture' | 'labels' | undefined {
  if (architecture !== undefined && architecture !== node.architecture) return 'architecture';
  for (const [name, value] of labels) if (node.labels[name] !== value) return 'labels';
  return undefined;
}
