/**
 * What callers of the world take that is limited: of none more than its limit is ever allowed, but for
 * what was refunded. The window is longer than any storm, and than clocks are set: so it never ends.
 */
import { quotaRefund, quotaTake } from '../../subjects/index.ts';
import type { World } from './world.ts';

/** How much each caller may take, and how often it asks at once: as somebody does who tries to have more. */
const LIMIT = 2;
const AT_ONCE = 5;
/** Share of times at which another caller comes. */
const OTHER_RATIO = 0.6;
const WINDOW_MS = 31 * 86_400_000;
/** Share of takes that are refunded at once, as after a failure. */
const REFUNDED_RATIO = 0.3;

export class QuotaAsks {
  readonly #world: World;
  /** Takes that callers were told to have, by caller, without those they asked to be refunded. */
  readonly #had = new Map<string, number>();
  #callers = 0;

  constructor(world: World) {
    this.#world = world;
  }

  ask(): void {
    const { random } = this.#world;
    if (random() < OTHER_RATIO) this.#callers++;
    const caller = `10-0-0-${this.#callers}`;
    this.#world.note(`take ${caller}`);
    for (let asks = 0; asks < AT_ONCE; asks++) this.#take(caller, random() < REFUNDED_RATIO);
  }

  #take(caller: string, isRefunded: boolean): void {
    const name = { tenant: 'default', quota: 'demos' };
    const windows = [{ windowMs: WINDOW_MS, limit: LIMIT }];
    this.#world.ask(quotaTake, name, { caller, windows }, (answer) => {
      if (!answer.ok) return;
      const had = this.#had.get(caller) ?? 0;
      if (had >= LIMIT)
        this.#world.checkers.violation(`${caller} has taken ${had + 1} of ${LIMIT}`);
      const { take } = answer.value;
      if (!isRefunded) this.#had.set(caller, had + 1);
      else this.#world.ask(quotaRefund, name, { caller, take });
    });
  }
}
