/** What a person has done with nodes: they are to be empty, by a time or whenever it can be, or are given back. */
import { nodeDrain, nodeRecord, nodeUncordon } from '../../subjects/index.ts';
import type { World } from './world.ts';

/** Share of asks by which a node is given back instead. */
const BACK_RATIO = 0.4;

export class DrainAsks {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** One node is to be empty, or to work again. */
  ask(): void {
    const { random, machines } = this.#world;
    const nodes = [...machines.keys()];
    const node = nodes[Math.floor(random() * nodes.length)];
    if (node === undefined) return;
    if (random() < BACK_RATIO) return this.#giveBack(node);
    const deadline = random() < 0.5 ? undefined : `${1 + Math.floor(random() * 20)}s`;
    this.#world.note(`drain ${node} ${deadline ?? ''}`);
    this.#world.ask(nodeDrain, { node }, { deadline }, (answer) =>
      this.#world.note(`answer drain ${node} ${answer.ok}`),
    );
  }

  /** All nodes that are kept empty work again. */
  end(): void {
    for (const { node, administered } of this.#world.all(nodeRecord)) {
      if (administered === 'draining') this.#giveBack(node);
    }
  }

  #giveBack(node: string): void {
    this.#world.note(`uncordon ${node}`);
    this.#world.ask(nodeUncordon, { node }, {});
  }
}
