/** Makes sure that an archive is written no faster than it is taken, and let go of when nobody takes it. */
import type { Writable } from 'node:stream';
import { type Header, type Pack, pack } from 'tar-stream';
import { chunksOf, StreamCut } from './chunks.ts';

/** Adds an entry; rejects when nobody takes the archive any more. */
export type Add = (header: Header, content?: AsyncIterable<Uint8Array>) => Promise<void>;

/** From this size on a header cannot say it in its own field: eleven octal digits. */
const PLAIN_SIZE_MAX = 0o77777777777;

const nothing = Buffer.alloc(0);

/** The bytes of an archive with what `fill` adds. Rejects with what that rejects with. */
export async function* writeArchive(fill: (add: Add) => Promise<void>): AsyncGenerator<Uint8Array> {
  const writing = new Writing();
  const filled = fill((header, content) => writing.add(header, content)).then(
    () => writing.archive.finalize(),
    (error) => writing.archive.destroy(error),
  );
  try {
    yield* chunksOf(writing.archive);
  } finally {
    writing.archive.destroy();
    await filled;
  }
}

type Done = (error?: Error | null) => void;

class Writing {
  readonly archive: Pack = pack();
  #isGone = false;

  constructor() {
    this.archive.once('close', () => {
      this.#isGone = true;
    });
    // Who reads hears of it; nobody may be reading any more.
    this.archive.on('error', () => undefined);
  }

  async add(header: Header, content: AsyncIterable<Uint8Array> | undefined): Promise<void> {
    const { archive } = this;
    if (!content || !header.size) {
      return this.#step((done) => archive.entry(header, nothing, done));
    }
    const pax = header.size > PLAIN_SIZE_MAX ? { pax: { size: String(header.size) } } : {};
    let end: Done = () => undefined;
    let entry: Writable | undefined;
    for await (const chunk of content) {
      entry ??= this.#isGone
        ? undefined
        : archive.entry({ ...header, ...pax }, (error) => end(error));
      await this.#step((done) => entry?.write(chunk, done));
    }
    await this.#step((done) => {
      end = done;
      entry?.end();
    });
  }

  /** Rejects when nobody takes the archive any more. */
  #step(begin: (done: Done) => unknown): Promise<void> {
    return new Promise((resolve, reject) => {
      const gone = (): void => reject(new StreamCut());
      if (this.#isGone) return gone();
      this.archive.once('close', gone);
      begin((error) => {
        this.archive.off('close', gone);
        if (error) reject(error);
        else resolve();
      });
    });
  }
}
