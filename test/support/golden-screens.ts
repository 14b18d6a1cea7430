/** Screens of a terminal, held against what they were when they were last looked at on purpose. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { blankedScreen, legible } from './blanked-screen.ts';

/** With `GOLDEN=write` they are written anew. */
const isWriting = process.env['GOLDEN'] === 'write';

export class GoldenScreens {
  readonly #folder: URL;
  readonly #workloads: readonly string[];
  readonly #compared: string[] = [];

  /** Those in a folder; of instances of these workloads what is otherwise each time is left out. */
  constructor(folder: URL, workloads: readonly string[]) {
    this.#folder = folder;
    this.#workloads = workloads;
  }

  /** Holds a screen against what it was; `places`: paths that are otherwise each time. */
  async expect(name: string, screen: string, places: readonly string[] = []): Promise<void> {
    this.#compared.push(`${name}.txt`);
    let shown = blankedScreen(legible(screen), this.#workloads);
    for (const place of places) shown = shown.replaceAll(place, '/tmp/·');
    const file = new URL(`${name}.txt`, this.#folder);
    if (isWriting) await writeFile(file, shown);
    expect(shown).toBe(await readFile(file, 'utf8'));
  }

  /** What is kept is what was held against something. */
  async expectNothingElse(): Promise<void> {
    expect((await readdir(this.#folder)).sort()).toEqual(this.#compared.toSorted());
  }
}
