/**
 * How many slots of a pool are to be ready at what time, and for how many claims: what a person says
 * of it, and what the clock makes of that.
 */
import { z } from 'zod';
import { dueFirings, firingAfter } from './firing.ts';
import { spanMs, spanQuantity } from './quantity.ts';
import { cronText, timeZone } from './schedule.ts';
import type { SpecFault } from './workload.ts';

/** Most moments of a day or week at which a pool changes its size. */
const CHANGES_MAX = 32;
/** How far back the last change of size is looked for, in milliseconds: a leap year. */
const BACK_MS = 366 * 86_400_000;
/** Shortest and longest window over which claims are counted, in milliseconds. */
const WINDOW_MS = { min: 10_000, max: 86_400_000 };

const size = (max: number) => z.number().int().min(0).max(max);

/** `slotsMax`: most slots a pool may have. */
export function sizesSchema(slotsMax: number) {
  return z.strictObject({
    schedule: z
      .array(
        z.strictObject({
          from: cronText.describe('When it begins: minute hour day month weekday'),
          timeZone: timeZone.optional().describe('Whose clocks `from` means; default UTC'),
          ready: size(slotsMax).describe('How many are to be ready from then on'),
        }),
      )
      .max(CHANGES_MAX)
      .optional()
      .describe('What holds instead of `ready`: of several what began last'),
    demand: z
      .strictObject({
        most: size(slotsMax).describe('How many are to be ready at most'),
        window: spanQuantity
          .refine((span) => spanMs(span) >= WINDOW_MS.min, 'at least 10s')
          .refine((span) => spanMs(span) <= WINDOW_MS.max, 'at most 1d')
          .default('10m')
          .describe('How long a claim counts: less and less, after this long about a third'),
      })
      .optional()
      .describe('More are ready as more are claimed while one warms: at least as many as without'),
  });
}

export type PoolSizes = z.infer<ReturnType<typeof sizesSchema>>;

/** What of a pool's sizes contradicts the rest of its spec. */
export function sizesFaults(
  { schedule = [], demand }: PoolSizes,
  { ready, maximum }: { readonly ready: number; readonly maximum: number },
): readonly SpecFault[] {
  const tooMany = `more than maximum, which is ${maximum}`;
  const faults: SpecFault[] = schedule.flatMap((each, index) =>
    each.ready > maximum ? [{ path: ['schedule', index, 'ready'], message: tooMany }] : [],
  );
  if (!demand) return faults;
  const path = ['demand', 'most'];
  if (demand.most > maximum) faults.push({ path, message: tooMany });
  const least = Math.max(ready, ...schedule.map((each) => each.ready));
  if (demand.most < least)
    faults.push({ path, message: `less than ready, which is up to ${least}` });
  return faults;
}

/** What the clock says of a pool's size at a moment. */
export interface ByClock {
  /** How many are to be ready; undefined: nothing has begun in the last year. */
  readonly ready: number | undefined;
  /** When that is over; undefined: never. */
  readonly until: number | undefined;
}

/** What began last, in milliseconds since 1970 as `now`: of what begins at one moment the last that is listed. */
export function sizeByClock({ schedule = [] }: Pick<PoolSizes, 'schedule'>, now: number): ByClock {
  let last: { readonly began: number; readonly ready: number } | undefined;
  let until: number | undefined;
  for (const { from: cron, timeZone: zone, ready } of schedule) {
    const when = { cron, timeZone: zone };
    const began = dueFirings({ when, since: now - BACK_MS, handled: undefined }, now)?.last;
    if (began !== undefined && (!last || began >= last.began)) last = { began, ready };
    const next = firingAfter(when, now, now);
    if (next !== undefined && (until === undefined || next < until)) until = next;
  }
  return { ready: last?.ready, until };
}
