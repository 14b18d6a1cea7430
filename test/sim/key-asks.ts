/**
 * Callers of the world that ask for one claim several times by a key of their own: at once, as through
 * several gateways, and again later; now and then with another body, which is to be refused.
 */
import { claimWait, type PayloadOf, slotRecord } from '../../subjects/index.ts';
import { anyHandOff, anyPlacement } from './line-asks.ts';
import type { World } from './world.ts';

/** Most asks by a key at once, and how often they are made. */
const COPIES_MAX = 3;
const ROUNDS_MAX = 3;
/** Longest time between two rounds, in milliseconds: more than many a claim lasts. */
const LATER_MS = 8_000;
/** Share of keys that a line is waited in, and of asks with another body. */
const WAITS_RATIO = 0.5;
const OTHERS_RATIO = 0.15;

type Name = { readonly tenant: string; readonly pool: string };
type Wanted = PayloadOf<typeof claimWait>;

export class KeyAsks {
  readonly #world: World;
  /** Told of each claim that was handed out. */
  readonly #claimed: (claim: string) => void;
  /** What a key was told to have. */
  readonly #has = new Map<string, string>();
  #count = 0;

  constructor(world: World, claimed: (claim: string) => void) {
    this.#world = world;
    this.#claimed = claimed;
  }

  /** Somebody comes with a new key. */
  come(name: Name, ttl: string): void {
    const { random } = this.#world;
    const place = `key${String(++this.#count).padStart(8, '0')}`;
    const wants = { ...anyPlacement(random), ...anyHandOff(random) };
    const wait = { ...(random() < WAITS_RATIO ? { wait: '10s' } : {}), ...wants };
    this.#round(name, { place, ttl, ...wait, by: 'a caller with a key' }, 0);
  }

  #round(name: Name, wanted: Wanted, round: number): void {
    const { random, clock } = this.#world;
    const copies = 1 + Math.floor(random() * COPIES_MAX);
    for (let copy = 0; copy < copies; copy++) {
      const digest = (random() < OTHERS_RATIO ? 'b' : 'a').repeat(64);
      this.#ask(name, { ...wanted, digest });
    }
    if (round + 1 >= ROUNDS_MAX) return;
    clock.after(random() * LATER_MS, () => this.#round(name, wanted, round + 1));
  }

  #ask(name: Name, wanted: Wanted): void {
    const world = this.#world;
    const { place } = wanted;
    world.note(`${place} is asked for of ${name.pool}, ${wanted.digest?.[0]}`);
    world.ask(claimWait, name, wanted, (answer) => {
      if (!answer.ok) return world.note(`${place} is refused: ${answer.refusal.code}`);
      if (answer.value.handingOff) return this.#ask(name, wanted);
      const { claim } = answer.value.claim ?? {};
      if (claim === undefined) return;
      if (wanted.handOff) world.pools.handedOff(claim);
      world.note(`${place} has ${claim}`);
      this.#check(place, claim, wanted);
      world.pools.handed(claim, place);
      this.#has.set(place, claim);
      this.#claimed(claim);
    });
  }

  /** Who asked for something else has nothing, and nobody has two that are held. */
  #check(place: string, claim: string, { digest }: Wanted): void {
    const { checkers } = this.#world;
    const slots = this.#world.all(slotRecord);
    const slot = slots.find((each) => each.slot === claim);
    if (slot?.claim && slot.claim.digest !== digest) {
      checkers.violation(`${claim} was told to ${place}, which asked for something else`);
    }
    const before = this.#has.get(place);
    const isTwo = slots.some((each) => each.slot === before && each.state === 'claimed');
    if (before !== claim && isTwo) checkers.violation(`${place} has ${before} and ${claim}`);
  }
}
