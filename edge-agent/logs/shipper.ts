/**
 * Makes sure that what instances print reaches LOGS, each line under its number, through crashes
 * of the agent and absences of the bus. The files are the buffer: a line leaves it when its frame
 * is stored; what was sent and not noted is sent again under the same numbers.
 */
import type { Log } from '../../actors/runtime/log.ts';
import type { Bus } from '../../actors/runtime/ports.ts';
import { outputs } from '../../subjects/index.ts';
import { HeldOutput } from './held-output.ts';
import { OutputReader } from './output-reader.ts';
import { PositionBook, type Printing } from './position-book.ts';

/** How long the last lines of an instance that ended are waited for, in milliseconds. */
const FINISH_MS = 5_000;

export class LogShipper {
  /** Whoever else reads what instances print, where it is written. */
  readonly held = new HeldOutput();
  readonly #node: string;
  readonly #bus: Pick<Bus, 'append'>;
  readonly #log: Log;
  readonly #followed = new Map<string, OutputReader[]>();

  constructor(node: string, bus: Pick<Bus, 'append'>, log: Log) {
    this.#node = node;
    this.#bus = bus;
    this.#log = log;
  }

  /** Ships what an instance prints from where it was left. Safe to call twice. */
  async follow(of: Printing): Promise<void> {
    if (this.#followed.has(of.name)) return;
    const opening: OutputReader[] = [];
    this.#followed.set(of.name, opening);
    const book = await PositionBook.open(of);
    // Let go of meanwhile.
    if (this.#followed.get(of.name) !== opening) return;
    const readers = outputs.map(
      (output) =>
        new OutputReader(
          { of, output, node: this.#node, held: this.held },
          book,
          this.#bus,
          this.#log,
        ),
    );
    this.#followed.set(of.name, readers);
    for (const reader of readers) reader.start();
  }

  /** Ships the rest of an instance's output, for a while at most, and lets go of it. */
  async finish(name: string): Promise<void> {
    const readers = this.#followed.get(name) ?? [];
    this.#followed.delete(name);
    await Promise.all(readers.map((reader) => reader.finish(FINISH_MS)));
  }

  /** Lets go of everything as it is. */
  async close(): Promise<void> {
    const readers = [...this.#followed.values()].flat();
    this.#followed.clear();
    await Promise.all(readers.map((reader) => reader.close()));
  }
}
