/**
 * Makes sure that what a container prints reaches the instance's files, each byte once, through
 * crashes of the agent and of the engine: the engine keeps the output, the files say how much of it
 * is here.
 *
 * I1  A mark says: what was printed from this time on begins at this length of the file. A mark is
 *     noted now and then; any older one is as true, there is only more to read past.
 * I2  Whoever goes on reads from the mark and leaves out as many bytes as the file is longer.
 * I3  A run's first mark, the beginning, is noted before its container is made.
 */
import { type FileHandle, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Output, outputs } from '../../../subjects/index.ts';
import type { RunFolder } from '../run-folder.ts';
import type { Engine } from './engine.ts';
import { Frames, sinceOf } from './frames.ts';

/** How often marks are noted, in milliseconds. */
const NOTE_MS = 1_000;
/** Pause before an output is asked for again that could not be read, in milliseconds. */
const AGAIN_MS = 500;
/**
 * How long the last output of a container that ended is waited for while the engine says nothing, in
 * milliseconds: as long as it may take for what it writes to its disk for (engine.ts).
 */
const SILENT_MS = 15_000;
/**
 * Longest wait for the last output of a container that ended, in milliseconds: at most 64 MB are there
 * (container.ts), about a minute at a megabyte a second. What comes later is lost.
 */
const FINISH_MS_MAX = 60_000;
/**
 * The same where its agent ends all it runs, and whoever told it to waits: half of the ten seconds that
 * container engines and supervisors usually give (systemd: ninety).
 */
const HASTY_MS_MAX = 5_000;

const mark = z.object({ since: z.string(), offset: z.number().int().min(0) });
const notedSchema = z.object({ run: z.number().int(), stdout: mark, stderr: mark });
type Noted = z.infer<typeof notedSchema>;
type Mark = z.infer<typeof mark>;

const START = '0';

/** Notes that a run's output begins where the files end now. */
export async function beginOutput(folder: RunFolder, run: number): Promise<void> {
  const marks: Partial<Record<Output, Mark>> = {};
  for (const output of outputs) {
    const file = await open(folder.output(output), 'a');
    marks[output] = { since: START, offset: (await file.stat()).size };
    await file.close();
  }
  await note(folder, { run, ...(marks as Record<Output, Mark>) });
}

/** Copies one run's output from now on, from where it was left. */
export class OutputCopy {
  readonly #folder: RunFolder;
  readonly #run: number;
  readonly #engine: Engine;
  readonly #container: string;
  readonly #closing = new AbortController();
  readonly #late: NodeJS.Timeout[] = [];
  #isHasty = false;
  #marks: Noted | undefined;
  readonly #waiting = new Set<() => void>();
  #isLast = false;
  #noting: NodeJS.Timeout | undefined;
  #noted: Promise<void> = Promise.resolve();
  #done: Promise<unknown> = Promise.resolve();
  /** Called with whatever the engine says. */
  #heard: () => void = () => undefined;

  constructor(folder: RunFolder, run: number, engine: Engine, container: string) {
    this.#folder = folder;
    this.#run = run;
    this.#engine = engine;
    this.#container = container;
  }

  start(): void {
    // The folder may be gone under it: then nobody wants what is in it.
    this.#done = this.#copy().catch(() => undefined);
  }

  /** Copies the rest of what a container printed that has ended: while the engine answers, for a minute at most. */
  async finish(): Promise<void> {
    this.#isLast = true;
    this.#wake();
    const silent = setTimeout(() => this.#closing.abort(), SILENT_MS);
    this.#end(this.#isHasty ? HASTY_MS_MAX : FINISH_MS_MAX);
    this.#heard = () => void silent.refresh();
    await this.#done;
    this.#heard = () => undefined;
    clearTimeout(silent);
    for (const each of this.#late) clearTimeout(each);
    await this.close();
  }

  /** What is left once its container has ended is copied for seconds at most: its agent ends everything. */
  hasten(): void {
    if (this.#isHasty) return;
    this.#isHasty = true;
    if (this.#isLast) this.#end(HASTY_MS_MAX);
  }

  #end(afterMs: number): void {
    this.#late.push(setTimeout(() => this.#closing.abort(), afterMs));
  }

  /** Lets go of it as it is. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake();
    await this.#done;
    clearTimeout(this.#noting);
    this.#noting = undefined;
  }

  async #copy(): Promise<void> {
    const noted = await readFile(join(this.#folder.path, 'copied.json'), 'utf8')
      .then((text) => notedSchema.parse(JSON.parse(text)))
      .catch(() => undefined);
    // Marks of another run tell nothing of this one: nobody can say what of it is in the files.
    if (noted?.run !== this.#run) return;
    this.#marks = noted;
    await Promise.all(outputs.map((output) => this.#copyOne(output, noted[output])));
    await this.#note();
  }

  async #copyOne(output: Output, from: Mark): Promise<void> {
    const { signal } = this.#closing;
    const file = await open(this.#folder.output(output), 'a');
    try {
      for (;;) {
        // What ended before it is asked for is read to its end, whatever became of earlier asks.
        const isRest = this.#isLast;
        const isRead = await this.#pass(output, from, file, !isRest).catch(isGone);
        if (signal.aborted || (isRest && isRead)) return;
        if (!isRead || !this.#isLast) await this.#pause();
      }
    } finally {
      await file.close();
    }
  }

  /** One answer of the engine, from the mark on; the mark moves along. True: read to its end. */
  async #pass(output: Output, from: Mark, file: FileHandle, isFollowed: boolean): Promise<boolean> {
    const { signal } = this.#closing;
    const { size } = await file.stat();
    let offset = from.offset;
    let time = '';
    const frames = new Frames();
    const wanted = { output, since: from.since, isFollowed };
    const stream = await this.#engine.logs(this.#container, wanted, signal);
    this.#heard();
    for await (const chunk of stream) {
      this.#heard();
      const fresh: Uint8Array[] = [];
      const next: Mark = { ...from };
      for (const piece of frames.read(chunk)) {
        if (piece.time !== time) {
          time = piece.time;
          next.since = sinceOf(time);
          next.offset = offset;
        }
        const known = Math.min(piece.bytes.length, Math.max(0, size - offset));
        if (known < piece.bytes.length) fresh.push(piece.bytes.subarray(known));
        offset += piece.bytes.length;
      }
      if (fresh.length > 0) await file.appendFile(Buffer.concat(fresh));
      // Only now: a mark never lies beyond the end of the file.
      Object.assign(from, next);
      this.#noteSoon();
    }
    return !signal.aborted;
  }

  #noteSoon(): void {
    this.#noting ??= setTimeout(() => {
      this.#noting = undefined;
      void this.#note();
    }, NOTE_MS);
  }

  /** One after another. The folder may be gone already: then nobody needs the marks. */
  #note(): Promise<void> {
    const marks = this.#marks;
    if (marks) {
      this.#noted = this.#noted.then(() => note(this.#folder, marks)).catch(() => undefined);
    }
    return this.#noted;
  }

  #wake(): void {
    for (const each of [...this.#waiting]) each();
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(go);
        resolve();
      };
      const timer = setTimeout(go, AGAIN_MS);
      this.#waiting.add(go);
    });
  }
}

/** Whether an error says that there is no container any more, and so nothing more to read. */
function isGone(error: unknown): boolean {
  return (error as { readonly statusCode?: number }).statusCode === 404;
}

/** Replaces what is noted as a whole. */
async function note(folder: RunFolder, marks: Noted): Promise<void> {
  const file = join(folder.path, 'copied.json');
  const fresh = `${file}.new`;
  await writeFile(fresh, JSON.stringify(marks));
  await rename(fresh, file);
}
