/**
 * What must be true of dead letters after every write: a letter goes only when somebody dropped it,
 * or when what it holds has been put back since that was asked for. What only marks a trial goes with it.
 */
import type { MemoryServer } from '../../actors/runtime/memory/server.ts';
import { type Stored, WRITER_HEADER } from '../../actors/runtime/ports.ts';
import { type DeadLetter, deadRecord, tokensIn } from '../../subjects/index.ts';
import { readAs } from './read.ts';

interface Known {
  readonly letter: DeadLetter;
  /** How many items had been queued when its replay was asked for. */
  readonly queued: number;
}

export class LetterCheckers {
  readonly #violation: (what: string) => void;
  readonly #letters = new Map<string, Known>();
  /** When an item was last put under a subject, as a number among all that were queued. */
  readonly #lastPut = new Map<string, number>();
  #queued = 0;

  constructor(server: MemoryServer, violation: (what: string) => void) {
    this.#violation = violation;
    const put = server.put.bind(server);
    server.put = (message) => {
      this.#lastPut.set(message.subject, ++this.#queued);
      return put(message);
    };
  }

  /** Something was written. */
  wrote({ key, body, headers }: Stored): void {
    if (!tokensIn(deadRecord, key)) return;
    const before = this.#letters.get(key);
    if (!body) {
      this.#letters.delete(key);
      if (before) this.#gone(key, before, headers[WRITER_HEADER] ?? '');
      return;
    }
    const read = readAs(deadRecord, body);
    if (!read.ok) return;
    const isSame = before && before.letter.replayedAt === read.value.replayedAt;
    this.#letters.set(key, { letter: read.value, queued: isSame ? before.queued : this.#queued });
  }

  #gone(key: string, { letter, queued }: Known, writer: string): void {
    if (letter.trials !== undefined || writer.startsWith('caller-')) return;
    if (letter.replayedAt === undefined)
      return this.#violation(`${key} is gone and nobody dropped it`);
    if ((this.#lastPut.get(letter.about) ?? 0) > queued) return;
    this.#violation(`${key} is gone and ${letter.about} was not put back`);
  }
}
