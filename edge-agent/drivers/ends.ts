/**
 * Makes sure that whoever waits for the end of a run hears of it once, at the moment it is reported:
 * before anything can be started in its place.
 */
import type { InstanceReport } from '../jobs.ts';

/** How a run ended; nothing is known where all of it is undefined. */
export type RunEnd = Pick<
  Extract<InstanceReport, { readonly kind: 'exited' }>,
  'exitCode' | 'signal' | 'message'
>;

type Call = (end: RunEnd) => void;

/** Of what is forgotten, or was followed by another run, nobody knows how it ended. */
const UNKNOWN: RunEnd = { exitCode: undefined, signal: undefined, message: undefined };

/** The runs that have ended, and who waits for those that have not. */
export class Ends {
  /** The last run of each name that has ended. Numbers of runs only rise. */
  readonly #last = new Map<string, RunEnd & { readonly run: number }>();
  readonly #waiting = new Map<string, Set<{ readonly run: number; readonly call: Call }>>();

  /** Notes what a driver reports. */
  note(report: InstanceReport): void {
    if (report.kind !== 'exited') return;
    const { name, run, exitCode, signal, message } = report;
    // A run that was over already is told so once more when it is to be stopped.
    if ((this.#last.get(name)?.run ?? 0) >= run) return;
    const end = { exitCode, signal, message };
    this.#last.set(name, { run, ...end });
    for (const each of [...(this.#waiting.get(name) ?? [])]) {
      if (each.run <= run) this.#tell(name, each, each.run === run ? end : UNKNOWN);
    }
  }

  /** Nothing more is to be known of it: who still waits is told that. */
  forget(name: string): void {
    this.#last.delete(name);
    for (const each of [...(this.#waiting.get(name) ?? [])]) this.#tell(name, each, UNKNOWN);
  }

  /**
   * Calls once when a run has ended, until the returned function is called. Undefined: it is over
   * already, and nobody is called.
   */
  when(name: string, run: number, call: Call): (() => void) | undefined {
    if ((this.#last.get(name)?.run ?? 0) >= run) return undefined;
    const waiting = this.#waiting.get(name) ?? new Set();
    this.#waiting.set(name, waiting);
    const one = { run, call };
    waiting.add(one);
    return () => this.#drop(name, one);
  }

  #tell(name: string, one: { readonly run: number; readonly call: Call }, end: RunEnd): void {
    this.#drop(name, one);
    one.call(end);
  }

  #drop(name: string, one: { readonly run: number; readonly call: Call }): void {
    const waiting = this.#waiting.get(name);
    waiting?.delete(one);
    if (waiting?.size === 0) this.#waiting.delete(name);
  }
}
