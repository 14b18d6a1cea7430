/**
 * Makes sure that there is one reading of how the store is: from what its servers say of
 * themselves, and from how long its answers took lately. Pure: times and answers are given.
 */
import { formatBytes, type Refusal, refusal } from '../../subjects/index.ts';

/** What one server says of itself. */
export interface ServerHealth {
  readonly server: string;
  /** What is wrong with it, in its own words; undefined: it is well. */
  readonly error: string | undefined;
  /** What its streams hold and may hold, in bytes; undefined: it did not say. */
  readonly bytes: number | undefined;
  readonly bytesMax: number | undefined;
}

/** How long one answer of the store took, in milliseconds; `at` by a clock that never goes back. */
export interface Answered {
  readonly at: number;
  readonly tookMs: number;
}

export type StoreState =
  | { readonly kind: 'well' }
  | {
      readonly kind: 'slow';
      /** Seconds of the last ten in which an answer took long. */
      readonly seconds: number;
      readonly slowestMs: number;
    }
  /** `full`: no space left on the disk; `limit`: as much as the server may hold. */
  | { readonly kind: 'full' | 'read-only' | 'limit' | 'failed'; readonly detail: string }
  /** No server says how it is. */
  | { readonly kind: 'silent' };

/** What counts as lately, in milliseconds. */
export const WINDOW_MS = 10_000;
/** What is long for an answer: a write takes 0.2 to 1 ms on a sound disk (make bench). */
const LONG_MS = 250;
/**
 * Seconds of the window with a long answer from which the store is slow. Seconds, not answers: who
 * waits asks less, so the long ones are few.
 */
const SLOW_SECONDS_MIN = 5;
/** Such seconds up to which it is slow no longer: so few that the word does not come and go. */
const SOUND_SECONDS_MAX = 1;
/** Share of what a server may hold from which it refuses writes of some size. */
const LIMIT_SHARE = 0.99;

/** How the store is now; `before` is what was said last. Undefined servers: none answered. */
export function storeState(
  facts: {
    readonly servers: readonly ServerHealth[] | undefined;
    readonly answers: readonly Answered[];
    readonly now: number;
  },
  before: StoreState,
): StoreState {
  const { servers, answers, now } = facts;
  if (!servers || servers.length === 0) return { kind: 'silent' };
  // With copies on three servers, two that are well are enough.
  const ailing = servers.map(ailment).filter((each) => each !== undefined);
  const [worst] = ailing;
  if (worst && ailing.length * 2 > servers.length) return worst;
  return speed(
    answers.filter((each) => now - each.at <= WINDOW_MS),
    before,
  );
}

function ailment(of: ServerHealth): StoreState | undefined {
  const { server, error, bytes, bytesMax } = of;
  if (error !== undefined) {
    const kind = /no space left/i.test(error)
      ? 'full'
      : /read-only file system/i.test(error)
        ? 'read-only'
        : 'failed';
    return { kind, detail: `${server}: ${error}` };
  }
  if (bytes === undefined || !bytesMax || bytes < bytesMax * LIMIT_SHARE) return undefined;
  const [held, most] = [bytes, bytesMax].map(formatBytes);
  return { kind: 'limit', detail: `${server}: ${held} of max_file_store ${most}` };
}

function speed(answers: readonly Answered[], before: StoreState): StoreState {
  const long = answers.filter((each) => each.tookMs >= LONG_MS);
  const seconds = new Set(long.map((each) => Math.floor(each.at / 1_000))).size;
  const isSlow = seconds >= SLOW_SECONDS_MIN;
  const wasSlow = before.kind === 'slow' && seconds > SOUND_SECONDS_MAX;
  if (!isSlow && !wasSlow) return { kind: 'well' };
  const slowestMs = Math.round(Math.max(...long.map((each) => each.tookMs)));
  return { kind: 'slow', seconds, slowestMs };
}

/** What whoever wants to change something is told while the store takes no writes. */
export function refusalOf(state: StoreState): Refusal | undefined {
  switch (state.kind) {
    case 'well':
    case 'slow':
    case 'silent':
      return undefined;
    case 'full':
      return refusal('store-full', state.detail);
    case 'read-only':
      return refusal('store-read-only', state.detail);
    case 'limit':
      return refusal('store-limit-reached', state.detail);
    case 'failed':
      return refusal('store-unavailable', state.detail);
  }
}

/** One sentence about a state, for logs and `/health`. */
export function sentenceAbout(state: StoreState): string {
  switch (state.kind) {
    case 'well':
      return 'the store takes writes';
    case 'slow':
      return `the store answers slowly: in ${state.seconds} of the last 10 seconds an answer took ${LONG_MS} ms or more, the slowest ${state.slowestMs} ms`;
    case 'full':
      return `the disk of the store is full: make room; reads and what runs go on (${state.detail})`;
    case 'read-only':
      return `the disk of the store is read-only: mount it for writing; reads and what runs go on (${state.detail})`;
    case 'limit':
      return `the store holds as much as it may: raise max_file_store or delete something (${state.detail})`;
    case 'failed':
      return `the store does not take writes: look at nats-server's log (${state.detail})`;
    case 'silent':
      return 'no nats-server says how its store is';
  }
}
