/**
 * The line before a pool: callers that wait for a slot, in the order in which they came. It lies in
 * the store, so that a place in it outlives whoever keeps it; the order is that of the revisions of
 * its records, which are made once and never changed. A caller whose slot was no good stands again
 * where it stood: its record says where.
 */
import { z } from 'zod';
import { heldClaim } from './claim.ts';
import { placementSpec } from './constraints.ts';
import { record, request } from './contract.ts';
import { instant } from './fact.ts';
import { HAND_OFF_ASK_MAX, handingOff, handOffSpec } from './hand-off.ts';
import { poolName, tenantName } from './names.ts';
import { askDigest, claimant, ttlQuantity } from './pool.ts';
import { spanQuantity } from './quantity.ts';

/** Most callers that wait for one pool: as many as it may have slots. */
export const LINE_MAX = 1_000;
/** Longest that a caller may wait, in milliseconds: what lies between callers and a gateway ends calls. */
export const WAIT_MS_MAX = 600_000;
/** How soon after its answer a caller asks again at the latest, in milliseconds: so it is known to be there. */
export const WAIT_BEAT_MS = 5_000;
/** The same for those that are about to be served: what is theirs is kept from others meanwhile. */
export const WAIT_BEAT_MS_NEAR = 1_000;
/** How many of a line are about to be served. */
const NEAR = 10;

/**
 * A caller's place, named by the caller: whoever asks again under it is the same, and has the same
 * claim for as long as anything of its slot is there. A claim's idempotency key is such a name, too.
 */
export const placeName = z
  .string()
  .regex(/^[a-z0-9]{10,40}$/, '10 to 40 lower-case letters and digits');

/** Longest key: a UUID has 36 characters, a digest in text 64. */
const KEY_MAX = 255;
/** A caller's key of a claim, which it may ask for again; a gateway makes a place's name of it. */
export const claimKey = z
  .string()
  .regex(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/, 'visible ASCII characters')
  .max(KEY_MAX, `at most ${KEY_MAX} characters`);

export const waitRecord = record({
  name: 'wait',
  bucket: 'shoal',
  subject: 'wait.{tenant}.{pool}.{place}',
  schema: z.object({
    tenant: tenantName,
    pool: poolName,
    place: placeName,
    by: claimant.optional(),
    /** Of what its caller asked for. */
    digest: askDigest.optional(),
    /** What the node of its slot must be. Absent: it may be any. */
    placement: placementSpec.optional(),
    at: instant,
    /** When its wait is over. */
    until: instant,
    /** The revision it counts as; absent: its own. */
    order: z.number().int().min(0).optional(),
    /** How many slots were no good for it. */
    failed: z.number().int().min(0).optional(),
  }),
  bytesMax: 16_384,
  indexes: { pool: (one) => `${one.tenant}.${one.pool}` },
  from: ['control'],
  to: ['control', 'gateway', 'operator'],
  summary: 'A caller that waits for a slot of a pool. Lines are in the order of revisions.',
});
export type Wait = z.infer<typeof waitRecord.schema>;

/** Where a place is in its line: who has less comes first. */
export function orderOf(of: { readonly revision: number; readonly value: Wait }): number {
  return of.value.order ?? of.revision;
}

/** Where in the line a caller stands. */
export const placeInLine = z.object({
  /** 1: the next slot is for this caller. */
  position: z.number().int().min(1),
  /** How many wait in all. */
  waiting: z.number().int().min(1),
  /** When it is served, from now on, as far as can be told from what slots took before. */
  etaMs: z.number().int().min(0).optional(),
  /** When the wait is over. */
  until: instant,
  /** How soon to ask again at the latest; who does not is taken out of the line a little later. */
  againMs: z.number().int().min(1),
});
export type PlaceInLine = z.infer<typeof placeInLine>;

/** How soon whoever stands there asks again, in milliseconds. */
export function beatMs(position: number): number {
  return position <= NEAR ? WAIT_BEAT_MS_NEAR : WAIT_BEAT_MS;
}

const fromOutside = { from: ['gateway', 'operator'], to: ['control'], timeoutMs: 3_000 } as const;

export const claimWait = request({
  name: 'claim.wait',
  subject: 'shoal.pool.{tenant}.{pool}.wait',
  schema: z.object({
    place: placeName,
    /** How long a place in the line is wanted; absent: none is, and no slot is a refusal. */
    wait: spanQuantity.optional(),
    /** Default: as the pool says. */
    ttl: ttlQuantity.optional(),
    by: claimant.optional(),
    /** Of what is asked for: under the same place, another one is refused. Absent: none is compared. */
    digest: askDigest.optional(),
    /** What the node of the slot must be. Absent: it may be any. */
    placement: placementSpec.optional(),
    /** What the slot is given before it is handed out; said again with each ask. */
    handOff: handOffSpec.optional(),
  }),
  reply: z.object({
    /** The claim. Absent: it is not this caller's turn yet, or its slot is being handed off. */
    claim: heldClaim.optional(),
    /** Where it stands meanwhile. */
    place: placeInLine.optional(),
    /** It has a slot that is being handed off, or had one that failed: ask again at once. */
    handingOff: handingOff.optional(),
  }),
  bytesMax: HAND_OFF_ASK_MAX,
  ...fromOutside,
  summary: 'Claims a slot when it is the caller’s turn; until then tells its place in the line.',
});

export const claimLeave = request({
  name: 'claim.leave',
  subject: 'shoal.pool.{tenant}.{pool}.leave',
  schema: z.object({ place: placeName }),
  reply: z.object({
    /** False: it did not wait there. */
    wasThere: z.boolean(),
    /** It had a slot already, which is given back by this. */
    claim: heldClaim.optional(),
  }),
  bytesMax: 256,
  ...fromOutside,
  summary: 'Leaves the line before a pool; a slot that was had meanwhile is given back.',
});
