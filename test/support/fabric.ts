/** A real fabric of processes for tests and benchmarks, with an operator's view of its store. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask } from '../../actors/runtime/ask.ts';
import { durabilityIn } from '../../actors/runtime/durability-setting.ts';
import { agentProgram, controlPrograms, Fabric } from '../../local/fabric.ts';
import { instancesOf } from '../../local/instances.ts';
import type { Programs } from '../../local/layout.ts';
import { obtainServer } from '../../nats/obtain.ts';
import { freePort } from '../../nats/start.ts';
import {
  type Answer,
  type DurabilityLevel,
  type NodeClass,
  type ReplyOf,
  wantedSchema,
  workloadApply,
} from '../../subjects/index.ts';
import { type Call, callGateway } from './gateway-calls.ts';
import { type Observer, observe } from './observer.ts';
import { PATIENCE } from './ports.ts';
import { processesOf, type RunningPart, runningParts } from './processes.ts';
import { ProgramNetwork } from './program-network.ts';
import { RouteNetwork } from './route-network.ts';
import { type EndedHere, shoalHere } from './shoal-here.ts';

export interface FabricUnderTest extends Observer, AsyncDisposable {
  readonly fabric: Fabric;
  /**
   * What lies between three servers. To kill or pause one: `fabric.child(fabric.servers[i])`; to
   * start one again that is not kept: `fabric.startServer(i)`.
   */
  readonly network: RouteNetwork | undefined;
  /** What lies between each program and the servers, where that was asked for. */
  readonly ways: ProgramNetwork | undefined;
  /** Has a workload of tenant `default`; its grace is 2 s unless the spec says so. What is answered. */
  apply(
    workload: string,
    spec: object,
    kind?: 'service' | 'job',
  ): Promise<Answer<ReplyOf<typeof workloadApply>>>;
  /** Asks the gateway's API. */
  readonly call: Call;
  /** Runs the command line against the gateway to its end, in this process. */
  shoal(words: readonly string[], stdin?: string): Promise<EndedHere>;
  /** The same of words with spaces between them, which is to end with 0. What it printed. */
  run(words: string, stdin?: string): Promise<string>;
  /** Ids of all processes that run below the fabric's folder: programs and instances. */
  processes(): Promise<readonly number[]>;
  /** Every run of an instance that has a process left, whether or not an agent knows of it. */
  parts(): Promise<readonly RunningPart[]>;
  /** Process ids of everything that instances run, by instance, as the agents' folders tell. */
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
    /** Further variables of a node's agent; they count before those of every program. */
    readonly nodeEnvironment?: (node: string) => Readonly<Record<string, string>>;
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
    ...(options.nodeEnvironment ? { nodeEnvironment: options.nodeEnvironment } : {}),
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
  const shoal: FabricUnderTest['shoal'] = (words, stdin) =>
    shoalHere(words, { SHOAL_GATEWAY: fabric.gatewayUrl }, stdin);
  return {
    ...observer,
    fabric,
    network,
    ways,
    apply: async (workload, spec, kind = 'service') => {
      const wanted = wantedSchema.parse({ kind, spec: { grace: '2s', ...spec } });
      const tokens = { tenant: 'default', workload };
      const { ports } = observer.bus;
      const withinMs = workloadApply.timeoutMs * PATIENCE;
      const asked = await ask(ports, workloadApply, tokens, { wanted, mode: 'put' }, { withinMs });
      return asked.answer;
    },
    call: (...asked) => callGateway(fabric.gatewayUrl, ...asked),
    shoal,
    run: async (words, stdin) => {
      const { code, out, err } = await shoal(words.split(' '), stdin);
      if (code !== 0) throw new Error(`shoal ${words} ended with ${code}: ${err}`);
      return out;
    },
    processes: () => processesOf(folder),
    parts: () => runningParts(folder),
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
