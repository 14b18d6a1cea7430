/** Makes sure that a container's output is read the same however the engine's answer is cut. */

/** Each frame: one byte of stream, three of nothing, four of length, then that many bytes. */
const HEAD_BYTES = 8;
const LENGTH_AT = 4;
const SPACE = 0x20;

/** One piece of output: a line with its end, or a part of a long one. */
export interface Piece {
  /** When the engine read it, as it says so: `2026-11-21T10:00:00.123456789Z`. */
  readonly time: string;
  readonly bytes: Uint8Array;
}

export class Frames {
  #rest: Uint8Array = new Uint8Array(0);

  /** The pieces that are whole with this chunk. */
  read(chunk: Uint8Array): Piece[] {
    const all = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const view = new DataView(all.buffer, all.byteOffset, all.byteLength);
    const pieces: Piece[] = [];
    let at = 0;
    while (at + HEAD_BYTES <= all.length) {
      const end = at + HEAD_BYTES + view.getUint32(at + LENGTH_AT);
      if (end > all.length) break;
      pieces.push(pieceIn(all.subarray(at + HEAD_BYTES, end)));
      at = end;
    }
    this.#rest = all.slice(at);
    return pieces;
  }
}

function pieceIn(frame: Uint8Array): Piece {
  const space = frame.indexOf(SPACE);
  return {
    time: Buffer.from(frame.subarray(0, space)).toString(),
    bytes: frame.subarray(space + 1),
  };
}

/** A time as the engine takes it back: seconds and nanoseconds, `1700000000.123456789`. */
export function sinceOf(time: string): string {
  const found = /^(.*?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(time);
  if (!found) return '0';
  const seconds = Math.floor(Date.parse(`${found[1]}${found[3]}`) / 1000);
  return `${seconds}.${(found[2] ?? '').padEnd(9, '0')}`;
}
