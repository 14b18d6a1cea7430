/** An operator's view of a fabric's store, for tests: what there is, and what each instance is up to. */
import { join } from 'node:path';
import { silentLog } from '../../actors/runtime/log.ts';
import { type BusProcess, joinBus, viewsCurrent } from '../../actors/runtime/nats/process.ts';
import type { View } from '../../actors/runtime/view.ts';
import type { Fabric } from '../../local/fabric.ts';
import {
  type Instance,
  instanceRecord,
  leaseRecord,
  ledgerRecord,
  nodeRecord,
  nodeState,
  type Observed,
  observedRecord,
  phaseOf,
  slotRecord,
  workloadRecord,
} from '../../subjects/index.ts';

export interface Observer {
  readonly bus: BusProcess;
  readonly workloads: View<typeof workloadRecord>;
  readonly ledgers: View<typeof ledgerRecord>;
  readonly nodes: View<typeof nodeRecord>;
  readonly instances: View<typeof instanceRecord>;
  readonly observed: View<typeof observedRecord>;
  readonly leases: View<typeof leaseRecord>;
  readonly slots: View<typeof slotRecord>;
  /** What its node sees of an instance at its current epoch. */
  seen(instance: Instance): Observed | undefined;
  /** Instances of a workload that run and are ready. */
  ready(workload: string): readonly Instance[];
}

/** Observes through these servers, all of them by default, until disposed of. */
export async function observe(
  fabric: Fabric,
  servers = fabric.natsUrls,
): Promise<Observer & AsyncDisposable> {
  const seedFile = join(fabric.layout.keys, 'operator-operator.nk');
  const identity = { role: 'operator', name: 'operator' } as const;
  const bus = await joinBus({ servers, seedFile }, identity, { log: silentLog });
  const views = {
    workloads: bus.views.follow(workloadRecord),
    ledgers: bus.views.follow(ledgerRecord),
    nodes: bus.views.follow(nodeRecord),
    instances: bus.views.follow(instanceRecord),
    observed: bus.views.follow(observedRecord),
    leases: bus.views.follow(leaseRecord),
    slots: bus.views.follow(slotRecord),
  };
  await viewsCurrent(bus.views);
  const seen = (of: Instance): Observed | undefined => {
    if (of.node === undefined) return undefined;
    const { node, tenant, instance, epoch } = of;
    const observed = views.observed.get({ node, tenant, instance });
    return observed?.epoch === epoch ? observed : undefined;
  };
  const stateOf = (node: string | undefined) => {
    const record = node === undefined ? undefined : views.nodes.get({ node });
    return record && nodeState(record);
  };
  return {
    ...{ bus, ...views, seen },
    ready: (workload) =>
      [...views.instances.by('workload', `default.${workload}`)]
        .map((each) => each.value)
        .filter((each) => phaseOf(each, seen(each), stateOf(each.node)) === 'ready'),
    [Symbol.asyncDispose]: async () => {
      bus.views.close();
      await bus.connection.close();
    },
  };
}
