/**
 * What callers ask of a fabric meanwhile, and what they were promised: a name's last acknowledged
 * wish, as long as nothing about it was left unanswered since.
 */
import type { FabricUnderTest } from '../support/fabric.ts';

const NAMES = 6;
const COUNT_MAX = 4;

/** How many instances a name was promised; 0: it was deleted. */
export type Promised = number | 'unknown';

export class Orders {
  readonly promised = new Map<string, Promised>();
  asked = 0;
  acknowledged = 0;
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
    const name = `c${Math.floor(this.#random() * NAMES)}`;
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
              spec: {
                ...{ count, command: ['sleep', '3600'], grace: '1s' },
                resources: { cpu: '10m', memory: '16Mi' },
              },
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
