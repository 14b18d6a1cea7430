/**
 * The clock of one process or device in the world: it may be set wrong, run too fast or too slow,
 * and stand still with its process.
 *
 * I1  `elapsed` never goes back.
 * I2  nothing runs while the process stands still; what came due or arrived meanwhile runs in its
 *     order when it goes on.
 */
import type { FakeClock } from '../../actors/runtime/memory/clock.ts';
import type { Clock, Close } from '../../actors/runtime/ports.ts';

/** Rounding that does not count as waiting, in milliseconds: the world's time is coarser. */
const EPSILON_MS = 0.01;

export class ProcessClock implements Clock {
  /** How far the time of day is wrong, in milliseconds. */
  skewMs = 0;
  readonly #world: FakeClock;
  readonly #rate: number;
  /** Time that passed while the whole device was suspended, in milliseconds. */
  #lostMs = 0;
  #suspendedAt: number | undefined;
  #isPaused = false;
  #isOver = false;
  readonly #backlog: (() => void)[] = [];

  /** `rate`: its seconds per second of the world. */
  constructor(world: FakeClock, rate = 1) {
    this.#world = world;
    this.#rate = rate;
  }

  now(): number {
    return Math.floor(this.#world.now() + this.skewMs);
  }

  elapsed(): number {
    return ((this.#suspendedAt ?? this.#world.elapsed()) - this.#lostMs) * this.#rate;
  }

  after(delayMs: number, call: () => void): Close {
    const waitMs = Math.max(0, delayMs);
    const due = this.elapsed() + waitMs;
    let cancel: Close | undefined;
    const ring = (): void => {
      if (!cancel) return;
      if (this.#isPaused) {
        this.#backlog.push(ring);
        return;
      }
      const left = due - this.elapsed();
      if (left > EPSILON_MS) {
        cancel = this.#world.after(left / this.#rate, ring);
        return;
      }
      cancel = undefined;
      if (!this.#isOver) call();
    };
    cancel = this.#world.after(waitMs / this.#rate, ring);
    return () => {
      cancel?.();
      cancel = undefined;
    };
  }

  soon(call: () => void): void {
    this.#world.soon(() => this.arrive(call));
  }

  /** Runs a call in the process: now, or when it goes on. */
  arrive(call: () => void): void {
    if (this.#isOver) return;
    if (this.#isPaused) this.#backlog.push(call);
    else call();
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Whether its device was suspended: what it measures since is too short. */
  get wasSuspended(): boolean {
    return this.#lostMs > 0;
  }

  /** The process stands still; with its device, even the time that is measured does. */
  pause(isSuspended: boolean): void {
    this.#isPaused = true;
    if (isSuspended) this.#suspendedAt = this.#world.elapsed();
  }

  /** It goes on. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#suspendedAt !== undefined) this.#lostMs += this.#world.elapsed() - this.#suspendedAt;
    this.#suspendedAt = undefined;
    for (const call of this.#backlog.splice(0)) this.#world.soon(() => this.arrive(call));
  }

  /** The process is gone: nothing of it runs any more. */
  stop(): void {
    this.#isOver = true;
    this.#backlog.length = 0;
  }
}
