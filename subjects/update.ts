/** How a service comes to a new version: its update strategy, and what that means in numbers. */
import { z } from 'zod';
import { instant } from './fact.ts';
import { spanMs, spanQuantity } from './quantity.ts';

/** Shortest and longest time a rollout may be given without progress, in milliseconds. */
const DEADLINE_MS = { least: 1_000, most: 86_400_000 } as const;
/** Most instances beside those that are wanted; as many as a workload may have. */
const AMOUNT_MAX = 1000;
const SHARE = /^(100|\d{1,2})%$/;

const amountOrShare = z.union([
  z.number().int().min(0).max(AMOUNT_MAX),
  z.string().regex(SHARE, 'a number of instances, or a share of them from 0% to 100%'),
]);

const giveUp = {
  deadline: spanQuantity
    .refine((span) => spanMs(span) >= DEADLINE_MS.least, 'at least 1s')
    .refine((span) => spanMs(span) <= DEADLINE_MS.most, 'at most 1d')
    .default('10m')
    .describe('A rollout that makes no progress for so long has failed, 1s to 1d'),
  rollback: z
    .boolean()
    .default(true)
    .describe('Whether a failed rollout goes back to the last version that was complete'),
};

const budget = {
  maxSurge: amountOrShare
    .default(1)
    .describe('Most instances beside those wanted, as a number or a share, rounded up'),
  minAvailable: amountOrShare
    .default('100%')
    .describe('So many stay ready, as a number or a share of those wanted, rounded up'),
};

export const updateSchema = z
  .discriminatedUnion('strategy', [
    z.strictObject({ strategy: z.literal('rolling'), ...budget, ...giveUp }),
    z.strictObject({ strategy: z.literal('recreate'), ...giveUp }),
    z.strictObject({
      strategy: z.literal('canary'),
      canary: z
        .strictObject({ count: z.number().int().min(1).max(AMOUNT_MAX).default(1) })
        .prefault({})
        .describe('How many instances of the new version wait for `promote` or `abort`'),
      ...budget,
      ...giveUp,
    }),
  ])
  .describe('How instances are replaced; without it one after another, each made before one goes');
export type Update = z.infer<typeof updateSchema>;
/** A strategy that replaces instances within a budget. */
type Budgeted = Exclude<Update, { readonly strategy: 'recreate' }>;

const generation = z.number().int().min(1);

/**
 * How a workload came to the version it has. Written by asks and by giving up, so that whoever
 * takes over decides the same; how far it has come, its instances tell.
 */
export const rolloutSchema = z.object({
  /** Template generation of the last version that was complete, or was there before. */
  from: generation.optional(),
  /** When the version was asked for. */
  at: instant,
  /** When somebody let it go beyond its canaries. */
  promotedAt: instant.optional(),
  /** Since when its canaries, which wait for a person, are ready, as was noticed; absent: not. */
  pausedAt: instant.optional(),
  /** From when the deadline counts where canaries were ready for a while: that is not lost time. */
  countedFrom: instant.optional(),
  /** The template generation that was given up, or made no progress in time, and why. */
  failed: z.object({ generation, at: instant, message: z.string().max(500) }).optional(),
});
export type Rollout = z.infer<typeof rolloutSchema>;

/** What an update strategy allows for a number of instances. */
export interface Budget {
  /** Most instances that may run beside those that are wanted. */
  readonly surge: number;
  /** No ready instance is taken away below so many ready ones. */
  readonly available: number;
}

/**
 * The budget for so many instances. Shares are rounded up; never more must be available than are
 * wanted. Where scaling leaves neither a surge nor one that may be missing, the surge is one:
 * what was promised to stay available stays.
 */
export function budgetOf({ maxSurge, minAvailable }: Budgeted, count: number): Budget {
  const available = Math.min(count, amountOf(minAvailable, count));
  const surge = amountOf(maxSurge, count);
  return { available, surge: surge === 0 && available >= count ? 1 : surge };
}

function amountOf(text: number | string, count: number): number {
  return typeof text === 'number' ? text : Math.ceil((Number.parseInt(text, 10) * count) / 100);
}

/** How many instances of the new version wait for a person; undefined: none do. */
export function canariesOf(update: Update | undefined, count: number): number | undefined {
  return update?.strategy === 'canary' ? Math.min(count, update.canary.count) : undefined;
}

/**
 * What of a strategy contradicts itself at a number of instances. Judged where a spec is asked
 * for, never where one is read: scaling may change what was possible.
 */
export function updateFaults(
  update: Update | undefined,
  count: number,
): readonly { readonly path: readonly string[]; readonly message: string }[] {
  if (!update || update.strategy === 'recreate' || count === 0) return [];
  const faults: { path: string[]; message: string }[] = [];
  const available = amountOf(update.minAvailable, count);
  if (available > count) {
    const message = `${available} cannot be available of ${count}; set at most ${count}, or raise count`;
    faults.push({ path: ['update', 'minAvailable'], message });
  } else if (available === count && amountOf(update.maxSurge, count) === 0) {
    const message = `nothing could be replaced: with maxSurge 0 set minAvailable below count (${count}), or maxSurge to 1`;
    faults.push({ path: ['update', 'minAvailable'], message });
  }
  if (update.strategy === 'canary' && update.canary.count > count) {
    const message = `${update.canary.count} canaries of ${count} instances; set at most ${count}, or raise count`;
    faults.push({ path: ['update', 'canary', 'count'], message });
  }
  return faults;
}
