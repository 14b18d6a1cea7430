/** Callers of the world that wait for a slot: some until they have one, some lose patience or are gone. */
import {
  claimLeave,
  claimWait,
  type HandOff,
  type HeldClaim,
  nodeRecord,
  type PayloadOf,
  type PlacementSpec,
} from '../../subjects/index.ts';
import { worldHandOff } from './handing-off.ts';
import type { World } from './world.ts';

/** Longest that one waits, in milliseconds. */
const WAIT_MS = 20_000;
/** Most that come at once: more than slots are ready, mostly. */
const COME_MAX = 5;
/** How soon one asks again that had no answer, in milliseconds. */
const AGAIN_MS = 300;
/** Share of those that are gone without a word, and that lose patience, each time they ask. */
const GONE_RATIO = 0.05;
const LEAVES_RATIO = 0.05;

/** Share of callers to which the node of their slot is not all the same. */
const CHOOSY_RATIO = 0.4;

/** Share of callers that want something handed off. */
const HANDS_OFF_RATIO = 0.35;

/** Whether something is to be handed off. */
export function anyHandOff(random: () => number): { readonly handOff?: HandOff } {
  return random() < HANDS_OFF_RATIO ? { handOff: worldHandOff } : {};
}

/** What of an ask is about the node of a slot. */
interface Wants {
  readonly placement?: PlacementSpec | undefined;
}

/** What a caller wants of the node of its slot: one of the zones there are, mostly, or nothing. */
export function anyPlacement(random: () => number): Wants {
  if (random() >= CHOOSY_RATIO) return {};
  return { placement: { labels: { zone: `z${Math.floor(random() * 2.2)}` } } };
}

/** Violated by a claim on a node that is not as its caller wants it. */
export function checkNode(world: World, { placement }: Wants, { claim, node }: HeldClaim): void {
  const zone = placement?.labels['zone'];
  const there = world.all(nodeRecord).find((each) => each.node === node);
  if (zone === undefined || !there || there.labels['zone'] === zone) return;
  // Its node died since: where it comes back is for the pool's template to say.
  if (world.pools.line.handedOn(claim) !== node) return;
  world.checkers.violation(`${claim} is on ${node}, and was wanted in ${zone}`);
}

type Name = { readonly tenant: string; readonly pool: string };

export class LineAsks {
  readonly #world: World;
  /** Told of each claim that was handed out. */
  readonly #claimed: (claim: string) => void;
  #count = 0;

  constructor(world: World, claimed: (claim: string) => void) {
    this.#world = world;
    this.#claimed = claimed;
  }

  /** Some come to wait, one after another. */
  come(name: Name, ttl: string): void {
    const count = 1 + Math.floor(this.#world.random() * COME_MAX);
    for (let index = 0; index < count; index++) this.#wait(name, ttl);
  }

  #wait(name: Name, ttl: string): void {
    const { random, clock } = this.#world;
    const place = `place${String(++this.#count).padStart(6, '0')}`;
    const ms = 1_000 + Math.floor(random() * WAIT_MS);
    const wants = { ...anyPlacement(random), ...anyHandOff(random) };
    this.#world.note(`${place} waits for ${name.pool} for ${ms} ms ${JSON.stringify(wants)}`);
    const payload = { place, wait: `${ms}ms`, ttl, by: 'a caller in line', ...wants };
    this.#ask(name, payload, clock.elapsed() + ms);
  }

  #ask(name: Name, payload: PayloadOf<typeof claimWait>, end: number): void {
    const world = this.#world;
    const { place } = payload;
    if (world.random() < GONE_RATIO) return world.note(`${place} is gone`);
    if (world.clock.elapsed() >= end || world.random() < LEAVES_RATIO) {
      world.note(`${place} leaves`);
      world.ask(claimLeave, name, { place });
      return;
    }
    const again = (ms: number): void =>
      void world.clock.after(ms, () => this.#ask(name, payload, end));
    world.ask(claimWait, name, payload, (answer) => {
      if (!answer.ok) {
        const { code } = answer.refusal;
        const isPassing = code === 'actor-unavailable' || code === 'ask-outdated';
        if (isPassing) again(AGAIN_MS);
        else world.note(`${place} is refused: ${code}`);
      } else if (answer.value.claim) {
        const { claim } = answer.value.claim;
        world.note(`${place} has ${claim}`);
        world.pools.handed(claim, place);
        if (payload.handOff) world.pools.handedOff(claim);
        checkNode(world, payload, answer.value.claim);
        this.#claimed(claim);
      } else if (answer.value.handingOff) {
        again(0);
      } else {
        world.pools.line.told(name, place);
        const { againMs = AGAIN_MS } = answer.value.place ?? {};
        again(againMs * world.random());
      }
    });
  }
}
