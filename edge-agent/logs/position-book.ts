/** How far an instance's output has been sent, kept on disk beside it. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Output } from '../../subjects/index.ts';

/** Whose output it is, and in which folder. */
export interface Printing {
  readonly name: string;
  readonly tenant: string;
  readonly workload: string;
  readonly instance: string;
  /** Which of its sidecars; absent: its program. */
  readonly sidecar?: string | undefined;
  /** Epoch it was started at. */
  readonly epoch: number;
  readonly folder: string;
}

export interface Position {
  offset: number;
  /** Lines sent so far. */
  lines: number;
}

const position = z.object({ offset: z.number().int().min(0), lines: z.number().int().min(0) });
const keptSchema = z.object({
  epoch: z.number().int().min(1),
  positions: z.object({ stdout: position, stderr: position }),
});

/** One book per instance, for both its outputs. */
export class PositionBook {
  readonly #file: string;
  readonly epoch: number;
  readonly positions: Readonly<Record<Output, Position>>;
  #saving: Promise<void> = Promise.resolve();
  #isDue = false;

  private constructor(file: string, epoch: number, positions: Record<Output, Position>) {
    this.#file = file;
    this.epoch = epoch;
    this.positions = positions;
  }

  static async open(of: Printing): Promise<PositionBook> {
    const file = join(of.folder, 'read.json');
    const start = (): Position => ({ offset: 0, lines: 0 });
    // What is not there or damaged is begun anew: lines that were sent keep their numbers.
    const kept = await readFile(file, 'utf8')
      .then((text) => keptSchema.parse(JSON.parse(text)))
      .catch(() => undefined);
    // A folder's output keeps the epoch it began at: its numbers must not start anew.
    const positions = kept?.positions ?? { stdout: start(), stderr: start() };
    return new PositionBook(file, kept?.epoch ?? of.epoch, positions);
  }

  /** Saves soon; several calls at once are one write. */
  save(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#saving = this.#saving.then(async () => {
      this.#isDue = false;
      const text = JSON.stringify({ epoch: this.epoch, positions: this.positions });
      await writeFile(`${this.#file}.new`, text);
      await rename(`${this.#file}.new`, this.#file);
    });
    // The folder may be gone already: then nobody needs the position.
    this.#saving = this.#saving.catch(() => undefined);
  }

  saved(): Promise<void> {
    return this.#saving;
  }
}
