/**
 * Makes sure that an ask is sent again because its answer is missing, not because all answers are slow:
 * where every ask comes twice, what is slow becomes slower. How long answers take is reckoned as TCP
 * reckons it (RFC 6298): smoothed, plus four times how far they stray from that.
 *
 * I1  What counts is the try that was answered, from when it was sent (Karn's algorithm): one that
 *     reached a copy which stands still, and that another copy answered later, makes nobody patient.
 */
import type { Bus } from './ports.ts';

/**
 * How long an answer is waited for at least before the ask is sent again, in milliseconds. Far above
 * what an answer takes (0.2 ms; a commit on a slow disk 20 ms), and short enough for three copies of
 * which one stands still to be met with less than two in a hundred tries lost within a second.
 */
export const TRY_MS = 250;
/** How long at most, however slow answers are, in milliseconds. */
export const TRY_MS_MAX = 1_000;

/** What a new answer weighs in how long they take, and in how far they stray (RFC 6298, 2.3). */
const GAIN = 1 / 8;
const DEVIATION_GAIN = 1 / 4;
const DEVIATIONS = 4;

/** How long the answers to one kind of ask take lately. */
export class AnswerPace {
  #smoothedMs: number | undefined;
  #deviationMs = 0;

  /** How long an answer is waited for, from TRY_MS to TRY_MS_MAX. */
  get tryMs(): number {
    const expectedMs = (this.#smoothedMs ?? 0) + DEVIATIONS * this.#deviationMs;
    return Math.min(TRY_MS_MAX, Math.max(TRY_MS, expectedMs));
  }

  /** An answer came, so long after the try it answers was sent. */
  heard(tookMs: number): void {
    if (this.#smoothedMs === undefined) {
      this.#smoothedMs = tookMs;
      this.#deviationMs = tookMs / 2;
      return;
    }
    const errorMs = tookMs - this.#smoothedMs;
    this.#deviationMs += DEVIATION_GAIN * (Math.abs(errorMs) - this.#deviationMs);
    this.#smoothedMs += GAIN * errorMs;
  }
}

const paces = new WeakMap<Bus, Map<string, AnswerPace>>();

/** How long answers to asks of a contract take on this bus: kinds differ, so each has its own. */
export function paceOf(bus: Bus, contract: string): AnswerPace {
  const known = paces.get(bus) ?? new Map<string, AnswerPace>();
  paces.set(bus, known);
  const pace = known.get(contract) ?? new AnswerPace();
  known.set(contract, pace);
  return pace;
}
