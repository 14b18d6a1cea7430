/** What could not be handled: dead letters, and asks about them. */
import { z } from 'zod';
import { record, request } from './contract.ts';
import { instant } from './fact.ts';

/** How much is kept of a message that no schema accepts, in characters. */
export const EXCERPT_CHARACTERS_MAX = 1_000;

/** Name of an actor. */
export const actorName = z.string().regex(/^[a-z][a-z-]{0,31}$/, 'the name of an actor');
/** A letter's id: the same message that fails again writes the same letter. */
export const letterId = z.string().regex(/^[a-z0-9]{1,24}$/, 'the id of a letter');

export const deadRecord = record({
  name: 'dead',
  bucket: 'shoal',
  subject: 'dead.{actor}.{letter}',
  schema: z.object({
    actor: actorName,
    letter: letterId,
    /** When it was given up, the last time. */
    at: instant,
    /** Contract of the message, or the actor's own name for it. */
    contract: z.string().max(128),
    /** What it was about: a subject, or a key of the store. */
    about: z.string().max(512),
    reason: z.object({ code: z.string().max(64), detail: z.string().max(500) }),
    /** How often it was tried. */
    deliveries: z.number().int().min(1),
    /** The work item, for a replay; absent where there was none (a change, a timer, an ask). */
    payload: z.unknown().optional(),
    /** How a message began that no schema accepts. */
    excerpt: z.string().max(EXCERPT_CHARACTERS_MAX).optional(),
    /** Set while it is being tried: so many times in a row, this one included, it began. */
    trials: z.number().int().min(1).optional(),
    /** Set while it is being put back; the letter goes when that is done. */
    replayedAt: instant.optional(),
  }),
  bytesMax: 65_536,
  from: ['control'],
  to: ['control', 'gateway', 'operator'],
  summary: 'A message that could not be handled, with the reason; it can be replayed or dropped.',
});
export type DeadLetter = z.infer<typeof deadRecord.schema>;

/** What is asked about a letter. */
const order = {
  schema: z.object({}),
  reply: z.object({ letter: letterId }),
  bytesMax: 256,
  timeoutMs: 5_000,
  from: ['gateway', 'operator'],
  to: ['control'],
} as const;

export const deadReplay = request({
  name: 'dead.replay',
  subject: 'shoal.dead.{actor}.{letter}.replay',
  ...order,
  summary: 'Puts a dead letter back where it came from.',
});

export const deadDrop = request({
  name: 'dead.drop',
  subject: 'shoal.dead.{actor}.{letter}.drop',
  ...order,
  summary: 'Forgets a dead letter.',
});
