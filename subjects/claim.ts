/** A claim: a slot of a pool in somebody's hands until a moment. Its id is the slot's name. */
import { z } from 'zod';
import { placementSpec } from './constraints.ts';
import { request } from './contract.ts';
import { instant } from './fact.ts';
import { type HandOffRecorded, handOffSeen } from './hand-off.ts';
import { nodeId, poolName, portName, slotName, tenantName } from './names.ts';
import { type Claim, claimant, type Pool, type Slot, ttlQuantity } from './pool.ts';
import { spanMs } from './quantity.ts';

/** A claim as callers get it. */
export const heldClaim = z.object({
  claim: slotName,
  tenant: tenantName,
  pool: poolName,
  by: claimant.optional(),
  at: instant,
  until: instant,
  extended: z.number().int().min(0),
  /** False: it was released or its time is up, and its slot is being drained. */
  isHeld: z.boolean(),
  node: nodeId,
  address: z.string().max(255),
  /** Number of each named port. */
  ports: z.record(portName, z.number().int().min(1).max(65_535)),
  /** What came of its hand-off. Absent: there was none. */
  handOff: handOffSeen.optional(),
});
export type HeldClaim = z.infer<typeof heldClaim>;

/** The claim on a slot, as callers get it; undefined: there never was one. */
export function heldOf(slot: Slot): HeldClaim | undefined {
  const { tenant, pool, slot: claim, state } = slot;
  if (!slot.claim || !slot.endpoint) return undefined;
  const { by, at, until, extended, handOff } = slot.claim;
  const { node, address, ports } = slot.endpoint;
  const isHeld = state === 'claimed';
  return {
    ...{ claim, tenant, pool, at, until, extended, isHeld, node, address, ports },
    ...(by === undefined ? {} : { by }),
    ...(handOff === undefined ? {} : { handOff: seenOf(handOff) }),
  };
}

function seenOf({ state, message, exitCode, output }: HandOffRecorded): HeldClaim['handOff'] {
  return {
    state,
    ...(message === undefined ? {} : { message }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(output === undefined ? {} : { output }),
  };
}

/** What a caller wants of a claim; `askedBy`: who asks again by the same gets the same. */
export interface ClaimWanted {
  /** Default: as the pool says. */
  readonly ttl?: string | undefined;
  readonly by?: string | undefined;
  readonly askedBy: string;
  readonly digest?: string | undefined;
  readonly handOff?: HandOffRecorded | undefined;
}

/** A ready slot in somebody's hands from now on. */
export function claimedSlot(slot: Slot, { spec }: Pool, wanted: ClaimWanted, now: number): Slot {
  const { ttl = spec.ttl, by, askedBy, digest, handOff } = wanted;
  const claim: Claim = {
    ...{ at: now, since: now, until: now + spanMs(ttl), extended: 0, askedBy },
    ...(by === undefined ? {} : { by }),
    ...(digest === undefined ? {} : { digest }),
    ...(handOff === undefined ? {} : { handOff }),
  };
  const last = { verb: 'claimed', at: now, message: by === undefined ? `for ${ttl}` : `by ${by}` };
  return { ...slot, state: 'claimed', changedAt: now, claim, last };
}

/**
 * How long a claim still lasts, in milliseconds; zero or less: it is over. One whose hand-off is under
 * way lasts no longer than that may take. `passedMs`: how long ago
 * its end was set, as whoever asks can tell (actors/runtime/clock-set.ts).
 */
export function claimLeftMs({ since, until, handOff }: Claim, passedMs: number): number {
  const end = handOff?.state === 'pending' ? Math.min(until, handOff.until) : until;
  return end - since - passedMs;
}

// A caller waits for a claim: another copy is asked soon where one stands still.
const fromOutside = { from: ['gateway', 'operator'], to: ['control'], timeoutMs: 3_000 } as const;
const one = z.object({ claim: slotName });

export const claimAcquire = request({
  name: 'claim.acquire',
  subject: 'shoal.pool.{tenant}.{pool}.acquire',
  schema: z.object({
    /** Default: as the pool says. */
    ttl: ttlQuantity.optional(),
    by: claimant.optional(),
    /** What the node of the slot must be. Absent: it may be any. */
    placement: placementSpec.optional(),
  }),
  reply: heldClaim,
  bytesMax: 16_384,
  ...fromOutside,
  summary: 'Claims a ready slot of a pool, until its time is up or it is released.',
});

export const claimExtend = request({
  name: 'claim.extend',
  subject: 'shoal.pool.{tenant}.{pool}.extend',
  schema: one.extend({
    /** How much later it ends. */
    by: ttlQuantity,
  }),
  reply: heldClaim,
  bytesMax: 512,
  ...fromOutside,
  summary: 'Lets a claim end later, at most as far ahead as its pool allows.',
});

export const claimRelease = request({
  name: 'claim.release',
  subject: 'shoal.pool.{tenant}.{pool}.release',
  schema: one,
  reply: heldClaim.extend({
    /** It had been released before, or its time was up. */
    wasOver: z.boolean(),
  }),
  bytesMax: 512,
  ...fromOutside,
  summary: 'Ends a claim. Its slot is drained, and another takes its place in the pool.',
});

export const claimInspect = request({
  name: 'claim.inspect',
  subject: 'shoal.pool.{tenant}.{pool}.inspect',
  schema: one,
  reply: heldClaim,
  bytesMax: 512,
  ...fromOutside,
  summary: 'Tells where the slot of a claim takes calls and until when it is held.',
});
