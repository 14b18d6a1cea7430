/**
 * Makes sure that a claim that is asked for again under the same key is the same claim, through
 * whichever gateway, at once or later: the key names a place in the line (decision 41), and a place
 * leads to one slot.
 */
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import {
  type Answer,
  claimKey,
  claimWait,
  type HandOff,
  type HeldClaim,
} from '../../subjects/index.ts';
import type { CallAsk } from '../ask-actor.ts';
import type { PoolTokens } from './turns.ts';
import { unwaited, type Waiting } from './wait.ts';

/** Digits of a key's digest that name its place: as many as a name has room for, 160 bits. */
const PLACE_DIGITS = 40;

/** Headers of a claim that may be asked for again. */
export const keyHeaders = z.looseObject({
  'idempotency-key': claimKey
    .optional()
    .describe('Whoever asks again by the same has the same claim, for as long as it is held'),
});

/** How a caller stands in line: under its key, if it has one; without `wait` it does not. */
export function standing(
  wanted: ClaimWants,
  wait: string | undefined,
  key: string | undefined,
): Waiting {
  const place = key === undefined ? { place: newPlace() } : placeOf(key, wanted);
  return { ...wanted, ...place, ...(wait === undefined ? {} : { wait }) };
}

/** A place in a line under a name that nobody else has. */
function newPlace(): string {
  return randomBytes(15).toString('hex');
}

/** What a caller wants of the slot it claims. */
export type ClaimWants = Pick<Waiting, 'ttl' | 'by' | 'placement' | 'handOff'>;
type Keyed = Pick<Waiting, 'place' | 'isKept' | 'digest'>;

/** The place a key names, and the digest of what is asked for by it. */
export function placeOf(key: string, { ttl, by, placement, handOff }: ClaimWants): Keyed {
  const place = sha256(key).slice(0, PLACE_DIGITS);
  const { labels = {}, architecture } = placement ?? {};
  const sorted = Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1));
  // The same for the same wants, however they are written, and in each version of a gateway.
  const wants =
    sorted.length > 0 || architecture !== undefined ? [sorted, architecture ?? null] : [];
  const handed = handOff === undefined ? [] : [handedOf(handOff)];
  const asked = [ttl ?? null, by ?? null, ...wants, ...handed];
  return { place, isKept: true, digest: sha256(JSON.stringify(asked)) };
}

/** A hand-off, the same however its variables are ordered. */
function handedOf({ environment = {}, files = [], command, timeout }: HandOff): unknown {
  const sorted = Object.entries(environment).sort(([one], [other]) => (one < other ? -1 : 1));
  const written = files.map(({ path, text, base64, mode }) => [path, text, base64, mode]);
  return [sorted, written, command, timeout];
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Claims under a key without waiting. */
export async function claimOnce(
  ask: CallAsk,
  tokens: PoolTokens,
  { isKept, ...payload }: ClaimWants & Keyed,
): Promise<Answer<HeldClaim>> {
  const answer = await ask(claimWait, tokens, payload);
  if (!answer.ok) return answer;
  const { claim, place } = answer.value;
  return claim ? { ok: true, value: claim } : unwaited(answer, place);
}
