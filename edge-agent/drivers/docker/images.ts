/**
 * Makes sure that images this agent pulled do not fill the engine's disk: when it is too full, those
 * go that no container uses, the one used longest ago first (image-choice.ts).
 *
 * I1  Only what this agent pulled goes, by the name it was pulled by: what else somebody calls it stays.
 * I2  What a start waits for or has not made its container of yet is in use, by whatever name, and so
 *     is what any container of the engine is made of. The engine is never told to force it. A start
 *     may still come between a look and a removal: it obtains its image once more (create.ts).
 * I3  Which images those are stands in a file, before they are pulled: nothing of them is forgotten.
 *     A name that nothing could be pulled by is: what somebody else calls so later is not this agent's.
 */
import { readFile, rename, statfs, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Log } from '../../../actors/runtime/log.ts';
import type { Engine } from './engine.ts';
import { type ImageLimits, isTooFull, nextToGo } from './image-choice.ts';

/** How often the disk is looked at, in milliseconds: as often as the kubelet. */
const LOOK_MS = 300_000;

const usedSchema = z.record(z.string(), z.number());

export interface ImagesSettings {
  /** Where it is kept which images were pulled. */
  readonly file: string;
  /** Undefined: none ever goes. */
  readonly limits: ImageLimits | undefined;
  readonly engine: Engine;
  readonly log: Log;
}

/** How a pull ended: `unknown` where nobody said so, and it may yet come to its end. */
export type PullEnd = 'pulled' | 'refused' | 'unknown';

export class Images {
  readonly #of: ImagesSettings;
  readonly #used: Record<string, number>;
  /** Starts under way, by the name of their image. */
  readonly #held = new Map<string, number>();
  /** Pulls under way, by name: how many, and whether all that are over were refused. */
  readonly #pulls = new Map<string, { count: number; isRefused: boolean }>();
  readonly #timer: NodeJS.Timeout;
  #collecting: Promise<void> | undefined;
  #kept: Promise<void> = Promise.resolve();

  private constructor(of: ImagesSettings, used: Record<string, number>) {
    this.#of = of;
    this.#used = used;
    this.#timer = setInterval(() => void this.collect(), LOOK_MS).unref();
  }

  static async open(of: ImagesSettings): Promise<Images> {
    const text = await readFile(of.file, 'utf8').catch(() => '{}');
    return new Images(of, usedIn(text));
  }

  /** An image is in use until the returned function is called. */
  hold(name: string): () => void {
    this.#held.set(name, (this.#held.get(name) ?? 0) + 1);
    return () => {
      const left = (this.#held.get(name) ?? 1) - 1;
      if (left > 0) this.#held.set(name, left);
      else this.#held.delete(name);
      if (this.#used[name] !== undefined) this.#used[name] = Date.now();
    };
  }

  /**
   * It is about to be pulled: from now on it is this agent's to remove. The returned function is
   * called once, when the pull is over.
   */
  async pulling(name: string): Promise<(end: PullEnd) => Promise<void>> {
    const pulls = this.#pulls.get(name) ?? { count: 0, isRefused: true };
    this.#pulls.set(name, pulls);
    pulls.count++;
    this.#used[name] = Date.now();
    await this.#keep();
    return async (end) => {
      pulls.count--;
      if (end !== 'refused') pulls.isRefused = false;
      if (pulls.count > 0) return;
      this.#pulls.delete(name);
      if (!pulls.isRefused) return;
      delete this.#used[name];
      await this.#keep();
    };
  }

  /**
   * Forgets what is gone, looks at the disk, and removes what there is to remove; once at a time.
   * Never rejects.
   */
  collect(): Promise<void> {
    this.#collecting ??= this.#collect()
      .catch((error) => this.#of.log.warn('images cannot be cleared away', { error }))
      .finally(() => {
        this.#collecting = undefined;
      });
    return this.#collecting;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #collect(): Promise<void> {
    const { limits, engine, log } = this.#of;
    const inUse = await this.#inUse();
    for (const name of inUse) this.#used[name] = Date.now();
    await this.#keep();
    if (!limits) return;
    const folder = await engine.dataFolder();
    for (let isCollecting = false; ; isCollecting = true) {
      const percent = await usedPercent(folder);
      if (!isTooFull(percent, limits, isCollecting)) return;
      const isBusy = (name: string): boolean => inUse.has(name) || this.#held.has(name);
      const name = nextToGo(this.#used, isBusy, Date.now());
      if (name === undefined) {
        const what = `the disk of the Docker engine is ${percent} % full, and no image may go`;
        return log.warn(what, { path: folder });
      }
      const isGone = !(await this.#isWanted(name)) && (await engine.removeImage(name));
      // What the engine holds on to is asked for again next time.
      if (!isGone) inUse.add(name);
      else delete this.#used[name];
      if (isGone)
        log.info(`image ${name} is removed: the disk is ${percent} % full`, { path: folder });
      await this.#keep();
    }
  }

  /** Whether a start needs what a name leads to, by this name or another one. */
  async #isWanted(name: string): Promise<boolean> {
    const { engine } = this.#of;
    const id = await engine.imageId(name);
    const held = await Promise.all([...this.#held.keys()].map((each) => engine.imageId(each)));
    return this.#held.has(name) || (id !== undefined && held.includes(id));
  }

  /** Images of this agent that a container is made of; those that are gone are forgotten. */
  async #inUse(): Promise<Set<string>> {
    const { engine } = this.#of;
    const running = await engine.imagesInUse();
    const found = new Set<string>();
    for (const name of Object.keys(this.#used)) {
      if (this.#held.has(name)) continue;
      const id = await engine.imageId(name);
      if (id === undefined) delete this.#used[name];
      else if (running.has(id)) found.add(name);
    }
    return found;
  }

  /** One after another; a disk that takes nothing more costs at most what is known. */
  #keep(): Promise<void> {
    const { file } = this.#of;
    this.#kept = this.#kept
      .then(() => writeFile(`${file}.new`, JSON.stringify(this.#used)))
      .then(() => rename(`${file}.new`, file))
      .catch(() => undefined);
    return this.#kept;
  }
}

/** What stands in the file; damaged counts as nothing: then those images stay. */
function usedIn(text: string): Record<string, number> {
  try {
    return { ...usedSchema.parse(JSON.parse(text)) };
  } catch {
    return {};
  }
}

/** How much of the file system that holds a folder is in use, in whole percents. */
async function usedPercent(folder: string): Promise<number> {
  const { blocks, bavail } = await statfs(folder);
  return blocks === 0 ? 0 : Math.round(100 - (bavail * 100) / blocks);
}
