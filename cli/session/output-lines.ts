/** Makes sure that bytes of an output become its lines, whole, however they were cut on the way. */

/** Longest line that is waited for, in bytes: one that is longer is told in pieces. */
const LINE_MAX = 1_048_576;
const NEWLINE = 0x0a;

/** The lines of one output. */
export class OutputLines {
  #rest: Buffer = Buffer.alloc(0);

  /** The lines that are whole with these bytes, without their ends. */
  add(bytes: Uint8Array): readonly string[] {
    const all = Buffer.concat([this.#rest, bytes]);
    const lines: string[] = [];
    let from = 0;
    for (let to = all.indexOf(NEWLINE); to >= 0; to = all.indexOf(NEWLINE, from)) {
      lines.push(all.toString('utf8', from, to));
      from = to + 1;
    }
    this.#rest = all.subarray(from);
    return this.#rest.length > LINE_MAX ? [...lines, ...this.end()] : lines;
  }

  /** What came after the last end of a line. */
  end(): readonly string[] {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    return rest.length === 0 ? [] : [rest.toString('utf8')];
  }
}
