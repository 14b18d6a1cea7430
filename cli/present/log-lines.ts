/** What instances printed, as it was printed; with a name before it where several speak. */
import type { LogLineShape } from '../shapes.ts';

/** The line, with its instance in front when asked. */
export function logLine(line: LogLineShape, isNamed: boolean): string {
  return isNamed ? `${line.instance} | ${line.text}` : line.text;
}

/** Lets each line through once: a connection made anew begins with lines that were seen. */
export class SeenLines {
  /** By instance and output: each output's lines are counted from 1 at each epoch. */
  readonly #last = new Map<string, { readonly epoch: number; readonly line: number }>();
  readonly #speakers = new Set<string>();
  #at: string | undefined;

  /** Whether the line is new; it counts as seen from now on. */
  isNew({ instance, stream, epoch, line, at }: LogLineShape): boolean {
    const key = `${instance} ${stream}`;
    const last = this.#last.get(key);
    if (last && (epoch < last.epoch || (epoch === last.epoch && line <= last.line))) return false;
    this.#last.set(key, { epoch, line });
    this.#speakers.add(instance);
    if (this.#at === undefined || at > this.#at) this.#at = at;
    return true;
  }

  /** How many instances have spoken. */
  get speakers(): number {
    return this.#speakers.size;
  }

  /** When the newest line seen was printed. */
  get newestAt(): string | undefined {
    return this.#at;
  }
}
