/**
 * What a simulated device does of hand-offs, as an agent's shell would (edge-agent/handing-off.ts): what
 * began and what came of it lies on its disk, so it outlives the agent. Commands fail, take long, or never
 * end, but for one.
 */
import type { FakeClock } from '../../actors/runtime/memory/clock.ts';
import type { HandedOff, HandOffInput, HandOffReport } from '../../edge-agent/jobs.ts';
import type { HandOff } from '../../subjects/index.ts';

/** Shares of commands that fail, and that never end. */
const FAILS_RATIO = 0.2;
const HANGS_RATIO = 0.05;
/** Longest that one takes, in milliseconds: some are asked for again meanwhile. */
const TAKES_MS = 3_000;

/** A command of a hand-off: for which claim, and in what, a name like no other of all that runs. */
export interface Ran {
  readonly claim: string;
  readonly where: string;
  readonly isDone: boolean;
}

/** What a caller of the world has handed off. */
export const worldHandOff: HandOff = { command: ['set', 'up'], timeout: '4s' };

/** One that every device does at once. */
export const sureHandOff: HandOff = { command: ['true'], timeout: '3s' };

export class HandingOff {
  /** By instance; without what came of it: it has begun. */
  readonly #disk = new Map<string, { readonly claim: string; came?: HandedOff }>();
  readonly #clock: FakeClock;
  readonly #random: () => number;
  readonly #ran: (of: Ran) => void;

  /** `ran`: told of each command when it ends, or when it began and never will. */
  constructor(clock: FakeClock, random: () => number, ran: (of: Ran) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#ran = ran;
  }

  /** `where`: the instance, where it is now. `isThere`: its run goes on, and its agent lives. */
  handOff(
    input: HandOffInput,
    { where, isThere }: { readonly where: string; readonly isThere: () => boolean },
    tell: (of: HandOffReport) => void,
  ): void {
    const { name, claim, handOff } = input;
    const ran = (isDone: boolean): void => this.#ran({ claim, where, isDone });
    const before = this.#disk.get(name);
    if (before?.claim === claim && before.came) return tell({ name, came: before.came });
    if (before || !handOff) return tell({ name, came: { unknown: 'nobody knows' } });
    const begun: { readonly claim: string; came?: HandedOff } = { claim };
    this.#disk.set(name, begun);
    if (handOff.command?.[0] === 'true') {
      begun.came = { exitCode: 0 };
      ran(true);
      return tell({ name, came: begun.came });
    }
    const dice = this.#random();
    if (dice < HANGS_RATIO) return ran(false);
    this.#clock.after(this.#random() ** 3 * TAKES_MS, () => {
      const isDone = isThere() && dice > HANGS_RATIO + FAILS_RATIO;
      ran(isDone);
      if (!isThere()) return;
      begun.came = isDone ? { exitCode: 0 } : { exitCode: 1, failure: 'exited with 1' };
      tell({ name, came: begun.came });
    });
  }

  /** Nothing of an instance is left. */
  forget(name: string): void {
    this.#disk.delete(name);
  }
}
