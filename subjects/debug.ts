/**
 * The step recorder: what an actor handled and what it decided, told while somebody asked for it.
 * A recording is a run of frames of one copy, numbered without a gap, so that a frame that was
 * lost is missed; it begins with the private state, so that it can be run again (docs/decisions).
 * Values of the store that steps read are in it, and may hold what a tenant wrote into a spec: only
 * operators hear it.
 */
import { z } from 'zod';
import { event, request } from './contract.ts';
import { actorName } from './dead.ts';
import { instant } from './fact.ts';

/** The longest a recording goes on, in milliseconds: nobody leaves one on. */
export const RECORDING_MS_MAX = 600_000;
/** The most one recording says, in bytes: with it ends what would cost the actor too much. */
export const RECORDING_BYTES_MAX = 67_108_864;
/** Largest text of one frame, in bytes; an entry that is longer comes in several parts. */
export const FRAME_TEXT_MAX = 262_144;

export const debugSwitch = request({
  name: 'debug.switch',
  subject: 'shoal.debug.{actor}.switch',
  schema: z.object({
    /** How long each copy records from now on, in milliseconds; 0: no longer. */
    forMs: z.number().int().min(0).max(RECORDING_MS_MAX),
  }),
  reply: z.object({
    copy: z.string(),
    /** Whether this copy acts: one that stands by has nothing to tell. */
    isActing: z.boolean(),
    /** Id of the recording; absent: it records no longer. */
    recording: z.string().optional(),
  }),
  bytesMax: 256,
  timeoutMs: 2_000,
  from: ['operator'],
  to: ['control'],
  summary: 'Record the steps of this actor for a while. Every copy answers.',
});

/** A value of the store as a step found it; null: there was none. */
export const recordedValue = z.object({
  record: z.string(),
  key: z.string(),
  revision: z.number().int(),
  value: z.unknown(),
  writer: z.string().optional(),
  at: z.number().optional(),
  /** Size of the value in the store. */
  bytes: z.number().int().optional(),
});
export type RecordedValue = z.infer<typeof recordedValue>;

/** What was read of one view: keys asked for, groups and the whole list, in their order. */
export const recordedReads = z.object({
  keys: z.array(z.string()).optional(),
  groups: z.record(z.string(), z.array(z.string())).optional(),
  /** The keys of the whole view; `same`: as in the last list of this view. */
  all: z.union([z.array(z.string()), z.literal('same')]).optional(),
});
export type RecordedReads = z.infer<typeof recordedReads>;

/** What a step or fold was given beside its message. */
const given = {
  /** Milliseconds since 1970, as the step was told. */
  now: z.number(),
  revision: z.number().int(),
  fence: z.number().int(),
  /** What its chance began with. */
  /** How far the clock had been set since the process began; 0 where it says nothing. */
  clockSetMs: z.number().optional(),
  seed: z.number().int(),
  /** Values it read that this recording has not told yet, or that are new. */
  values: z.array(recordedValue),
  /** What it read, by the actor's name of the view. */
  reads: z.record(z.string(), recordedReads),
};

/** One thing a recording tells. */
export const recordedEntry = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('began'),
    actor: actorName,
    version: z.string(),
    untilMs: instant,
    /** The private state; maps and sets as `{$map}` and `{$set}`. */
    state: z.unknown().optional(),
  }),
  /** The private state was made anew from the store. */
  z.object({ kind: z.literal('rebuilt'), state: z.unknown().optional() }),
  z.object({
    kind: z.literal('step'),
    /** Contract or occasion, as the counters name it. */
    label: z.string(),
    about: z.string(),
    id: z.string(),
    attempts: z.number().int(),
    message: z.unknown().optional(),
    ...given,
    /** Keys it asked about whose commit was in flight. */
    held: z.array(z.string()),
    /** Keys it asked about that had been written for its message. */
    mine: z.array(z.string()),
    effects: z.array(z.unknown()),
    /** It threw this instead. */
    threw: z.string().optional(),
  }),
  z.object({
    kind: z.literal('fold'),
    view: z.string(),
    key: z.string(),
    before: z.unknown().optional(),
    after: z.unknown().optional(),
    at: z.number().int(),
    ...given,
    threw: z.string().optional(),
  }),
  z.object({
    kind: z.literal('outcome'),
    /** Number of the step's first frame. */
    of: z.number().int(),
    /**
     * `done`: all effects were performed; `conflict`: another writer came first, it is decided
     * again; `waited`: a key it writes was held, it is decided again; or why it was given up.
     */
    outcome: z.string(),
    /** Newest revision its commits made. */
    revision: z.number().int().optional(),
  }),
  z.object({ kind: z.literal('ended'), why: z.enum(['time', 'asked', 'size', 'again', 'fault']) }),
]);
export type RecordedEntry = z.infer<typeof recordedEntry>;

export const frameSchema = z.object({
  recording: z.string().max(64),
  copy: z.string().max(64),
  /** 0, 1, 2 … in each recording. */
  seq: z.number().int().min(0),
  at: instant,
  entry: recordedEntry.optional(),
  /** Part of the JSON text of an entry that is too long for one frame. */
  part: z
    .object({
      index: z.number().int().min(0),
      count: z.number().int().min(2),
      text: z.string(),
    })
    .optional(),
});
export type Frame = z.infer<typeof frameSchema>;

export const debugFrame = event({
  name: 'debug.frame',
  subject: 'shoal.debug.{actor}',
  schema: frameSchema,
  // A text of quotes alone doubles when it is quoted again.
  bytesMax: 2 * FRAME_TEXT_MAX + 1_024,
  from: ['control'],
  to: ['operator'],
  summary: 'One frame of a recording of an actor: what it handled, read and decided. Not kept.',
});
