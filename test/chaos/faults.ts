/** What goes wrong in a real fabric, at random: each fault does its harm and, in time, takes it back. */
import type { FabricUnderTest } from '../support/fabric.ts';

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

const nodes = (under: FabricUnderTest): readonly string[] => under.fabric.settings.nodes;
const agents = (under: FabricUnderTest) => nodes(under).map((node) => `agent-${node}`);
const controls = (under: FabricUnderTest) => under.fabric.controls;
const nats = () => ['nats'];

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

/** Every fault; those that come often stand here more often. */
export const faults: readonly Fault[] = [
  ...[instanceKilled, instanceKilled, nodeKilled],
  ...[death('agent', agents), death('control plane', controls), death('nats-server', nats)],
  stillness('agent', 4_000, agents),
  stillness('control plane', 5_000, controls),
  stillness('nats-server', 2_000, nats),
];
