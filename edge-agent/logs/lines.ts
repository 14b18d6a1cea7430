/** Makes sure that bytes become lines the same way however they are cut into reads. */
import { FRAME_LINES_MAX, LINE_BYTES_MAX } from '../../subjects/index.ts';

/** Most bytes of text in a frame: with its envelope it stays below the contract's limit. */
export const FRAME_BYTES_MAX = 49_152;

const NEWLINE = 0x0a;
const RETURN = 0x0d;
/** A byte order mark is a character like others: it stays. */
const untext = new TextDecoder('utf-8', { ignoreBOM: true });

export interface Lines {
  readonly texts: readonly string[];
  /** Bytes these lines took, with their ends. */
  readonly bytes: number;
}

/**
 * The whole lines at the start of a piece of output, as many as one frame takes. A line longer
 * than LINE_BYTES_MAX is cut, between two characters. With `isLast`, what follows the last end of line is a line too.
 */
export function linesIn(piece: Uint8Array, isLast: boolean): Lines {
  const texts: string[] = [];
  let from = 0;
  while (texts.length < FRAME_LINES_MAX && from < piece.length) {
    const newline = piece.indexOf(NEWLINE, from);
    const end = newline < 0 ? piece.length : newline;
    const isCut = end - from > LINE_BYTES_MAX;
    if (newline < 0 && !isCut && !isLast) break;
    const stop = isCut ? cutBefore(piece, from + LINE_BYTES_MAX) : end;
    if (texts.length > 0 && stop > FRAME_BYTES_MAX) break;
    const text = stop > from && piece[stop - 1] === RETURN && !isCut ? stop - 1 : stop;
    texts.push(untext.decode(piece.subarray(from, text)));
    from = isCut || newline < 0 ? stop : newline + 1;
  }
  return { texts, bytes: from };
}

/** Most bytes of a character in UTF-8. */
const CHARACTER_BYTES_MAX = 4;

/** The last start of a character at or before a place; the place itself where it is no text. */
function cutBefore(piece: Uint8Array, place: number): number {
  for (let at = place; at > place - CHARACTER_BYTES_MAX; at--) {
    if (((piece[at] ?? 0) & 0xc0) !== 0x80) return at;
  }
  return place;
}
