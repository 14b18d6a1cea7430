/**
 * The file of a backup: a line that says what it is, then frames, in the end the digest of all
 * before it. A file that was cut short or changed anywhere is recognised before it is used.
 *
 * A frame is a letter, the length of its body in four bytes, and the body: `H` begins a stream
 * (its head, JSON), `C` is a chunk of it, `L` a message that came later (JSON), `M` ends the file
 * with its manifest (JSON).
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { z } from 'zod';
import { type Later, laterSchema } from '../../actors/runtime/nats/later.ts';

/** Version 1 knew no messages that came later; it is read, too. */
const MAGIC = 'shoal backup 2\n';
const EARLIER_MAGIC = 'shoal backup 1\n';
const DIGEST_BYTES = 32;
const FRAME_HEAD_BYTES = 5;
/** Largest frame that is read, in bytes: far above a chunk. */
const FRAME_BYTES_MAX = 16 * 2 ** 20;

const streamEntry = z.object({
  name: z.string(),
  messages: z.number().int(),
  firstSequence: z.number().int(),
  lastSequence: z.number().int(),
  /** Bytes of its snapshot. */
  bytes: z.number().int(),
});
const manifestSchema = z.object({
  /** Version of Shoal that wrote it. */
  version: z.string(),
  at: z.iso.datetime(),
  /** Ids of the nodes there were. */
  nodes: z.array(z.string()),
  streams: z.array(streamEntry),
});
export type BackupManifest = z.infer<typeof manifestSchema>;

export type Frame =
  | { readonly kind: 'head'; readonly value: unknown }
  | { readonly kind: 'chunk'; readonly bytes: Uint8Array }
  | { readonly kind: 'later'; readonly value: Later }
  | { readonly kind: 'manifest'; readonly value: BackupManifest };

/** Why a file is no backup that could be used. */
export class BackupFileError extends Error {
  override readonly name = 'BackupFileError';
}

/** Writes a backup, front to back. */
export class BackupWriter {
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Into a file that is not there yet, readable by its owner only. */
  static async create(path: string): Promise<BackupWriter> {
    const writer = new BackupWriter(await open(path, 'wx', 0o600));
    await writer.#write(Buffer.from(MAGIC));
    return writer;
  }

  head(value: unknown): Promise<void> {
    return this.#frame('H', Buffer.from(JSON.stringify(value)));
  }

  chunk(bytes: Uint8Array): Promise<void> {
    return this.#frame('C', bytes);
  }

  later(message: Later): Promise<void> {
    return this.#frame('L', Buffer.from(JSON.stringify(message)));
  }

  /** Ends the file; it is then on the disk. */
  async finish(manifest: BackupManifest): Promise<void> {
    await this.#frame('M', Buffer.from(JSON.stringify(manifest)));
    await this.#file.write(this.#hash.digest());
    await this.#file.sync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #frame(letter: string, body: Uint8Array): Promise<void> {
    const head = Buffer.alloc(FRAME_HEAD_BYTES);
    head.write(letter, 0, 'latin1');
    head.writeUInt32BE(body.length, 1);
    await this.#write(head);
    await this.#write(body);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    await this.#file.write(bytes);
  }
}

/**
 * Reads a backup's frames. What is wrong with the file shows at its end at the latest, so a caller
 * that acts on frames reads it once before (`verifyBackup`). Throws BackupFileError.
 */
export async function* framesOf(path: string): AsyncGenerator<Frame> {
  const file = await open(path, 'r').catch((error) => {
    throw new BackupFileError(`cannot be read (${(error as Error).message})`);
  });
  try {
    const { size } = await file.stat();
    const hash = createHash('sha256');
    let at = 0;
    const read = async (bytes: number): Promise<Buffer> => {
      if (at + bytes > size) throw new BackupFileError('is cut short');
      const buffer = Buffer.alloc(bytes);
      await file.read(buffer, 0, bytes, at);
      at += bytes;
      return buffer;
    };
    const hashed = async (bytes: number): Promise<Buffer> => {
      const buffer = await read(bytes);
      hash.update(buffer);
      return buffer;
    };
    const magic = size < MAGIC.length ? '' : (await hashed(MAGIC.length)).toString();
    if (magic !== MAGIC && magic !== EARLIER_MAGIC) {
      throw new BackupFileError('is no backup of Shoal, or of a later version');
    }
    for (;;) {
      const head = await hashed(FRAME_HEAD_BYTES);
      const [letter, bytes] = [head.toString('latin1', 0, 1), head.readUInt32BE(1)];
      if (!'HCLM'.includes(letter) || bytes > FRAME_BYTES_MAX) {
        throw new BackupFileError('is damaged');
      }
      const body = await hashed(bytes);
      if (letter === 'C') yield { kind: 'chunk', bytes: body };
      else if (letter === 'H') yield { kind: 'head', value: json(body) };
      else if (letter === 'L') yield { kind: 'later', value: laterOf(body) };
      else {
        if (!(await read(DIGEST_BYTES)).equals(hash.digest()) || at !== size) {
          throw new BackupFileError('is damaged: its digest is another one');
        }
        const parsed = manifestSchema.safeParse(json(body));
        if (!parsed.success) throw new BackupFileError('is damaged: its manifest is none');
        yield { kind: 'manifest', value: parsed.data };
        return;
      }
    }
  } finally {
    await file.close();
  }
}

/** Reads a backup to its end. Throws BackupFileError unless it is whole and unchanged. */
export async function verifyBackup(path: string): Promise<BackupManifest> {
  for await (const frame of framesOf(path)) if (frame.kind === 'manifest') return frame.value;
  throw new BackupFileError('is cut short');
}

function laterOf(body: Buffer): Later {
  const parsed = laterSchema.safeParse(json(body));
  if (!parsed.success) throw new BackupFileError('is damaged');
  return parsed.data;
}

function json(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new BackupFileError('is damaged');
  }
}
