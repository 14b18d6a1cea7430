/**
 * Makes sure that a whole fabric runs on this machine: nats-server, control plane, gateway and
 * agents, each a process of its own as anywhere else, with the permissions the contracts give it.
 */
import { join } from 'node:path';
import { StartError } from '../actors/runtime/start-error.ts';
import { userKey } from '../nats/keys.ts';
import { checkPort } from '../nats/start.ts';
import type { Durability } from '../subjects/durability.ts';
import type { NodeClass } from '../subjects/index.ts';
import type { Identity } from '../subjects/permissions.ts';
import { Child, type Program } from './child.ts';
import { prepareFolder } from './folder.ts';
import { endInstances } from './instances.ts';
import { agentFlags, Layout, type Programs, programsIn, root } from './layout.ts';
import {
  type Route,
  type ServerPorts,
  serverFile,
  serverProgram,
  storeFolder,
  storeKind,
  writeServerFiles,
} from './servers.ts';
import { StoreKeeper } from './store-keeper.ts';

/** One that ends first is told of at once; a machine on which much else goes on may take this long. */
const READY_MS = 300_000;

export interface FabricSettings {
  readonly folder: string;
  /** Path of a nats-server that is new enough. */
  readonly server: string;
  readonly nodes: readonly string[];
  /** Control planes: one acts, the others stand by. Default 1. */
  readonly copies?: number;
  /** `SHOAL_CAPACITY` of each agent; several share one machine, so it is said. */
  readonly capacity: string;
  /** Ports of each nats-server: one that stands alone, or three that keep the same streams. */
  readonly servers: readonly ServerPorts[];
  readonly ports: {
    readonly gateway: number;
    readonly ingress: number;
    /** Undefined: the gateway serves no gRPC. */
    readonly grpc?: number;
  };
  /** What stands between the servers, in a test. */
  readonly route?: Route;
  /** What stands between a program and the servers, in a test: its `SHOAL_NATS`. */
  readonly way?: (program: string) => string;
  /** Whether what dies is started again. */
  readonly isKept: boolean;
  /** Class of the nodes; default steady. */
  readonly nodeClass?: NodeClass;
  /** What an agent that is stopped does with what it runs; default: it ends it. */
  readonly onStop?: 'end' | 'leave';
  /** Whether there is a gateway; default yes. */
  readonly hasGateway?: boolean;
  readonly durability: Durability;
  /** Further variables of every program. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Further variables of a node's agent; they count before those of every program. */
  readonly nodeEnvironment?: (node: string) => Readonly<Record<string, string>>;
  /** Told what was done to keep it going, and why. */
  readonly told?: (message: string) => void;
  /** Called when a program ends by itself and is not started again. */
  readonly ended?: (name: string, how: string) => void;
}

const HOST = '127.0.0.1';
/** What chooses each port, for whoever finds it taken. */
const SERVER_PORT_SETTINGS = {
  nats: 'SHOAL_NATS_PORT',
  monitor: 'SHOAL_MONITOR_PORT',
  cluster: 'SHOAL_CLUSTER_PORT',
} as const;
const PORT_SETTINGS = {
  gateway: 'SHOAL_GATEWAY_PORT',
  ingress: 'SHOAL_INGRESS_PORT',
  grpc: 'SHOAL_GRPC_PORT',
} as const;

/** Names of some control planes: `control`, `control-2`. */
export function controlPrograms(copies: number): readonly string[] {
  return Array.from({ length: copies }, (_, index) =>
    index === 0 ? 'control' : `control-${index + 1}`,
  );
}

/** Name of a node's agent. */
export function agentProgram(node: string): string {
  return `agent-${node}`;
}

export class Fabric {
  readonly settings: FabricSettings;
  readonly layout: Layout;
  /** What is started from now on: a rolling upgrade changes it. */
  programs: Programs = programsIn(root);
  readonly #children = new Map<string, Child>();
  /** Names of what was started beside it. */
  readonly #beside: string[] = [];
  #isStopping = false;
  readonly #storeKeepers = new Map<number, StoreKeeper>();

  constructor(settings: FabricSettings) {
    this.settings = settings;
    this.layout = new Layout(settings.folder);
  }

  /** Where clients reach each of the servers. */
  get natsUrls(): readonly string[] {
    return this.settings.servers.map(({ nats }) => `nats://${HOST}:${nats}`);
  }

  /** All of them, as `SHOAL_NATS` takes them. */
  get natsUrl(): string {
    return this.natsUrls.join(',');
  }

  /** Names of the servers' programs. */
  get servers(): readonly string[] {
    return this.settings.servers.map((_, index) => serverProgram(index));
  }

  get gatewayUrl(): string {
    return `http://${HOST}:${this.settings.ports.gateway}`;
  }

  get ingressUrl(): string {
    return `http://${HOST}:${this.settings.ports.ingress}`;
  }

  /** Where gRPC is served; undefined: it is not. */
  get grpcAddress(): string | undefined {
    const { grpc } = this.settings.ports;
    return grpc === undefined ? undefined : `${HOST}:${grpc}`;
  }

  /** Names of the control planes. */
  get controls(): readonly string[] {
    return controlPrograms(this.settings.copies ?? 1);
  }

  child(name: string): Child {
    const child = this.#children.get(name);
    if (!child) throw new Error(`there is no ${name} in this fabric`);
    return child;
  }

  get children(): readonly Child[] {
    return [...this.#children.values()];
  }

  /** Starts everything in order. Throws StartError; what was started is then stopped. */
  async start(): Promise<void> {
    try {
      await this.prepare();
      const isNew = (await storeKind(storeFolder(this.layout, 0))) === 'empty';
      await this.startNats();
      const controls = async (): Promise<void> => {
        for (const name of this.controls) await this.startControl(name);
      };
      const others = (): Promise<unknown> =>
        Promise.all([
          ...(this.settings.hasGateway === false ? [] : [this.startGateway()]),
          ...this.settings.nodes.map((node) => this.startAgent(node)),
        ]);
      // Where there was a fabric before, its nodes are waited for no longer than any that is silent:
      // they begin with the control plane. In a new one there is nothing to read before it has been.
      if (isNew) await controls().then(others);
      else await Promise.all([controls(), others()]);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Makes folders, keys and the server's configuration; checks the ports. Throws StartError. */
  async prepare(): Promise<void> {
    await prepareFolder(this.settings.folder);
    await this.#checkPorts();
    await this.writeServers();
  }

  /** Makes keys and the servers' configurations. Throws StartError. */
  async writeServers(): Promise<void> {
    const { servers, durability, nodes, route } = this.settings;
    const identities: Identity[] = [
      ...this.controls.map((name): Identity => ({ role: 'control', name })),
      { role: 'gateway', name: 'gateway' },
      { role: 'operator', name: 'operator' },
      ...nodes.map((name): Identity => ({ role: 'agent', name })),
    ];
    const users = [];
    for (const identity of identities) users.push(await userKey(this.layout.keys, identity));
    const { syncInterval } = durability;
    await writeServerFiles(this.layout, { host: HOST, servers, syncInterval, users, route });
  }

  async #checkPorts(): Promise<void> {
    const { servers, ports } = this.settings;
    for (const each of servers) {
      for (const [name, setting] of Object.entries(SERVER_PORT_SETTINGS)) {
        if (name === 'cluster' && servers.length === 1) continue;
        await checkPort(HOST, each[name as keyof ServerPorts], setting);
      }
    }
    for (const [name, setting] of Object.entries(PORT_SETTINGS)) {
      const port = ports[name as keyof typeof ports];
      if (port !== undefined) await checkPort(HOST, port, setting);
    }
  }

  /** Starts every server. */
  async startNats(): Promise<void> {
    await Promise.all(this.servers.map((_, index) => this.startServer(index)));
  }

  /** Starts one of the servers. */
  async startServer(index: number): Promise<void> {
    const args = ['-c', serverFile(this.layout, index)];
    const child = this.#add(serverProgram(index), this.settings.server, args, {});
    await child.ready(/Server is ready/, READY_MS);
    if (!this.settings.isKept) return;
    const { told, servers } = this.settings;
    const keeper = new StoreKeeper({
      monitorUrl: `http://${HOST}:${servers[index]?.monitor}`,
      storeDirectory: storeFolder(this.layout, index),
      restart: () => child.restart(),
      told: (message) => told?.(message),
    });
    this.#storeKeepers.get(index)?.close();
    this.#storeKeepers.set(index, keeper);
  }

  async startControl(name = 'control'): Promise<void> {
    const { level, servers } = this.settings.durability;
    const environment = {
      ...{ ...this.#seed('control', name), SHOAL_COPY: name },
      ...{ DURABILITY: level, SERVERS: String(servers) },
    };
    await this.#start(name, [this.programs.control], environment, /control plane ready/);
  }

  async startGateway(): Promise<void> {
    const { gateway, ingress, grpc } = this.settings.ports;
    const environment = {
      ...this.#seed('gateway', 'gateway'),
      SHOAL_GATEWAY_PORT: String(gateway),
      SHOAL_INGRESS_PORT: String(ingress),
      ...(grpc === undefined ? {} : { SHOAL_GRPC_PORT: String(grpc) }),
    };
    await this.#start('gateway', [this.programs.gateway], environment, /gateway ready/);
  }

  async startAgent(node: string): Promise<void> {
    const words = [...agentFlags, this.programs.agent];
    await this.#start(agentProgram(node), words, this.agentEnvironment(node), /agent ready/);
  }

  /** Starts a program that is a caller of it, and is stopped with it: one that a demo shows. */
  async startBeside(
    name: string,
    file: string,
    environment: Readonly<Record<string, string>>,
    ready: RegExp,
  ): Promise<void> {
    this.#beside.push(name);
    await this.#start(name, [file], environment, ready);
  }

  agentEnvironment(node: string): Record<string, string> {
    return {
      ...this.#seed('agent', node),
      SHOAL_NODE: node,
      SHOAL_STATE: this.layout.agent(node),
      SHOAL_ROOT: root,
      SHOAL_CLASS: this.settings.nodeClass ?? 'steady',
      SHOAL_CAPACITY: this.settings.capacity,
      ...this.settings.nodeEnvironment?.(node),
    };
  }

  /** A device loses power: its agent and everything it runs, at once. Returns what was killed. */
  async killNode(node: string): Promise<{ readonly agent: number; readonly instances: number[] }> {
    const child = this.child(agentProgram(node));
    const agent = child.pid ?? 0;
    const ended = child.stop('SIGKILL');
    const instances = await endInstances(this.layout.agent(node));
    await ended;
    return { agent, instances };
  }

  /**
   * Stops everything it started, for good: agents with what they run first, the server last. A
   * start under way then fails. What somebody else runs in this folder is left alone.
   */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const each of this.#storeKeepers.values()) each.close();
    const nodes = this.settings.nodes.filter((node) => this.#children.has(agentProgram(node)));
    const stop = (name: string) => this.#children.get(name)?.stop();
    await Promise.all([...this.#beside, ...nodes.map(agentProgram)].map(stop));
    for (const node of nodes) await endInstances(this.layout.agent(node));
    await Promise.all([stop('gateway'), ...this.controls.map(stop)]);
    await Promise.all(this.servers.map(stop));
  }

  #seed(role: Identity['role'], name: string): Record<string, string> {
    return { SHOAL_SEED: join(this.layout.keys, `${role}-${name}.nk`) };
  }

  async #start(
    name: string,
    words: readonly string[],
    environment: Readonly<Record<string, string>>,
    ready: RegExp,
  ): Promise<void> {
    const { onStop = 'end', way } = this.settings;
    const bus = way?.(name) ?? this.natsUrl;
    const all = { SHOAL_NATS: bus, SHOAL_ON_STOP: onStop, ...environment };
    // The folder in its command line tells it from other fabrics' (leftovers.ts).
    const child = this.#add(name, process.execPath, [...words, this.settings.folder], all);
    await child.ready(ready, READY_MS);
  }

  #add(
    name: string,
    command: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): Child {
    if (this.#isStopping) throw new StartError(`${name} was not started; start the fabric again`);
    const { isKept, ended } = this.settings;
    const program: Program = {
      ...{ name, command, args, cwd: root, isKept },
      environment: { ...this.settings.environment, ...environment },
      log: this.layout.log(name),
      pidFile: join(this.layout.run, name),
      ended: (how) => ended?.(name, how),
    };
    const child = new Child(program);
    this.#children.set(name, child);
    child.start();
    return child;
  }
}
