/**
 * Makes sure that whoever waits sees how far it is: on a terminal in one line that is drawn again,
 * and gone when it is over; elsewhere in a line per change. All of it on stderr.
 */
import { stripVTControlCharacters } from 'node:util';
import { formatSpan } from '../subjects/index.ts';
import { progressLine, rowsOf, type Step } from './present/progress-line.ts';
import type { Session } from './shell.ts';

/** Shortest time between two drawings, in milliseconds. */
const DRAW_MS = 200;

/** To the line's begin, so many rows up, and nothing from there on. */
function erased(rows: number): string {
  return `\r${rows > 1 ? `\u001b[${rows - 1}A` : ''}\u001b[J`;
}

export class Progress {
  /** Whether somebody sees one line change: then what holds it up may be told, too. */
  readonly isLive: boolean;
  readonly #session: Session;
  readonly #began: number;
  readonly #isTimed: boolean;
  #told = '';
  #drawn = '';
  #drawnAt = Number.NEGATIVE_INFINITY;
  #later: NodeJS.Timeout | undefined;

  /**
   * `began`: from when on time is told, in milliseconds since 1970; without it from now on, and only
   * in a line that is drawn.
   */
  constructor(session: Session, began?: number) {
    this.#session = session;
    this.#isTimed = began !== undefined;
    this.#began = began ?? session.now();
    const isDumb = session.environment['TERM'] === 'dumb';
    this.isLive = session.terminal.errorColumns() !== undefined && !isDumb;
  }

  /** Tells how far it is; the same again is not said twice. */
  tell(step: Step): void {
    const now = this.#session.now();
    const elapsedMs = now - this.#began;
    const columns = this.#session.terminal.errorColumns();
    if (!this.isLive || columns === undefined) {
      const time = this.#isTimed ? ` (${formatSpan(elapsedMs)})` : '';
      if (step.told !== this.#told) this.#session.err(`${step.told}${time}`);
      this.#told = step.told;
      return;
    }
    clearTimeout(this.#later);
    const waitMs = this.#drawnAt + DRAW_MS - now;
    if (waitMs > 0) {
      // It may be the last that is told for long: it is drawn when it may be.
      this.#later = setTimeout(() => this.tell(step), waitMs).unref();
      return;
    }
    const line = progressLine(step, { elapsedMs, columns, paint: this.#session.paintError });
    if (line === this.#drawn) return;
    this.#write(`${this.#erase(columns)}${line}`);
    this.#drawn = line;
    this.#drawnAt = now;
  }

  /** The last word: on a terminal it stays where the line was. */
  finish(told: string): void {
    if (!this.isLive) return this.tell({ told });
    this.clear();
    const { paintError: paint, now } = this.#session;
    this.#session.err(`${paint('good', '✓')} ${told} (${formatSpan(now() - this.#began)})`);
  }

  /** Takes the line away; safe to call twice. */
  clear(): void {
    clearTimeout(this.#later);
    const columns = this.#session.terminal.errorColumns();
    if (this.#drawn !== '') this.#write(this.#erase(columns ?? this.#drawn.length));
    this.#drawn = '';
  }

  /** A terminal that was made narrower has broken the line: all of its rows go. */
  #erase(columns: number): string {
    return erased(rowsOf(stripVTControlCharacters(this.#drawn), columns));
  }

  #write(text: string): void {
    this.#session.terminal.error.write(text);
  }
}
