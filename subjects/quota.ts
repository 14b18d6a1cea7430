/**
 * A quota: how often each caller may take something within some windows of time. A window is a time of
 * quiet: it begins anew with each take that was allowed, and is over when it has passed without one.
 */
import { z } from 'zod';
import { record, request } from './contract.ts';
import { instant } from './fact.ts';
import { quotaName, tenantName } from './names.ts';

/** Most windows of one quota: an hour and a day are two. */
const WINDOWS_MAX = 4;
/** Longest window, in milliseconds: a month. */
const WINDOW_MS_MAX = 31 * 86_400_000;
/** Takes of one caller that are kept by themselves: as many can be under way at a time. */
export const TAKES_MAX = 256;
/**
 * How long a take is kept by itself, in milliseconds, and can be refunded: longer than the ask for it,
 * the one for what it is for, and the one that refunds it may each be repeated for (6 s).
 */
export const TAKE_MS = 30_000;

/** Who takes, in letters that a key may have: an address is written with dashes. */
export const quotaCaller = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'letters, digits, dashes and underscores, 1 to 64');

const windowMs = z.number().int().min(1).max(WINDOW_MS_MAX);
const count = z.number().int().min(0);
/** Longest id of an ask (actors/runtime/inbound.ts). */
const takeId = z.string().max(96);

export const quotaRecord = record({
  name: 'quota',
  bucket: 'shoal',
  subject: 'quota.{tenant}.{quota}.{caller}',
  schema: z.object({
    tenant: tenantName,
    quota: quotaName,
    caller: quotaCaller,
    /** When it was written last. */
    at: instant,
    /** How many takes there were in each window, and when the last was; without those in `takes`. */
    windows: z.array(z.object({ windowMs, count, since: instant })).max(WINDOWS_MAX),
    /** The last takes, oldest first. One that was refunded counts no more, and is not made again. */
    takes: z
      .array(z.object({ id: takeId, at: instant, isRefunded: z.literal(true).optional() }))
      .max(TAKES_MAX),
  }),
  bytesMax: 49_152,
  from: ['control'],
  to: ['control', 'operator'],
  summary: 'How often one caller has taken what a quota limits, and when.',
});
export type Quota = z.infer<typeof quotaRecord.schema>;

const fromOutside = { from: ['gateway', 'operator'], to: ['control'], timeoutMs: 3_000 } as const;

export const quotaTake = request({
  name: 'quota.take',
  subject: 'shoal.quota.{tenant}.{quota}.take',
  schema: z.object({
    caller: quotaCaller,
    /** How many takes each window allows; 0: none, ever. */
    windows: z
      .array(z.object({ windowMs, limit: count }))
      .min(1)
      .max(WINDOWS_MAX),
  }),
  reply: z.object({
    /** Names it when it is refunded. */
    take: takeId,
  }),
  bytesMax: 512,
  ...fromOutside,
  summary:
    'Counts one take of a caller where every window allows it; what is refused is not counted.',
});

export const quotaRefund = request({
  name: 'quota.refund',
  subject: 'shoal.quota.{tenant}.{quota}.refund',
  schema: z.object({ caller: quotaCaller, take: takeId }),
  reply: z.object({
    /** It counts no more. False: it is too long ago, or never was. */
    isRefunded: z.boolean(),
  }),
  bytesMax: 512,
  ...fromOutside,
  summary: 'Counts a take no more: as if it had never been. Again changes nothing.',
});
