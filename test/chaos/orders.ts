/**
 * What callers ask of a fabric meanwhile, and what they were promised: a name's last acknowledged
 * wish, as long as nothing about it was left unanswered since.
 */
import type { FabricUnderTest } from '../support/fabric.ts';

/** Names of what callers want: some listen on a port, the others only run. */
const NAMES = ['web-1', 'web-2', 'c1', 'c2', 'c3', 'c4'] as const;
const COUNT_MAX = 4;

const web = {
  ...{ command: ['node', 'server.mjs'], directory: 'examples/hello', ports: [{ name: 'http' }] },
  resources: { cpu: '10m', memory: '64Mi' },
};
const still = { command: ['sleep', '3600'], resources: { cpu: '10m', memory: '16Mi' } };

/** How many instances a name was promised; 0: it was deleted. */
export type Promised = number | 'unknown';

/** What a caller asks for. */
export interface Order {
  readonly kind: 'apply' | 'scale' | 'delete';
  readonly name: string;
  /** How many instances; of `delete` 0. */
  readonly count: number;
}

/** What is asked for next: what is there is changed in its number as often as it is written anew. */
export function nextOrder(promised: ReadonlyMap<string, Promised>, random: () => number): Order {
  const name = NAMES[Math.floor(random() * NAMES.length)] as string;
  const dice = random();
  if (dice < 0.2) return { kind: 'delete', name, count: 0 };
  const before = promised.get(name);
  const isThere = before !== undefined && before !== 'unknown' && before > 0;
  const kind = isThere && dice < 0.6 ? 'scale' : 'apply';
  return { kind, name, count: 1 + Math.floor(random() * COUNT_MAX) };
}

/** Whether an answer says that what was asked for is so; of a delete also that there is nothing. */
function isDone({ kind }: Pick<Order, 'kind'>, status: number): boolean {
  return status < 300 || (kind === 'delete' && status === 404);
}

/** What a name is promised after an answer; `before`: what it was before the ask. */
export function promisedAfter(
  { kind, count }: Order,
  status: number,
  before: Promised | undefined,
): Promised {
  if (isDone({ kind }, status)) return count;
  // Nobody else deletes it: what is not there to be scaled was lost, and the checks are to say so.
  if (kind === 'scale' && status === 404) return before ?? 'unknown';
  return 'unknown';
}

export class Orders {
  readonly promised = new Map<string, Promised>();
  /** How often each operation was asked for. */
  readonly asked = new Map<Order['kind'], number>();
  acknowledged = 0;
  /** How often a node that had died too often was taken back, as a person would. */
  takenBack = 0;
  readonly #under: FabricUnderTest;
  readonly #random: () => number;

  constructor(under: FabricUnderTest, random: () => number) {
    this.#under = under;
    this.#random = random;
  }

  /** Asks one thing after another until stopped; `stop` resolves when the last is answered. */
  start(): { stop(): Promise<void> } {
    let isOpen = true;
    const asking = (async () => {
      while (isOpen) {
        await this.next();
        await new Promise((resolve) => setTimeout(resolve, this.#random() * 300));
      }
    })();
    return {
      stop: () => {
        isOpen = false;
        return asking;
      },
    };
  }

  /** Asks for something, and waits for the answer or for its absence. */
  async next(): Promise<void> {
    const order = nextOrder(this.promised, this.#random);
    const before = this.promised.get(order.name);
    this.promised.set(order.name, 'unknown');
    const status = await this.#ask(order);
    if (isDone(order, status)) this.acknowledged++;
    this.promised.set(order.name, promisedAfter(order, status, before));
  }

  /** Asks again for whatever was left unanswered, so that everything is promised. */
  async settle(): Promise<void> {
    for (const [name, promised] of this.promised) {
      if (promised !== 'unknown') continue;
      const status = await this.#ask({ kind: 'apply', name, count: 1 });
      if (status < 300) this.promised.set(name, 1);
    }
  }

  /** Takes back nodes that need a person: those that died again and again. */
  async takeBack(): Promise<void> {
    const { nodes, fabric } = this.#under;
    for (const { value } of [...nodes.entries()]) {
      if (value.administered !== 'failed') continue;
      const url = `${fabric.gatewayUrl}/api/v1/nodes/${value.node}/uncordon`;
      const signal = AbortSignal.timeout(15_000);
      const response = await fetch(url, { method: 'POST', signal }).catch(() => undefined);
      if (response?.ok) this.takenBack++;
    }
  }

  /** Returns the status of the answer; 599: there was none. */
  async #ask({ kind, name, count }: Order): Promise<number> {
    this.asked.set(kind, (this.asked.get(kind) ?? 0) + 1);
    const wanted = {
      ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name } },
      spec: { ...(name.startsWith('web') ? web : still), count, grace: '1s' },
    };
    const calls = {
      apply: { method: 'PUT', path: '', body: wanted },
      scale: { method: 'POST', path: '/scale', body: { count } },
      delete: { method: 'DELETE', path: '', body: undefined },
    };
    const { method, path, body } = calls[kind];
    const url = `${this.#under.fabric.gatewayUrl}/api/v1/workloads/${name}${path}`;
    const json = {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    };
    const call = { method, ...(body ? json : {}), signal: AbortSignal.timeout(15_000) };
    try {
      const response = await fetch(url, call);
      await response.arrayBuffer();
      return response.status;
    } catch {
      return 599;
    }
  }
}
