/**
 * Makes sure that something outside the fabric is kept as the store says: looked at after each change,
 * and again and again, so that what was lost or altered there is put right. Nobody waits for it.
 *
 * While the gateway is cut off from the bus, or reads the store anew, it does not look: what it knows
 * is old.
 */
import { reasonOf } from '../actors/runtime/reason.ts';
import type { Inside } from './inside.ts';

/** How many reasons are told while it fails: a connection that is cut has several. */
const REASONS_MAX = 3;

export const upkeepStates = ['kept', 'behind', 'failed'] as const;

/** What the last look came to. `behind`: another gateway knows better. */
export type UpkeepState = (typeof upkeepStates)[number];

/** What became of a look that did not fail. */
export interface Looked {
  readonly state: 'kept' | 'behind';
  readonly hasWritten: boolean;
  /** How many there are of what is kept. */
  readonly count: number;
}

/** How something outside is, as `/health` tells it. */
export interface UpkeepHealth {
  readonly what: 'caddy' | 'demo-database';
  readonly address: string;
  /** Absent: there was no look yet. */
  readonly state?: UpkeepState;
  /** Why the last look failed. */
  readonly message?: string;
  /** Since when it has been so, in milliseconds since 1970. */
  readonly since?: number;
}

export interface Upkept {
  readonly what: UpkeepHealth['what'];
  /** Where it is. */
  readonly address: string;
  /** What is said when it fails, and when it is well again. */
  readonly failing: string;
  readonly well: string;
  /** What happens within this time is one look, in milliseconds. */
  readonly batchMs: number;
  /** How often it is looked at when nothing changes, in milliseconds. */
  readonly sweepMs: number;
  /** Looks, and puts right what is not as it should be. Throws with why it could not. */
  look(): Promise<Looked>;
}

type Around = Pick<Inside, 'known' | 'bus' | 'log' | 'upkeeps'>;

export class Upkeep {
  readonly #inside: Around;
  readonly #of: Upkept;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #isStopped = true;
  #isChanged = false;
  /** Why it failed, as was told since it did. */
  readonly #told = new Set<string>();
  /** What the last look came to; undefined: there was none yet. */
  state: UpkeepState | undefined;
  #since = 0;
  #reason = '';
  /** How many there were at the last look. */
  count = 0;

  constructor(inside: Around, of: Upkept) {
    this.#inside = inside;
    this.#of = of;
    inside.upkeeps.push(this);
  }

  health(): UpkeepHealth {
    const { what, address } = this.#of;
    const { state } = this;
    if (state === undefined) return { what, address };
    const message = state === 'failed' ? { message: this.#reason } : {};
    return { what, address, state, since: this.#since, ...message };
  }

  start(): void {
    this.#isStopped = false;
    this.#plan(0);
  }

  /** Stops looking; resolves when a look under way is over. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#round;
  }

  /** Something may be to be done. */
  changed(): void {
    if (this.#isChanged) return;
    this.#isChanged = true;
    // What fails is asked no more often for it.
    if (!this.#round && this.state !== 'failed') this.#plan(this.#of.batchMs);
  }

  #plan(afterMs: number): void {
    clearTimeout(this.#timer);
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#round = this.#look().finally(() => {
        this.#round = undefined;
      });
    }, afterMs);
  }

  async #look(): Promise<void> {
    const { batchMs, sweepMs } = this.#of;
    this.#isChanged = false;
    const began = performance.now();
    let hasWritten = false;
    if (this.#inside.known.isCurrent && this.#inside.bus().connected) {
      try {
        const looked = await this.#of.look();
        hasWritten = looked.hasWritten;
        this.count = looked.count;
        this.#became(looked.state);
      } catch (error) {
        this.#became('failed', reasonOf(error));
      }
    }
    // It is written to for half of the time at most, whatever happens.
    const restMs = hasWritten ? performance.now() - began : 0;
    const isSoon = this.#isChanged && this.state !== 'failed';
    this.#plan(isSoon ? Math.max(batchMs, restMs) : sweepMs);
  }

  /** Tells what has changed: that it failed, each other reason once, and that it is well again. */
  #became(state: UpkeepState, reason = ''): void {
    const before = this.state;
    this.state = state;
    this.#reason = reason;
    if (before !== state) this.#since = Date.now();
    if (this.#isStopped) return;
    const { address, failing, well } = this.#of;
    if (state === 'failed') {
      if (this.#told.has(reason) || this.#told.size >= REASONS_MAX) return;
      this.#told.add(reason);
      this.#inside.log.warn(failing, { address, reason });
      return;
    }
    this.#told.clear();
    if (state === 'kept' && before !== 'kept' && before !== 'behind') {
      this.#inside.log.info(well, { address, count: this.count });
    }
  }
}
