/**
 * Makes sure that an image which somebody's credentials brought here is given to nobody whose own
 * would not bring it: an image on a node's disk is no password to its registry.
 *
 * P1  Of what this agent pulled it is known by whose credentials; who is not among them pulls it, too,
 *     which asks the registry and fetches nothing twice.
 * P2  That a pull begins stands in a file before it does: what it brought is given to nobody else
 *     until its end is known, also when this agent dies meanwhile.
 * P3  What was here before, or came otherwise, is the operator's to give: everybody has it.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Engine } from './engine.ts';
import type { PullEnd } from './images.ts';

/**
 * How long it is remembered that a pull began whose end nobody knows, and whose image is not here, in
 * milliseconds: an engine ends a pull that nobody waits for long before.
 */
const BEGUN_MS = 3_600_000;

const beginning = z.object({
  name: z.string(),
  /** What the name led to before, where that was everybody's. */
  before: z.string().optional(),
  at: z.number(),
});
type Beginning = z.infer<typeof beginning>;

const keptSchema = z.object({
  /** By whose credentials each image was brought, by its id. */
  images: z.record(z.string(), z.array(z.string())),
  begun: z.array(beginning),
});
type Kept = z.infer<typeof keptSchema>;

type Asked = Pick<Engine, 'imageId'>;

export class PulledBy {
  readonly #file: string;
  readonly #engine: Asked;
  readonly #kept: Kept;
  /** Pulls under way. */
  readonly #active = new Set<Beginning>();
  #written: Promise<void> = Promise.resolve();

  private constructor(file: string, engine: Asked, kept: Kept) {
    this.#file = file;
    this.#engine = engine;
    this.#kept = kept;
  }

  static async open(file: string, engine: Asked): Promise<PulledBy> {
    return new PulledBy(file, engine, keptIn(await readFile(file, 'utf8').catch(() => '')));
  }

  /** Whether an image that is here may be given to `who`, which is asked where it matters. */
  async isGiven(id: string, who: () => Promise<string>): Promise<boolean> {
    const by = this.#kept.images[id];
    if (by) return by.includes(await who());
    for (const { name, before } of this.#kept.begun) {
      if (before !== id && (await this.#engine.imageId(name)) === id) return false;
    }
    return true;
  }

  /**
   * A pull by the credentials of `who` begins; `before`: what the name led to. The returned function
   * is called once, when it is over.
   */
  async pulling(
    name: string,
    { who, before }: { readonly who: string; readonly before: string | undefined },
  ): Promise<(end: PullEnd) => Promise<void>> {
    const isFree = before !== undefined && (await this.isGiven(before, async () => ''));
    const begun = { name, ...(isFree ? { before } : {}), at: Date.now() };
    this.#kept.begun.push(begun);
    this.#active.add(begun);
    await this.#write();
    return async (end) => {
      this.#active.delete(begun);
      if (end === 'pulled') await this.#pulled(begun, who);
      if (end !== 'unknown') this.#drop(begun);
      await this.#forget();
      await this.#write();
    };
  }

  async #pulled(begun: Beginning, who: string): Promise<void> {
    const { images } = this.#kept;
    const id = await this.#engine.imageId(begun.name);
    // What was everybody's stays so.
    if (id === undefined || id === begun.before) return;
    images[id] = [...new Set([...(images[id] ?? []), who])];
    // What an earlier pull of this name may have brought is known now.
    const earlier = this.#kept.begun.filter(({ name }) => name === begun.name);
    for (const each of earlier) if (!this.#active.has(each)) this.#drop(each);
  }

  #drop(begun: Beginning): void {
    const at = this.#kept.begun.indexOf(begun);
    if (at >= 0) this.#kept.begun.splice(at, 1);
  }

  /** What is not here any more needs nobody's leave. */
  async #forget(): Promise<void> {
    const { images, begun } = this.#kept;
    for (const id of Object.keys(images)) {
      if ((await this.#engine.imageId(id)) === undefined) delete images[id];
    }
    const now = Date.now();
    const old = begun.filter((each) => !this.#active.has(each) && now - each.at > BEGUN_MS);
    for (const each of old) {
      if ((await this.#engine.imageId(each.name)) === undefined) this.#drop(each);
    }
  }

  /** One after another. Throws where the disk takes it not: nothing is pulled then. */
  #write(): Promise<void> {
    const text = JSON.stringify(this.#kept);
    const written = this.#written
      .then(() => writeFile(`${this.#file}.new`, text))
      .then(() => rename(`${this.#file}.new`, this.#file));
    this.#written = written.catch(() => undefined);
    return written;
  }
}

/** What stands in the file; damaged counts as nothing. */
function keptIn(text: string): Kept {
  try {
    return keptSchema.parse(JSON.parse(text));
  } catch {
    return { images: {}, begun: [] };
  }
}
