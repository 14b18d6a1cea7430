/**
 * Makes sure that an archive is read entry by entry, as it comes, that one without its end is taken for
 * what it is, cut off, and that one that is damaged or wicked is refused before it takes more memory than a
 * few of its pieces.
 */
import { extract, type Header } from 'tar-stream';
import { Blocks } from './blocks.ts';
import { chunksOf } from './chunks.ts';
import { CopyRefused } from './copy-refused.ts';
import { admitted, type Demand } from './room.ts';

/**
 * Most bytes between two entries: a header, and one with longer names before it. GNU tar fills the end
 * of an archive up with less than this.
 */
const BETWEEN_BYTES_MAX = 1_048_576;

/** Takes an entry; what it has not read of the content when it resolves is left out. */
export type Take = (header: Header, content: AsyncIterable<Uint8Array>) => Promise<void>;

/**
 * Hands each entry on, one at a time, if there is room for it. Rejects with what `take`, `demand` or the
 * archive's source rejects with.
 */
export async function readArchive(
  from: AsyncIterable<Uint8Array>,
  take: Take,
  demand: Demand = () => Promise.resolve(),
): Promise<void> {
  const parser = extract();
  let taking: Promise<void> = Promise.resolve();
  let failure: { readonly error: unknown } | undefined;
  let wake: (error: unknown) => void = () => undefined;
  const fail = (error: unknown): void => {
    failure ??= { error };
    wake(failure.error);
  };
  const step = (begin: (done: () => void) => void): Promise<void> =>
    new Promise((resolve, reject) => {
      wake = reject;
      if (failure) reject(failure.error);
      else begin(resolve);
    });
  const blocks = new Blocks();
  parser.on('error', (error: Error) => fail(damaged(error.message)));
  parser.on('entry', (header, content, next) => {
    const { type, size = 0 } = header;
    if (!Number.isSafeInteger(size) || size < 0) return fail(damaged(`an entry of ${size} bytes`));
    // A folder has no content, whatever size it names.
    blocks.entry(type === 'directory' ? 0 : size);
    taking = admitted(demand, header, chunksOf(content))
      .then((admittedContent) => take(header, admittedContent))
      .then(() => {
        // What was not read of it is left out.
        content.resume();
        next();
      }, fail);
  });
  try {
    for await (const chunk of from) {
      for (let rest = chunk; rest.length > 0; ) {
        const piece = blocks.pieceOf(rest);
        rest = rest.subarray(piece.length);
        blocks.add(piece);
        await step((done) => void parser.write(piece, done));
        if (blocks.betweenBytes > BETWEEN_BYTES_MAX) throw damaged('its headers are too long');
      }
    }
    await step((done) => void parser.once('finish', done).end());
    // An archive that is cut between two entries looks like a shorter one but for this.
    if (!blocks.isWhole) throw damaged('it has no end (two blocks of zeros), so it was cut off');
  } catch (error) {
    const why = failure?.error ?? error;
    // What is being read of it is cut off then.
    parser.destroy();
    await taking;
    throw why;
  }
}

function damaged(why: string): CopyRefused {
  return new CopyRefused('copy-refused', `the archive cannot be read: ${why.slice(0, 200)}`);
}
