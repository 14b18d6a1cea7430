/** A real fabric of processes for a benchmark, with an operator's view of its store. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../actors/runtime/log.ts';
import { joinBus, viewsCurrent } from '../../actors/runtime/nats/process.ts';
import type { View } from '../../actors/runtime/view.ts';
import { Fabric } from '../../local/fabric.ts';
import { obtainServer } from '../../nats/obtain.ts';
import { freePort } from '../../nats/start.ts';
import {
  type Instance,
  instanceRecord,
  nodeRecord,
  type Observed,
  observedRecord,
} from '../../subjects/index.ts';

export interface FabricUnderTest extends AsyncDisposable {
  readonly fabric: Fabric;
  readonly nodes: View<typeof nodeRecord>;
  readonly instances: View<typeof instanceRecord>;
  readonly observed: View<typeof observedRecord>;
  /** What its node sees of an instance at its current epoch. */
  seen(instance: Instance): Observed | undefined;
  /** Instances of a workload that run and are ready. */
  ready(workload: string): readonly Instance[];
}

/** Starts nats-server, control plane, gateway and agents. */
export async function fabricUnderTest(
  nodes: readonly string[],
  options: { readonly capacity?: string } = {},
): Promise<FabricUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-fabric-'));
  const server = await obtainServer();
  const ports = {
    ...{ nats: await freePort(), monitor: await freePort() },
    ...{ gateway: await freePort(), ingress: await freePort() },
  };
  const fabric = new Fabric({
    ...{ folder, server: server.path, nodes, ports, isKept: false, syncInterval: '10s' },
    capacity: options.capacity ?? 'cpu=4,memory=4Gi,disk=4Gi',
  });
  await fabric.start();
  const seedFile = join(fabric.layout.keys, 'operator-operator.nk');
  const identity = { role: 'operator', name: 'operator' } as const;
  const bus = await joinBus({ servers: [fabric.natsUrl], seedFile }, identity, { log: silentLog });
  const views = {
    nodes: bus.views.follow(nodeRecord),
    instances: bus.views.follow(instanceRecord),
    observed: bus.views.follow(observedRecord),
  };
  await viewsCurrent(bus.views);
  const seen = (of: Instance): Observed | undefined => {
    if (of.node === undefined) return undefined;
    const { node, tenant, instance, epoch } = of;
    const observed = views.observed.get({ node, tenant, instance });
    return observed?.epoch === epoch ? observed : undefined;
  };
  return {
    ...{ fabric, ...views, seen },
    ready: (workload) =>
      [...views.instances.by('workload', `default.${workload}`)]
        .map((each) => each.value)
        .filter((each) => !each.outcome && seen(each)?.isReady === true),
    [Symbol.asyncDispose]: async () => {
      bus.views.close();
      await bus.connection.close();
      await fabric.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
