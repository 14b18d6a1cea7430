/** A real fabric of processes for tests and benchmarks, with an operator's view of its store. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { durabilityIn } from '../../actors/runtime/durability-setting.ts';
import { silentLog } from '../../actors/runtime/log.ts';
import { type BusProcess, joinBus, viewsCurrent } from '../../actors/runtime/nats/process.ts';
import type { View } from '../../actors/runtime/view.ts';
import { Fabric } from '../../local/fabric.ts';
import { instancesOf } from '../../local/instances.ts';
import { obtainServer } from '../../nats/obtain.ts';
import { freePort } from '../../nats/start.ts';
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
  workloadRecord,
} from '../../subjects/index.ts';
import { processesOf } from './processes.ts';
import { RouteNetwork } from './route-network.ts';

export interface FabricUnderTest extends AsyncDisposable {
  readonly fabric: Fabric;
  readonly bus: BusProcess;
  /**
   * What lies between three servers. To kill or pause one: `fabric.child(fabric.servers[i])`; to
   * start one again that is not kept: `fabric.startServer(i)`.
   */
  readonly network: RouteNetwork | undefined;
  readonly workloads: View<typeof workloadRecord>;
  readonly ledgers: View<typeof ledgerRecord>;
  readonly nodes: View<typeof nodeRecord>;
  readonly instances: View<typeof instanceRecord>;
  readonly observed: View<typeof observedRecord>;
  readonly leases: View<typeof leaseRecord>;
  /** What its node sees of an instance at its current epoch. */
  seen(instance: Instance): Observed | undefined;
  /** Instances of a workload that run and are ready. */
  ready(workload: string): readonly Instance[];
  /** Ids of all processes that run below the fabric's folder: programs and instances. */
  processes(): Promise<readonly number[]>;
  /** Process ids of everything that instances run, by instance. */
  running(): Promise<ReadonlyMap<string, readonly number[]>>;
}

/** Starts nats-server, control plane, gateway and agents. */
export async function fabricUnderTest(
  nodes: readonly string[],
  options: {
    readonly capacity?: string;
    readonly hasGateway?: boolean;
    readonly copies?: number;
    /** How many nats-servers; three keep three copies of each stream. Default 1. */
    readonly servers?: 1 | 3;
    /** Whether programs that die are started again; default no. */
    readonly isKept?: boolean;
  } = {},
): Promise<FabricUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-fabric-'));
  const server = await obtainServer();
  const servers = [];
  for (let index = 0; index < (options.servers ?? 1); index++) {
    const [nats, monitor, cluster] = [await freePort(), await freePort(), await freePort()];
    servers.push({ nats, monitor, cluster });
  }
  const ports = { gateway: await freePort(), ingress: await freePort() };
  const network = servers.length > 1 ? await RouteNetwork.between(servers) : undefined;
  const fabric = new Fabric({
    ...{ folder, server: server.path, nodes, servers, ports },
    durability: durabilityIn({ SERVERS: String(servers.length) }),
    ...(network ? { route: network.route } : {}),
    capacity: options.capacity ?? 'cpu=4,memory=4Gi,disk=4Gi',
    hasGateway: options.hasGateway ?? true,
    copies: options.copies ?? 1,
    isKept: options.isKept ?? false,
  });
  await fabric.start();
  const seedFile = join(fabric.layout.keys, 'operator-operator.nk');
  const identity = { role: 'operator', name: 'operator' } as const;
  const bus = await joinBus({ servers: fabric.natsUrls, seedFile }, identity, { log: silentLog });
  const views = {
    workloads: bus.views.follow(workloadRecord),
    ledgers: bus.views.follow(ledgerRecord),
    nodes: bus.views.follow(nodeRecord),
    instances: bus.views.follow(instanceRecord),
    observed: bus.views.follow(observedRecord),
    leases: bus.views.follow(leaseRecord),
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
    ...{ fabric, bus, ...views, seen },
    network,
    processes: () => processesOf(folder),
    running: () => runningOn(fabric, nodes),
    ready: (workload) =>
      [...views.instances.by('workload', `default.${workload}`)]
        .map((each) => each.value)
        .filter((each) => phaseOf(each, seen(each), stateOf(each.node)) === 'ready'),
    [Symbol.asyncDispose]: async () => {
      bus.views.close();
      await bus.connection.close();
      await fabric.stop();
      await network?.[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function runningOn(
  fabric: Fabric,
  nodes: readonly string[],
): Promise<ReadonlyMap<string, readonly number[]>> {
  const running = new Map<string, number[]>();
  for (const node of nodes) {
    for (const { name, pid } of await instancesOf(fabric.layout.agent(node))) {
      running.set(name, [...(running.get(name) ?? []), pid]);
    }
  }
  return running;
}
