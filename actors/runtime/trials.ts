/**
 * Makes sure that a work item that ends its process before it can fail (a crash, a step without
 * end, which hang-watch.ts ends) becomes a dead letter like every other, and that no innocent one does for having been in
 * hand at that moment (R5).
 *
 * The count of deliveries alone cannot tell: waiting for the store counts, and so does a process
 * that was killed from outside. So from the third delivery on an item is tried on its own: before
 * its step runs it is written down that it does (the letter, with `trials`), and that goes when the
 * delivery ends, whichever way it ends. What stands there three times in a row ended its process
 * each time.
 *
 * I1  One item at a time is on trial: when the process ends, only the one whose step ran counts.
 * I2  Whatever does not end its process loses its mark, so waiting is not failing.
 */
import { address, contentType, type DeadLetter, deadRecord, decode } from '../../subjects/index.ts';
import { type Given, letterOf, sendLetter } from './letters.ts';
import { limits } from './limits.ts';
import { type Close, type Ports, type Stored, TYPE_HEADER, type WorkItem } from './ports.ts';

/** Deliveries of which nothing is written down: more would cost every item that is redelivered. */
const UNMARKED_MAX = 2;
/** Trials in a row that never ended after which an item is set aside: with those, R5's five. */
export const TRIALS_MAX = limits.deliveriesMax - UNMARKED_MAX;
/** How long one trial keeps the next one waiting, in milliseconds: far above a step with its commits. */
const TRIAL_MS_MAX = 10_000;

/** What is tried. */
export type Tried = Omit<Given, 'reason' | 'deliveries' | 'actor'>;

interface Around {
  readonly actor: string;
  readonly ports: Ports;
  /** Sets an item aside: it ended its process too often. */
  bury(tried: Tried, item: WorkItem): void;
}

interface Waiting {
  readonly tried: Tried;
  readonly item: WorkItem;
  readonly go: (item: WorkItem) => void;
}

/** The trials of one copy of an actor. */
export class Trials {
  readonly #around: Around;
  readonly #waiting: Waiting[] = [];
  #isBusy = false;

  constructor(around: Around) {
    this.#around = around;
  }

  /** Lets an item go: at once, or when it is its turn to be tried. */
  begin(tried: Tried, item: WorkItem, go: (item: WorkItem) => void): void {
    if (item.deliveries <= UNMARKED_MAX) return go(item);
    this.#waiting.push({ tried, item, go });
    this.#next();
  }

  #next(): void {
    if (this.#isBusy) return;
    const next = this.#waiting.shift();
    if (!next) return;
    this.#isBusy = true;
    const { clock } = this.#around.ports;
    let isOpen = true;
    let cancel: Close = () => undefined;
    const over = (): void => {
      if (!isOpen) return;
      isOpen = false;
      cancel();
      this.#isBusy = false;
      this.#next();
    };
    cancel = clock.after(TRIAL_MS_MAX, over);
    this.#look(next, over);
  }

  #look({ tried, item, go }: Waiting, over: () => void): void {
    const { actor, ports } = this.#around;
    const later = (): void => {
      item.retry(Math.min(limits.retryMsMax, limits.retryMs * item.deliveries));
      over();
    };
    const mark = this.#markOf(tried, item, 1);
    const key = address(deadRecord, { actor, letter: mark.letter });
    const begin = (begun: number, expected: number): void => {
      if (begun >= TRIALS_MAX) {
        this.#around.bury(tried, item);
        return over();
      }
      const marked = (isStored: boolean, revision: number): void => {
        if (!isStored) return later();
        go(this.#marked(item, { key, revision }, over));
      };
      // A mark that was held up must not take the place of the letter that came of it.
      sendLetter(ports.store, this.#markOf(tried, item, begun + 1), marked, expected);
    };
    ports.store.newest(deadRecord.bucket, key, (newest) => {
      if (newest === undefined) return later();
      ports.store.read(deadRecord.bucket, key, (stored) => {
        // Of a server that is behind, or written in between.
        if (stored === undefined || (stored && stored.revision !== newest)) return later();
        begin(trialsIn(stored), newest);
      });
    });
  }

  #markOf(tried: Tried, item: WorkItem, trials: number): DeadLetter {
    const { actor, ports } = this.#around;
    const before = trials - 1;
    const detail = `it is being tried; ${before} such ${before === 1 ? 'try' : 'tries'} before ended the process`;
    const given = { ...tried, actor, deliveries: item.deliveries };
    const reason = { code: 'actor-fault', detail };
    return { ...letterOf({ ...given, reason }, ports.clock.now()), trials };
  }

  /** The item, whose mark goes with the end of its delivery; a letter that took its place stays. */
  #marked(
    item: WorkItem,
    mark: { readonly key: string; readonly revision: number },
    over: () => void,
  ): WorkItem {
    const unmark = (): void => {
      const { key, revision: expected } = mark;
      const headers = { [TYPE_HEADER]: contentType[deadRecord.codec] };
      const write = { bucket: deadRecord.bucket, key, body: null, expected, headers };
      // Not before: the next trial may be that of the same item, delivered again.
      this.#around.ports.store.write([write], over);
    };
    return {
      message: item.message,
      deliveries: item.deliveries,
      extend: () => item.extend(),
      ack: () => {
        item.ack();
        unmark();
      },
      retry: (delayMs) => {
        item.retry(delayMs);
        unmark();
      },
    };
  }
}

function trialsIn(stored: Stored | null): number {
  const letter = stored?.body && decode(deadRecord, stored.body);
  return letter?.ok ? (letter.value.trials ?? 0) : 0;
}
