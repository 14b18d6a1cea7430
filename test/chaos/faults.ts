/** What goes wrong in a real fabric, at random: each fault does its harm and, in time, takes it back. */
import { agentProgram } from '../../local/fabric.ts';
import type { FabricUnderTest } from '../support/fabric.ts';
import type { ProgramNetwork } from '../support/program-network.ts';

export interface Fault {
  readonly kind: string;
  /** Does the harm; resolves when nothing of it is kept up any more. */
  act(under: FabricUnderTest, random: () => number): Promise<string>;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function one<T>(of: readonly T[], random: () => number): T | undefined {
  return of[Math.floor(random() * of.length)];
}

function signal(pid: number | undefined, name: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(pid, name);
  } catch {
    // It has ended by itself meanwhile.
  }
}

/** A program dies and is started again by its keeper. */
function death(kind: string, names: (under: FabricUnderTest) => readonly string[]): Fault {
  return {
    kind: `${kind} killed`,
    async act(under, random) {
      const name = one(names(under), random) ?? '';
      signal(under.fabric.child(name).pid, 'SIGKILL');
      return name;
    },
  };
}

/** A program stands still for up to `longestMs`. */
function stillness(
  kind: string,
  longestMs: number,
  names: (under: FabricUnderTest) => readonly string[],
): Fault {
  return {
    kind: `${kind} paused`,
    async act(under, random) {
      const name = one(names(under), random) ?? '';
      const { pid } = under.fabric.child(name);
      const forMs = Math.round(200 + random() * longestMs);
      signal(pid, 'SIGSTOP');
      await pause(forMs);
      signal(pid, 'SIGCONT');
      return `${name} for ${forMs} ms`;
    },
  };
}

/** How a way is disturbed, and for how long at most, in milliseconds. */
interface Disturbance {
  readonly kind: string;
  readonly longestMs: number;
  begin(network: ProgramNetwork, program: string): void;
}

/** A cable pulled; packets dropped both ways, or one way only; a line that is slow. */
const disturbances: readonly Disturbance[] = [
  { kind: 'cut off', longestMs: 8_000, begin: (ways, name) => ways.cut(name) },
  { kind: 'unheard and deaf', longestMs: 12_000, begin: (ways, name) => ways.hold(name, 'both') },
  { kind: 'unheard', longestMs: 12_000, begin: (ways, name) => ways.hold(name, 'to') },
  { kind: 'deaf', longestMs: 12_000, begin: (ways, name) => ways.hold(name, 'from') },
  { kind: 'slow', longestMs: 8_000, begin: (ways, name) => ways.delay(name, 400) },
];

/** The network between a program and the servers fails it for a while. */
function cut(kind: string, names: (under: FabricUnderTest) => readonly string[]): Fault {
  return {
    kind: `${kind} cut off`,
    async act(under, random) {
      const name = one(names(under), random) ?? '';
      const disturbance = one(disturbances, random) as Disturbance;
      const forMs = Math.round(200 + random() * disturbance.longestMs);
      if (under.ways) disturbance.begin(under.ways, name);
      await pause(forMs);
      under.ways?.heal(name);
      return `${name} ${disturbance.kind} for ${forMs} ms`;
    },
  };
}

/** The network between one of three servers and the others fails for a while. */
const serverCut: Fault = {
  kind: 'nats-server cut off',
  async act(under, random) {
    const server = Math.floor(random() * under.fabric.servers.length);
    const name = under.fabric.servers[server] ?? '';
    const how = one(['cut', 'hold', 'heard', 'hears'] as const, random) ?? 'cut';
    const forMs = Math.round(200 + random() * 12_000);
    if (how === 'cut') under.network?.cut(server);
    else under.network?.hold(server, how === 'hold' ? undefined : how);
    await pause(forMs);
    under.network?.heal();
    return `${name} (${how}) for ${forMs} ms`;
  },
};

const nodes = (under: FabricUnderTest): readonly string[] => under.fabric.settings.nodes;
const agents = (under: FabricUnderTest) => nodes(under).map(agentProgram);
const controls = (under: FabricUnderTest) => under.fabric.controls;
const servers = (under: FabricUnderTest) => under.fabric.servers;
const gateway = () => ['gateway'];

const instanceKilled: Fault = {
  kind: 'instance killed',
  async act(under, random) {
    const [name, pids] = one([...(await under.running())], random) ?? [];
    for (const pid of pids ?? []) signal(-pid, 'SIGKILL');
    return name ?? 'there was none';
  },
};

const nodeKilled: Fault = {
  kind: 'node killed',
  async act(under, random) {
    const node = one(nodes(under), random) ?? '';
    await under.fabric.killNode(node);
    const forMs = Math.round(random() * 6_000);
    await pause(forMs);
    // Where the bus is away just now, its keeper starts it again.
    await under.fabric.startAgent(node).catch(() => undefined);
    return `${node} for ${forMs} ms`;
  },
};

/** Every fault of a fabric; those that come often stand here more often. */
export function faultsOf(under: FabricUnderTest): readonly Fault[] {
  return [
    ...[instanceKilled, instanceKilled, nodeKilled],
    ...[death('agent', agents), death('control plane', controls), death('nats-server', servers)],
    stillness('agent', 4_000, agents),
    stillness('control plane', 5_000, controls),
    stillness('nats-server', under.network ? 12_000 : 2_000, servers),
    ...[cut('agent', agents), cut('control plane', controls), cut('gateway', gateway)],
    ...(under.network ? [serverCut] : []),
  ];
}
