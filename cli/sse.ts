/**
 * Makes sure that a stream of server-sent events becomes events, however its bytes are cut into
 * pieces. The form: WHATWG HTML, "Server-sent events".
 */

export interface SentEvent {
  /** Last id seen so far; empty: none yet. */
  readonly id: string;
  /** `message` when the stream named none. */
  readonly event: string;
  readonly data: string;
}

/** Longest unfinished event that is kept, in characters. */
const PENDING_MAX = 1_048_576;

export class SseParser {
  #rest = '';
  #data: string[] = [];
  #event = '';
  #id = '';

  /** Takes a piece of the stream; returns the events it completes. */
  push(piece: string): readonly SentEvent[] {
    const events: SentEvent[] = [];
    const text = this.#rest + piece;
    // A carriage return at the very end may be half of a line's end.
    const whole = text.endsWith('\r') ? text.slice(0, -1) : text;
    const lines = whole.split(/\r\n|\n|\r/);
    this.#rest = (lines.pop() ?? '') + text.slice(whole.length);
    if (this.#rest.length > PENDING_MAX) throw new Error('an event without end');
    for (const line of lines) {
      if (line !== '') this.#field(line);
      else if (this.#data.length > 0 || this.#event !== '') {
        const data = this.#data.join('\n');
        if (this.#data.length > 0)
          events.push({ id: this.#id, event: this.#event || 'message', data });
        this.#data = [];
        this.#event = '';
      }
    }
    return events;
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') this.#data.push(value);
    else if (name === 'event') this.#event = value;
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
  }
}
