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

export class Orders {
  readonly promised = new Map<string, Promised>();
  asked = 0;
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
    const name = NAMES[Math.floor(this.#random() * NAMES.length)] as string;
    const count = this.#random() < 0.2 ? 0 : 1 + Math.floor(this.#random() * COUNT_MAX);
    this.promised.set(name, 'unknown');
    this.asked++;
    const status = await this.#ask(name, count);
    // Gone already, or going: that is what was asked for.
    const isDone = status < 300 || (count === 0 && status === 404);
    if (!isDone) return;
    this.acknowledged++;
    this.promised.set(name, count);
  }

  /** Asks again for whatever was left unanswered, so that everything is promised. */
  async settle(): Promise<void> {
    for (const [name, promised] of this.promised) {
      if (promised !== 'unknown') continue;
      const status = await this.#ask(name, 1);
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

  async #ask(name: string, count: number): Promise<number> {
    const url = `${this.#under.fabric.gatewayUrl}/api/v1/workloads/${name}`;
    const call: RequestInit =
      count === 0
        ? { method: 'DELETE' }
        : {
            method: 'PUT',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({
              ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name } },
              spec: { ...(name.startsWith('web') ? web : still), count, grace: '1s' },
            }),
          };
    try {
      const response = await fetch(url, { ...call, signal: AbortSignal.timeout(15_000) });
      await response.arrayBuffer();
      return response.status;
    } catch {
      return 599;
    }
  }
}
