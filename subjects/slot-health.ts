/**
 * Whether a slot that was ready is known to be so no longer, before its record says it: whoever hands
 * slots out asks here, so that a keeper that died, or is slow, leaves no bad slot on offer.
 */
import { readyAt } from './endpoints.ts';
import type { Instance, Observed } from './instance.ts';
import { type Node, nodeState } from './node.ts';
import type { Slot } from './pool.ts';

/** What a process has been told of instances and nodes. */
interface Told {
  readonly instances: {
    get(of: { readonly tenant: string; readonly instance: string }): Instance | undefined;
  };
  readonly observed: {
    get(of: {
      readonly node: string;
      readonly tenant: string;
      readonly instance: string;
    }): Observed | undefined;
  };
  readonly nodes: { get(of: { readonly node: string }): Node | undefined };
}

/**
 * Whether it is known that a slot takes no calls any more where it was ready: its instance is bound
 * elsewhere, its node is gone, or what the node saw last is not ready. What nobody told is not bad.
 */
export function isKnownBad({ tenant, endpoint }: Slot, told: Told): boolean {
  if (!endpoint) return false;
  const { node, instance: name } = endpoint;
  const instance = told.instances.get({ tenant, instance: name });
  if (!instance) return false;
  if (instance.node !== node) return true;
  const observed = told.observed.get({ node, tenant, instance: name });
  const there = told.nodes.get({ node });
  return observed !== undefined && !readyAt(instance, observed, there && nodeState(there));
}
