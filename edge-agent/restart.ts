/** Makes sure that what ends unasked is restarted as its policy says, later and later, and not for ever. */
import { type AssignedSpec, spanMs } from '../subjects/index.ts';

/** What to do about an end. */
export type AfterEnd =
  | { readonly kind: 'restart'; readonly delayMs: number }
  | { readonly kind: 'over'; readonly state: 'succeeded' | 'failed'; readonly message: string };

/** The pause before the first restart; it doubles with each. */
const DELAY_MS = 100;
/** Longest pause before a restart. */
const DELAY_MAX_MS = 30_000;

/** Decides by the spec, how it ended, and when it was restarted before. */
export function afterEnd(
  spec: AssignedSpec,
  end: { readonly exitCode: number | undefined; readonly why: string },
  restartedAt: readonly number[],
  now: number,
): AfterEnd {
  const isFine = end.exitCode === 0;
  const over = (message: string): AfterEnd => ({
    kind: 'over',
    state: isFine ? 'succeeded' : 'failed',
    message,
  });
  // A job's repeats are counted over all nodes, by the workload actor.
  if (spec.kind === 'job') return over(end.why);
  const { policy, attempts, window } = spec.spec.restart;
  if (policy === 'never' || (policy === 'on-failure' && isFine)) return over(end.why);
  const recent = recentRestarts(spec, restartedAt, now);
  if (recent.length >= attempts) {
    const tried = attempts === 0 ? 'no restarts' : `${recent.length} restarts within ${window}`;
    return { kind: 'over', state: 'failed', message: `${end.why}; ${tried}` };
  }
  return { kind: 'restart', delayMs: Math.min(DELAY_MAX_MS, DELAY_MS * 2 ** recent.length) };
}

/** Those of some moments that lie within the policy's window. */
export function recentRestarts(
  spec: AssignedSpec,
  restartedAt: readonly number[],
  now: number,
): number[] {
  if (spec.kind === 'job') return [];
  const since = now - spanMs(spec.spec.restart.window);
  // What lies ahead is of a clock that was set back since.
  return restartedAt.filter((at) => at > since && at <= now);
}
