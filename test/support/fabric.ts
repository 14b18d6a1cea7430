/** A real fabric of processes for tests and benchmarks, with an operator's view of its store. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { durabilityIn } from '../../actors/runtime/durability-setting.ts';
import { agentProgram, controlPrograms, Fabric } from '../../local/fabric.ts';
import { instancesOf } from '../../local/instances.ts';
import type { Programs } from '../../local/layout.ts';
import { obtainServer } from '../../nats/obtain.ts';
import { freePort } from '../../nats/start.ts';
import type { DurabilityLevel, NodeClass } from '../../subjects/index.ts';
import { type Observer, observe } from './observer.ts';
import { processesOf } from './processes.ts';
import { ProgramNetwork } from './program-network.ts';
import { RouteNetwork } from './route-network.ts';

export interface FabricUnderTest extends Observer, AsyncDisposable {
  readonly fabric: Fabric;
  /**
   * What lies between three servers. To kill or pause one: `fabric.child(fabric.servers[i])`; to
   * start one again that is not kept: `fabric.startServer(i)`.
   */
  readonly network: RouteNetwork | undefined;
  /** What lies between each program and the servers, where that was asked for. */
  readonly ways: ProgramNetwork | undefined;
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
    /** Whether each program reaches the servers through proxies of its own; default no. */
    readonly isCuttable?: boolean;
    /** Whether programs that die are started again; default no. */
    readonly isKept?: boolean;
    /** What agents that are stopped do with what they run; default: they end it. */
    readonly onStop?: 'end' | 'leave';
    /** Class of the nodes: how long they may be silent; default steady. */
    readonly nodeClass?: NodeClass;
    /** Of which build it is; default: this one. */
    readonly programs?: Programs;
    /** Where it keeps its things, left there; default a folder of its own, removed in the end. */
    readonly folder?: string;
    readonly durability?: DurabilityLevel;
    /** Further variables of every program. */
    readonly environment?: Readonly<Record<string, string>>;
  } = {},
): Promise<FabricUnderTest> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'shoal-fabric-')));
  const server = await obtainServer();
  const servers = [];
  for (let index = 0; index < (options.servers ?? 1); index++) {
    const [nats, monitor, cluster] = [await freePort(), await freePort(), await freePort()];
    servers.push({ nats, monitor, cluster });
  }
  const ports = { gateway: await freePort(), ingress: await freePort() };
  const network = servers.length > 1 ? await RouteNetwork.between(servers) : undefined;
  const ways = options.isCuttable ? new ProgramNetwork(servers) : undefined;
  const programs = [...controlPrograms(options.copies ?? 1), 'gateway', ...nodes.map(agentProgram)];
  for (const program of programs) await ways?.add(program);
  const fabric = new Fabric({
    ...{ folder, server: server.path, nodes, servers, ports },
    durability: durabilityIn({
      SERVERS: String(servers.length),
      DURABILITY: options.durability,
    }),
    ...(network ? { route: network.route } : {}),
    ...(ways ? { way: ways.url } : {}),
    ...(options.environment ? { environment: options.environment } : {}),
    capacity: options.capacity ?? 'cpu=4,memory=4Gi,disk=4Gi',
    hasGateway: options.hasGateway ?? true,
    copies: options.copies ?? 1,
    isKept: options.isKept ?? false,
    onStop: options.onStop ?? 'end',
    nodeClass: options.nodeClass ?? 'steady',
  });
  if (options.programs) fabric.programs = options.programs;
  try {
    await fabric.start();
  } catch (error) {
    await network?.[Symbol.asyncDispose]();
    await ways?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  const observer = await observe(fabric);
  return {
    ...observer,
    fabric,
    network,
    ways,
    processes: () => processesOf(folder),
    running: () => runningOn(fabric, nodes),
    [Symbol.asyncDispose]: async () => {
      await observer[Symbol.asyncDispose]();
      await fabric.stop();
      await network?.[Symbol.asyncDispose]();
      await ways?.[Symbol.asyncDispose]();
      if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
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
