/**
 * Makes sure that what a restored store says is newer than whatever was decided after its backup
 * was taken: epochs, incarnations and fences are raised by far more than can have been used since.
 * An agent that runs an instance at a later epoch than its ledger says would otherwise take the
 * ledger for an old one; a higher epoch for what already runs restarts nothing (runner, I3).
 */
import { z } from 'zod';

/** By how much they are raised: no instance is bound, and no node lost, a million times. */
export const RAISE = 1_000_000;

const number = z.number().int();
const ledger = z.looseObject({
  incarnation: number,
  entries: z.record(z.string(), z.looseObject({ epoch: number })),
});
const instance = z.looseObject({ epoch: number, nodeEpoch: number.optional() });
const lease = z.looseObject({ fence: number });

/** Keys whose values are raised, in the order in which they are: as a placement writes them. */
export const RAISED_KEYS = ['instance.>', 'for.*.ledger', 'lease.>'] as const;

/** The value of a key as it is after a restore; fields nobody knows stay. Undefined: unreadable. */
export function raised(key: string, value: unknown): unknown {
  if (key.startsWith('instance.')) {
    const { data } = instance.safeParse(value);
    if (!data) return undefined;
    const { epoch, nodeEpoch } = data;
    const came = nodeEpoch !== undefined && { nodeEpoch: nodeEpoch + RAISE };
    return { ...data, epoch: epoch + RAISE, ...came };
  }
  if (key.startsWith('lease.')) {
    const { data } = lease.safeParse(value);
    return data && { ...data, fence: data.fence + RAISE };
  }
  const { data } = ledger.safeParse(value);
  if (!data) return undefined;
  const entries = Object.entries(data.entries).map(([name, entry]) => {
    return [name, { ...entry, epoch: entry.epoch + RAISE }];
  });
  const incarnation = data.incarnation + RAISE;
  return { ...data, incarnation, entries: Object.fromEntries(entries) };
}
