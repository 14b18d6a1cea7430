/**
 * What nodes and their instances use, as they last said: heard on the bus, kept for a while, and
 * never stored. A gateway that has just started knows it within the time between two of them.
 */
import type { Bus, Close } from '../actors/runtime/ports.ts';
import { decode, match, nodeUsage, type Usage } from '../subjects/index.ts';

/** How long what a node said counts, in milliseconds: four times it is said. */
const KEPT_MS = 60_000;

/** What a node said of itself and of its instances. */
export interface NodeUsage extends Omit<Usage, 'instances'> {
  /** By `<tenant>.<instance>`. */
  readonly instances: ReadonlyMap<string, InstanceUse>;
}

interface InstanceUse {
  readonly cpuMilli: number;
  readonly memoryBytes: number;
}

/** And when it was heard, in milliseconds of a clock that is never set. */
interface Heard {
  readonly usage: NodeUsage;
  readonly heardAt: number;
}

export class UsageTable {
  readonly #heard = new Map<string, Heard>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Hears of all nodes from now on. */
  listen(bus: Bus): Close {
    return bus.subscribe(nodeUsage.subject.pattern, undefined, ({ subject, body }) => {
      const tokens = match(nodeUsage.subject, subject);
      const decoded = decode(nodeUsage, body);
      if (tokens && decoded.ok) this.hear(tokens.node, decoded.value);
    });
  }

  hear(node: string, { instances, ...usage }: Usage): void {
    const heardAt = this.#nowMs();
    const uses = instances.map(
      ([name, cpuMilli, memoryBytes]) => [name, { cpuMilli, memoryBytes }] as const,
    );
    // Last in the order: what comes first was heard longest ago.
    this.#heard.delete(node);
    this.#heard.set(node, { usage: { ...usage, instances: new Map(uses) }, heardAt });
    for (const [name, { heardAt: at }] of this.#heard) {
      if (heardAt - at <= KEPT_MS) break;
      this.#heard.delete(name);
    }
  }

  /** Nodes that are remembered. */
  get size(): number {
    return this.#heard.size;
  }

  /** What a node last said; undefined: nothing lately. */
  of(node: string): NodeUsage | undefined {
    const heard = this.#heard.get(node);
    return heard && this.#nowMs() - heard.heardAt <= KEPT_MS ? heard.usage : undefined;
  }
}
