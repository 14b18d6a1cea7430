/** What instances printed, as it was printed; with a name before it where several speak. */
import type { LogLineShape } from '../shapes.ts';
import { type Paint, plainly } from './paint.ts';

/** Who printed a line: an instance, or a sidecar of it. */
export function speakerOf({ instance, sidecar }: LogLineShape): string {
  return sidecar === undefined ? instance : `${instance}/${sidecar}`;
}

/** The line, with whoever printed it in front when asked. */
export function logLine(line: LogLineShape, isNamed: boolean, paint: Paint = plainly): string {
  return isNamed ? `${paint('faint', `${speakerOf(line)} |`)} ${line.text}` : line.text;
}

/** Lets each line through once: a connection made anew begins with lines that were seen. */
export class SeenLines {
  /** By speaker and output: each output's lines are counted from 1 at each epoch. */
  readonly #last = new Map<string, { readonly epoch: number; readonly line: number }>();
  readonly #speakers = new Set<string>();
  #at: string | undefined;

  /** Whether the line is new; it counts as seen from now on. */
  isNew(of: LogLineShape): boolean {
    const { stream, epoch, line, at } = of;
    const key = `${speakerOf(of)} ${stream}`;
    const last = this.#last.get(key);
    if (last && (epoch < last.epoch || (epoch === last.epoch && line <= last.line))) return false;
    this.#last.set(key, { epoch, line });
    this.#speakers.add(speakerOf(of));
    if (this.#at === undefined || at > this.#at) this.#at = at;
    return true;
  }

  /** How many instances and sidecars have spoken. */
  get speakers(): number {
    return this.#speakers.size;
  }

  /** When the newest line seen was printed. */
  get newestAt(): string | undefined {
    return this.#at;
  }
}
