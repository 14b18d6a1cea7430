/**
 * Makes sure that many who ask the same at about the same time are answered by few rounds: one is
 * under way at a time, and who comes meanwhile gets the next, which begins after he came.
 */

/** Asks for all who wait; calls back once. */
export type Round = (done: (isReached: boolean) => void) => void;

/** Those who wait for a round, and the one that is under way. */
export class Rounds {
  readonly #round: Round;
  #waiting: ((isReached: boolean) => void)[] = [];
  #isUnderWay = false;

  constructor(round: Round) {
    this.#round = round;
  }

  /** Calls back with what a round says that begins now or later. */
  join(done: (isReached: boolean) => void): void {
    this.#waiting.push(done);
    if (!this.#isUnderWay) this.#begin();
  }

  #begin(): void {
    const told = this.#waiting;
    this.#waiting = [];
    this.#isUnderWay = true;
    this.#round((isReached) => {
      this.#isUnderWay = false;
      for (const done of told) done(isReached);
      if (this.#waiting.length > 0 && !this.#isUnderWay) this.#begin();
    });
  }
}
