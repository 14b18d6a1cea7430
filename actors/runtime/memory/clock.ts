/**
 * Makes sure that time in tests and in the simulator passes only when told to, and that what is
 * due at one moment happens in the order it was asked for.
 *
 * I1  `now` never goes back; a call due earlier never runs after one due later.
 * I2  nothing runs outside `advance`, `runUntil` and `settle`.
 */
import { Heap } from '../heap.ts';
import type { Clock, Close } from '../ports.ts';

interface Due {
  readonly at: number;
  readonly order: number;
  call: (() => void) | undefined;
}

/** 2026-01-01: any moment will do, as long as it is always the same. */
const START_MS = 1_767_225_600_000;

/** Most calls at one moment: more than any test of ours has, and some seconds of work. */
const CALLS_MAX = 1_000_000;

/** A clock that stands still until it is told to move. */
export class FakeClock implements Clock {
  /** By time, then by order of asking. */
  readonly #heap = new Heap<Due>(isBefore);
  /** What is due at once: in the order of asking, which is that of time, too. */
  #soon: Due[] = [];
  #next = 0;
  #now = START_MS;
  #order = 0;
  /** How many calls there were at this moment. */
  #calls = 0;

  /** Whole milliseconds, as the machine's clock tells them. */
  now(): number {
    return Math.floor(this.#now);
  }

  /** Steps take no time here: what is measured is zero. */
  elapsed(): number {
    return this.#now - START_MS;
  }

  after(delayMs: number, call: () => void): Close {
    const due: Due = { at: this.#now + Math.max(0, delayMs), order: this.#order++, call };
    this.#heap.push(due);
    return () => {
      due.call = undefined;
    };
  }

  soon(call: () => void): void {
    this.#soon.push({ at: this.#now, order: this.#order++, call });
  }

  /** When the next call is due; undefined: nothing is. */
  get nextAt(): number | undefined {
    return this.#first()?.at;
  }

  /** Runs the next call. False: there is none. */
  step(): boolean {
    const due = this.#first();
    if (due) this.#run(due);
    return due !== undefined;
  }

  /** The next that was not cancelled, of those due at once and those due later. */
  #first(): Due | undefined {
    let later = this.#heap.peek();
    while (later && !later.call) {
      this.#heap.pop();
      later = this.#heap.peek();
    }
    const soon = this.#soon[this.#next];
    return soon && (!later || isBefore(soon, later)) ? soon : later;
  }

  /** Runs a call that `first` has found. */
  #run(due: Due): void {
    if (due === this.#soon[this.#next]) {
      this.#next++;
      if (this.#next === this.#soon.length) {
        this.#soon = [];
        this.#next = 0;
      }
    } else {
      this.#heap.pop();
    }
    this.#now = Math.max(this.#now, due.at);
    due.call?.();
  }

  /** Runs everything due within this long, and moves the time on by it. */
  advance(ms: number): void {
    this.advanceTo(this.#now + ms);
  }

  /** Runs everything due up to a moment, and moves the time there; throws as `settle` does. */
  advanceTo(moment: number): void {
    for (let due = this.#first(); due && due.at <= moment; due = this.#first()) {
      if (due.at > this.#now) {
        this.#run(due);
        this.#calls = 0;
      } else this.#runAtOnce(due, CALLS_MAX);
    }
    if (moment <= this.#now) return;
    this.#now = moment;
    this.#calls = 0;
  }

  /** Runs what is due now, and what that causes now; throws if that does not end. */
  settle(callsMax = CALLS_MAX): void {
    this.#calls = 0;
    for (let due = this.#first(); due && due.at <= this.#now; due = this.#first()) {
      this.#runAtOnce(due, callsMax);
    }
  }

  /** Runs one more call of this moment: who calls himself for ever must not hang whoever waits. */
  #runAtOnce(due: Due, callsMax: number): void {
    if (this.#calls++ > callsMax) throw new Error(`still busy after ${callsMax} calls`);
    this.#run(due);
  }

  /** Runs until a condition holds; throws when it does not within this long. */
  runUntil(holds: () => boolean, withinMs: number, what = 'the condition'): void {
    const end = this.#now + withinMs;
    while (!holds()) {
      const due = this.#first();
      if (!due || due.at > end) throw new Error(`${what} did not hold in ${withinMs} ms`);
      this.#run(due);
    }
  }
}

function isBefore(one: Due, other: Due): boolean {
  return one.at !== other.at ? one.at < other.at : one.order < other.order;
}
