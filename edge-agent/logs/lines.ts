/** Makes sure that bytes become lines the same way however they are cut into reads. */
import { FRAME_LINES_MAX, LINE_BYTES_MAX } from '../../subjects/index.ts';

/** Most bytes of text in a frame: with its envelope it stays below the contract's limit. */
export const FRAME_BYTES_MAX = 49_152;

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const untext = new TextDecoder();

export interface Lines {
  readonly texts: readonly string[];
  /** Bytes these lines took, with their ends. */
  readonly bytes: number;
}

/**
 * The whole lines at the start of a piece of output, as many as one frame takes. A line longer
 * than LINE_BYTES_MAX is cut. With `isLast`, what follows the last end of line is a line too.
 */
export function linesIn(piece: Uint8Array, isLast: boolean): Lines {
  const texts: string[] = [];
  let from = 0;
  while (texts.length < FRAME_LINES_MAX && from < piece.length) {
    const newline = piece.indexOf(NEWLINE, from);
    const end = newline < 0 ? piece.length : newline;
    const isCut = end - from > LINE_BYTES_MAX;
    if (newline < 0 && !isCut && !isLast) break;
    const stop = isCut ? from + LINE_BYTES_MAX : end;
    if (texts.length > 0 && stop > FRAME_BYTES_MAX) break;
    const text = stop > from && piece[stop - 1] === RETURN && !isCut ? stop - 1 : stop;
    texts.push(untext.decode(piece.subarray(from, text)));
    from = isCut || newline < 0 ? stop : newline + 1;
  }
  return { texts, bytes: from };
}
