/**
 * Follows where in an archive its bytes are: in an entry's content, or in the blocks between two
 * entries, of which two of zeros are the archive's end. Pure.
 */

/** What an archive is made of. */
const BLOCK_BYTES = 512;
/** As many blocks of zeros end an archive. */
const END_BLOCKS = 2;

/** One archive as it is read, piece by piece: none that `pieceOf` gives lies in two blocks. */
export class Blocks {
  #contentLeft = 0;
  /** Of the block that is being read, and whether all of it was zeros so far. */
  #blockBytes = 0;
  #isZero = true;
  #zeros = 0;
  /** Bytes since the last entry. */
  betweenBytes = 0;

  /** The first part of a chunk that lies in one place. */
  pieceOf(chunk: Uint8Array): Uint8Array {
    return chunk.subarray(0, this.#contentLeft || BLOCK_BYTES - this.#blockBytes);
  }

  /** Such a part was read; what begins behind it is told by `entry`. */
  add(piece: Uint8Array): void {
    if (this.#contentLeft > 0) {
      this.#contentLeft -= piece.length;
      return;
    }
    this.betweenBytes += piece.length;
    this.#blockBytes += piece.length;
    this.#isZero &&= piece.every((byte) => byte === 0);
    if (this.#blockBytes < BLOCK_BYTES) return;
    this.#zeros = this.#isZero ? this.#zeros + 1 : 0;
    [this.#blockBytes, this.#isZero] = [0, true];
  }

  /** The last block was an entry's header; its content fills whole blocks. */
  entry(contentBytes: number): void {
    this.#contentLeft = Math.ceil(contentBytes / BLOCK_BYTES) * BLOCK_BYTES;
    this.betweenBytes = 0;
  }

  /** Whether what came last was the end of an archive. */
  get isWhole(): boolean {
    return this.#contentLeft === 0 && this.#blockBytes === 0 && this.#zeros >= END_BLOCKS;
  }
}
