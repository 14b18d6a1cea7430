/** A pool and a claim as the API shows them. */
import { z } from 'zod';
import {
  type HeldClaim,
  heldClaim,
  heldOf,
  isGood,
  labelSet,
  type PlaceInLine,
  type Pool,
  poolName,
  poolSpec,
  readyWanted,
  type Slot,
  type SlotState,
  sizedBy,
  slotName,
  slotStates,
  tenantName,
} from '../../subjects/index.ts';
import type { Known } from '../known.ts';
import { factShape, presentFact, time, timeText } from './time.ts';

const poolStates = ['full', 'refilling', 'hindered', 'deleting'] as const;
const { node, address, ports, by, handOff } = heldClaim.shape;

const count = z.number().int();

export const poolShape = z
  .object({
    tenant: tenantName,
    name: poolName,
    labels: labelSet,
    spec: poolSpec,
    generation: count.describe('Raised by every change of the spec'),
    createdAt: time,
    state: z
      .enum(poolStates)
      .describe(
        'full: as many are ready as are wanted, those in line too; hindered: something keeps slots from it',
      ),
    slots: z.record(z.enum(slotStates), count).describe('How many there are of each state'),
    sized: z
      .object({ ready: count, by: z.enum(sizedBy) })
      .optional()
      .describe('How many are to be ready now instead of `ready`, and what of `sizes` says so'),
    waiting: count.describe('How many callers stand in line for one'),
    trouble: z
      .object({ since: time, message: z.string() })
      .optional()
      .describe('Why slots do not become ready'),
    last: factShape,
  })
  .meta({ title: 'Pool' });
export type PoolShape = z.input<typeof poolShape>;

/** Shows a pool with its slots, and how many callers wait for one. */
export function presentPool(pool: Pool, slots: readonly Slot[], waiting: number): PoolShape {
  const { tenant, name, labels, spec, generation, createdAt, sized, trouble, last } = pool;
  const counts: Record<SlotState, number> = { warming: 0, ready: 0, claimed: 0, draining: 0 };
  for (const slot of slots) counts[shownState(slot, pool)]++;
  return {
    ...{ tenant, name, labels, spec, generation, createdAt: timeText(createdAt) },
    ...{ state: stateOf(pool, counts, waiting), slots: counts, waiting },
    ...(sized ? { sized } : {}),
    ...(trouble ? { trouble: { ...trouble, since: timeText(trouble.since) } } : {}),
    last: presentFact(last),
  };
}

/** A slot that nobody gets any more is on its way out, whether or not its record says so yet. */
function shownState(slot: Slot, pool: Pool): SlotState {
  const isReady = slot.state === 'ready';
  const isAvailable = isGood(slot, pool) && pool.deletedAt === undefined;
  return isReady && !isAvailable ? 'draining' : slot.state;
}

function stateOf(
  pool: Pool,
  { ready, claimed }: Readonly<Record<SlotState, number>>,
  waiting: number,
): (typeof poolStates)[number] {
  if (pool.deletedAt !== undefined) return 'deleting';
  if (pool.trouble) return 'hindered';
  return ready >= readyWanted(pool, claimed) + waiting ? 'full' : 'refilling';
}

export const claimShape = z
  .object({
    id: slotName,
    tenant: tenantName,
    pool: poolName,
    state: z.enum(['held', 'over']).describe('over: released, or its time is up'),
    by: by.describe('Who it is for, in words of the caller'),
    at: time,
    until: time.describe('When its time is up'),
    remainingSeconds: count.describe('How long it is still held, rounded up; over: 0'),
    extended: count.describe('How often it was extended'),
    ...{ node, address: address.describe('Host of its ports'), ports },
    url: z.string().optional().describe('Where the gateway serves it, if its pool has a route'),
    handOff: handOff.describe('What came of what its slot was given; absent: nothing was'),
  })
  .meta({ title: 'Claim' });
export type ClaimShape = z.input<typeof claimShape>;

/** What a claim is shown by: where its slot is served is not its own. */
export interface ClaimSight {
  readonly known: Pick<Known, 'slots' | 'routes'>;
  readonly ingressPort: number;
}

/** Shows a claim at a moment. */
export function presentClaim(
  { known, ingressPort }: ClaimSight,
  claim: HeldClaim,
  now: number,
): ClaimShape {
  const { claim: id, isHeld, at, until, tenant, pool, by: whom, extended } = claim;
  const host = hostOf(known, { tenant, slot: id });
  return {
    ...{ id, tenant, pool, state: isHeld ? 'held' : 'over' },
    ...(whom === undefined ? {} : { by: whom }),
    ...{ at: timeText(at), until: timeText(until), extended },
    remainingSeconds: isHeld ? Math.max(0, Math.ceil((until - now) / 1_000)) : 0,
    ...{ node: claim.node, address: claim.address, ports: claim.ports },
    ...(host === undefined ? {} : { url: `http://${host}:${ingressPort}/` }),
    ...(claim.handOff === undefined ? {} : { handOff: claim.handOff }),
  };
}

/** The host name that leads to a slot; undefined: none does. */
export function hostOf(
  known: Pick<Known, 'routes'>,
  { tenant, slot }: Pick<Slot, 'tenant' | 'slot'>,
): string | undefined {
  const [route] = known.routes.by('workload', `${tenant}.${slot}`);
  return route?.value.host;
}

/** The claim on a slot, as far as is known; undefined: there is none. */
export function claimOf(
  sight: ClaimSight,
  of: { readonly tenant: string; readonly pool: string; readonly slot: string },
  now: number,
): ClaimShape | undefined {
  const slot = sight.known.slots.get(of);
  const held = slot && heldOf(slot);
  return held && presentClaim(sight, held, now);
}

/** A pool with its counts, as far as is known; undefined: there is none. */
export function poolOfKnown(
  known: Pick<Known, 'pools' | 'slots' | 'waits'>,
  tenant: string,
  name: string,
): PoolShape | undefined {
  const pool = known.pools.get({ tenant, pool: name });
  if (!pool) return undefined;
  const group = `${tenant}.${name}`;
  const slots = [...known.slots.by('pool', group)].map(({ value }) => value);
  return presentPool(pool, slots, [...known.waits.by('pool', group)].length);
}

/** Where a caller stands in a line, as it is streamed. */
export const placeShape = z
  .object({
    position: count.describe('1: the next slot is for this caller'),
    waiting: count.describe('How many wait in all'),
    etaSeconds: z
      .number()
      .optional()
      .describe('When it is served, from now on, as far as can be told from what slots took'),
    until: time.describe('When the wait is over'),
  })
  .meta({ title: 'PlaceInLine' });
type PlaceShape = z.input<typeof placeShape>;

export function presentPlace({ position, waiting, etaMs, until }: PlaceInLine): PlaceShape {
  const eta = etaMs === undefined ? {} : { etaSeconds: etaMs / 1_000 };
  return { position, waiting, ...eta, until: timeText(until) };
}
