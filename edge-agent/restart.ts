/** Makes sure that what ends unasked is restarted as its policy says, later and later, and not for ever. */
import { spanMs } from '../subjects/index.ts';
import { sidecarIn } from './parts.ts';
import type { Local } from './state.ts';

/** When a part is restarted, and how often. Undefined: never, here. */
export type Restarts =
  | {
      readonly policy: 'always' | 'on-failure' | 'never';
      readonly attempts: number;
      readonly window: string;
    }
  | undefined;

/** What to do about an end. */
export type AfterEnd =
  | { readonly kind: 'restart'; readonly delayMs: number }
  | { readonly kind: 'over'; readonly state: 'succeeded' | 'failed'; readonly message: string };

/** The pause before the first restart; it doubles with each. */
const DELAY_MS = 100;
/** Longest pause before a restart. */
const DELAY_MAX_MS = 30_000;

/** The policy of a part; `program`: of its instance. */
export function restartsOf({ spec, sidecar }: Local, program: Local | undefined): Restarts {
  if (sidecar === undefined) {
    // A job's repeats are counted over all nodes, by the workload actor.
    return spec?.kind === 'service' ? spec.spec.restart : undefined;
  }
  const own = spec && sidecarIn(spec, sidecar);
  if (!own) return undefined;
  // It does not count for what comes of a job, once that runs.
  const isEndless = spec?.kind === 'job' && (program?.run ?? 0) > 0;
  const { attempts, window } = own.restart;
  return { policy: 'always', attempts: isEndless ? Number.POSITIVE_INFINITY : attempts, window };
}

/** How it ended, in one sentence for a person. */
export function whyOf(end: {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly message: string | undefined;
}): string {
  if (end.message !== undefined) return end.message;
  if (end.signal !== undefined) return `ended by ${end.signal}`;
  return end.exitCode === undefined ? 'ended' : `exited with ${end.exitCode}`;
}

/** Decides by the policy, how it ended, and when it was restarted before. */
export function afterEnd(
  restarts: Restarts,
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
  if (!restarts) return over(end.why);
  const { policy, attempts, window } = restarts;
  if (policy === 'never' || (policy === 'on-failure' && isFine)) return over(end.why);
  const recent = recentRestarts(restarts, restartedAt, now);
  if (recent.length >= attempts) {
    const tried = attempts === 0 ? 'no restarts' : `${recent.length} restarts within ${window}`;
    return { kind: 'over', state: 'failed', message: `${end.why}; ${tried}` };
  }
  return { kind: 'restart', delayMs: Math.min(DELAY_MAX_MS, DELAY_MS * 2 ** recent.length) };
}

/** Those of some moments that lie within the policy's window. */
export function recentRestarts(
  restarts: Restarts,
  restartedAt: readonly number[],
  now: number,
): number[] {
  if (!restarts) return [];
  const since = now - spanMs(restarts.window);
  // What lies ahead is of a clock that was set back since.
  return restartedAt.filter((at) => at > since && at <= now);
}
