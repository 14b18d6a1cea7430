/** What an actor counts of itself: the source of `$SRV.STATS`, `/metrics` and `shoal micro`. */
import { limits } from './limits.ts';

/** Counts for one kind of message. Times are in nanoseconds, as the services protocol wants them. */
export interface RouteCounts {
  handled: number;
  failed: number;
  lastError: string;
  processingNs: number;
}

/** What one actor has done since it started; counts only rise. */
export class Counters {
  readonly routes = new Map<string, RouteCounts>();
  steps = 0;
  /** Steps that ran longer than the budget (R8). */
  overruns = 0;
  /** Writes that were stored. */
  commits = 0;
  /** Writes that met another one. */
  conflicts = 0;
  /** Writes without an answer. */
  unanswered = 0;
  /** Messages that were put aside because a key they touch was held. */
  waits = 0;
  /** Steps that threw. */
  faults = 0;
  /** Messages that no schema accepted. */
  malformed = 0;
  /** Messages dropped because the mailbox was full. */
  dropped = 0;
  /** Messages given up after the most attempts. */
  abandoned = 0;
  /** Messages left out because they made their step throw before. */
  quarantined = 0;
  /** Messages that may be lost, and were: no stream confirmed them. */
  lost = 0;
  /** Dead letters written. */
  dead = 0;

  /** A step ran for this long, in milliseconds. */
  stepped(label: string, tookMs: number): void {
    const counts = this.route(label);
    this.steps++;
    counts.handled++;
    counts.processingNs += Math.round(tookMs * 1e6);
    if (tookMs > limits.stepBudgetMs) this.overruns++;
  }

  route(name: string): RouteCounts {
    let counts = this.routes.get(name);
    if (!counts) {
      counts = { handled: 0, failed: 0, lastError: '', processingNs: 0 };
      this.routes.set(name, counts);
    }
    return counts;
  }
}
