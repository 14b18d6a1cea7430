/**
 * Makes sure that nobody hears that a run is over while it may run: of a start that failed, or a stop of
 * what was never heard of, the end is told when the engine has said that nothing of it is left. An
 * engine that is away, or cannot remove what there is, is asked again: when it is back, and with each list.
 */
import type { InTurn } from '../in-turn.ts';
import type { Left } from './left.ts';

/** One run of a part of an instance. */
export interface OfRun {
  readonly name: string;
  readonly run: number;
}

/** Ends that are not told yet. */
export class Unanswered {
  readonly #left: Pick<Left, 'end' | 'mayRun'>;
  readonly #turns: InTurn;
  /** By part and run. */
  readonly #waiting = new Map<string, { readonly name: string; readonly again: () => void }>();

  constructor(left: Pick<Left, 'end' | 'mayRun'>, turns: InTurn) {
    this.#left = left;
    this.#turns = turns;
  }

  /**
   * Calls `tell` when nothing of the part may run any more but a run under way: now, in the turn of whoever
   * asks, or in a later turn of the part. Of several asked for the same run the last one tells. `waits` is
   * called where it is not told yet.
   */
  async whenGone(
    of: OfRun,
    tell: () => Promise<void> | void,
    waits: () => void = () => undefined,
  ): Promise<void> {
    const key = `${of.name} ${of.run}`;
    this.#waiting.delete(key);
    try {
      await this.#left.end(of.name);
    } catch {
      if (this.#left.mayRun(of.name)) {
        const again = (): void => this.#turns.add(of.name, () => this.whenGone(of, tell));
        this.#waiting.set(key, { name: of.name, again });
        return waits();
      }
    }
    await tell();
  }

  /** The engine answers: all are asked for once more, each in a turn of its part. */
  retry(): void {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { again } of all) again();
  }

  /** The same, and waits until they were, `msMax` milliseconds at most. */
  async retried(msMax: number): Promise<void> {
    if (this.#waiting.size === 0) return;
    this.retry();
    let late: NodeJS.Timeout | undefined;
    const waited = new Promise<void>((resolve) => {
      late = setTimeout(resolve, msMax);
    });
    await Promise.race([this.#turns.settled(), waited]);
    clearTimeout(late);
  }

  /** Nobody wants to hear of a part any more. */
  forget(name: string): void {
    for (const [key, each] of [...this.#waiting]) {
      if (each.name === name) this.#waiting.delete(key);
    }
  }
}
