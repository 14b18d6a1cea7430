/** What can be watched one by one beside pools and claims: workloads, instances and nodes. */
import type { Inside } from '../inside.ts';
import { type InstanceShape, presentInstanceWhole } from '../present/instance.ts';
import { type NodeDetailShape, presentNodeDetail } from '../present/node.ts';
import { presentWorkload, type WorkloadShape } from '../present/workload.ts';
import type { Outlet } from '../streams/outlet.ts';
import { watchOne } from './one.ts';

/** Something of a tenant. */
interface Named {
  readonly tenant: string;
  readonly name: string;
}

type Sight = Pick<Inside, 'known' | 'ingressPort'>;

/** A workload as it is shown, as far as is known; undefined: there is none. */
export function workloadOfKnown(
  { known, ingressPort }: Sight,
  { tenant, name }: Named,
): WorkloadShape | undefined {
  const workload = known.workloads.get({ tenant, workload: name });
  return workload && presentWorkload(workload, known.seeAll(tenant, name), ingressPort);
}

/** An instance with what it is limited to, as far as is known; undefined: there is none. */
export function instanceOfKnown(
  { known }: Sight,
  { tenant, name: instance }: Named,
): InstanceShape | undefined {
  const found = known.instances.get({ tenant, instance });
  const workload = found && known.workloads.get({ tenant, workload: found.workload });
  return found && presentInstanceWhole(known.see(found), workload);
}

/** A node with its entries and how far its drain has come, without what it uses; undefined: there is none. */
function nodeOfKnown({ known }: Sight, node: string): NodeDetailShape | undefined {
  const found = known.nodes.get({ node });
  return found && presentNodeDetail(found, known.ledgers.get({ node }), undefined, known);
}

/** Tells `workload` with the counts of its instances whenever they change, and `gone` when it is. */
export function watchWorkload(sight: Sight, outlet: Outlet, of: Named): void {
  const { tenant, name } = of;
  watchOne(sight.known, outlet, {
    ...{ kind: 'workload', key: `${tenant}.${name}`, event: 'workload', gone: { tenant, name } },
    read: () => workloadOfKnown(sight, of),
  });
}

/** Tells `instance` whenever it changes, also with its node, and `gone` when nothing is kept of it. */
export function watchInstance(sight: Sight, outlet: Outlet, of: Named): void {
  const { tenant, name: instance } = of;
  const workload = sight.known.instances.get({ tenant, instance })?.workload ?? '';
  watchOne(sight.known, outlet, {
    ...{ kind: 'workload', key: `${tenant}.${workload}`, event: 'instance' },
    gone: { tenant, instance },
    read: () => instanceOfKnown(sight, of),
  });
}

/** Tells `node` whenever its state, its entries or its drain change, and `gone` when it is forgotten. */
export function watchNode(sight: Sight, outlet: Outlet, node: string): void {
  watchOne(sight.known, outlet, {
    ...{ kind: 'node', key: node, event: 'node', gone: { node } },
    read: () => nodeOfKnown(sight, node),
  });
}
