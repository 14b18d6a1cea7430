/**
 * Acquiring a demo: a take of the caller's quota, then a claim. Where the failure is the fabric's, the
 * take is refunded; where nobody waits for the answer any more, the claim is released.
 */
import {
  claimAcquire,
  claimRelease,
  quotaRefund,
  quotaTake,
  type Slot,
} from '../../../subjects/index.ts';
import type { Inside } from '../../inside.ts';
import type { FailureCode } from './answers.ts';
import { callerKey } from './caller.ts';
import { claimantOf, type Demo, type Demos, newDemoId } from './demos.ts';
import type { AcquireResult } from './metrics.ts';
import type { TryItNowSettings } from './settings.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

export type Acquired =
  | { readonly ok: true; readonly id: string; readonly host: string; readonly until: number }
  | { readonly ok: false; readonly code: FailureCode };

/** How an acquisition is counted. */
export function resultOf(acquired: Acquired): AcquireResult {
  if (acquired.ok) return 'success';
  return results[acquired.code] ?? 'error';
}

const results: Partial<Record<FailureCode, AcquireResult>> = {
  RATE_LIMITED: 'rate_limited',
  POOL_EXHAUSTED: 'pool_exhausted',
  ROUTE_FAILED: 'route_failed',
};

/** Acquires for an address. Never throws: what fails is a code. */
export class Acquiring {
  readonly #inside: Pick<Inside, 'inquire' | 'log'>;
  readonly #demos: Demos;
  readonly #settings: TryItNowSettings;

  constructor(inside: Pick<Inside, 'inquire' | 'log'>, demos: Demos, settings: TryItNowSettings) {
    this.#inside = inside;
    this.#demos = demos;
    this.#settings = settings;
  }

  /** `isLeft`: whether nobody waits for the answer any more. */
  async acquire(caller: string, isLeft: () => boolean): Promise<Acquired> {
    const { inquire } = this.#inside;
    const { tenant, pool, hourly, daily } = this.#settings;
    const quota = { tenant, quota: pool };
    const windows = [
      { windowMs: HOUR_MS, limit: hourly },
      { windowMs: DAY_MS, limit: daily },
    ];
    const who = { caller: callerKey(caller) };
    const { answer: taken } = await inquire(quotaTake, quota, { ...who, windows });
    if (!taken.ok) {
      const isOver = taken.refusal.code === 'quota-exceeded';
      return { ok: false, code: isOver ? 'RATE_LIMITED' : 'RATE_LIMIT_ERROR' };
    }
    const claimed = await this.#claim(caller, isLeft);
    if (!claimed.ok) {
      const refund = { ...who, take: taken.value.take };
      const { answer } = await inquire(quotaRefund, quota, refund);
      if (!answer.ok) this.#warn('a take could not be refunded', answer.refusal.detail);
    }
    return claimed;
  }

  async #claim(caller: string, isLeft: () => boolean): Promise<Acquired> {
    const { tenant, pool } = this.#settings;
    const id = newDemoId();
    const by = claimantOf(id, caller);
    const { answer } = await this.#inside.inquire(claimAcquire, { tenant, pool }, { by });
    if (!answer.ok) {
      const isEmpty = answer.refusal.code === 'pool-empty';
      return { ok: false, code: isEmpty ? 'POOL_EXHAUSTED' : 'ACQUIRE_ERROR' };
    }
    const { claim: slot, until } = answer.value;
    const host = this.#demos.hostOf({ tenant, slot });
    if (host === undefined) await this.#giveBack(slot);
    else if (isLeft()) await this.#giveBack(slot);
    return host === undefined ? { ok: false, code: 'ROUTE_FAILED' } : { ok: true, id, host, until };
  }

  async #giveBack(slot: string): Promise<void> {
    const { tenant, pool } = this.#settings;
    const { answer } = await this.#inside.inquire(claimRelease, { tenant, pool }, { claim: slot });
    if (!answer.ok) this.#warn('a claim that nobody has ends with its time', answer.refusal.detail);
  }

  #warn(message: string, reason: string): void {
    this.#inside.log.warn(message, { reason });
  }
}

/** Ends a demo. What is answered when nothing of it is left, or after a while. */
export async function release(
  { inquire, known }: Pick<Inside, 'inquire' | 'known'>,
  { slot }: Demo,
): Promise<FailureCode | undefined> {
  const tokens = { tenant: slot.tenant, pool: slot.pool };
  const { answer } = await inquire(claimRelease, tokens, { claim: slot.slot });
  if (!answer.ok) {
    return answer.refusal.code === 'claim-not-found' ? 'NOT_FOUND' : 'RELEASE_ERROR';
  }
  if (answer.value.wasOver) return 'NOT_FOUND';
  await gone(known, slot);
  return undefined;
}

/** How long a release waits for what it ends, in milliseconds: longer than a container's grace. */
const GONE_MS = 30_000;
const LOOK_MS = 50;

/** Resolves when nothing is left of a slot. */
async function gone(known: Inside['known'], slot: Slot): Promise<void> {
  const tokens = { tenant: slot.tenant, pool: slot.pool, slot: slot.slot };
  const until = Date.now() + GONE_MS;
  while (known.slots.get(tokens) !== undefined && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
