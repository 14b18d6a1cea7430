/**
 * A hand-off: what a slot is given before its claim is answered. Files are put into it, then a command
 * runs beside its program, once. Whatever goes wrong, the slot is drained and another one is tried.
 */
import { z } from 'zod';
import { request } from './contract.ts';
import { instant } from './fact.ts';
import { FILES_BYTES_MAX, fileFaults, filesSpec } from './files.ts';
import { instanceId, nodeId, slotName, tenantName } from './names.ts';
import { programCommand, variableName } from './program.ts';
import { spanMs, spanQuantity } from './quantity.ts';

/**
 * What a driver says it heeds (node.ts) whose instances can be handed something: slots of an agent that
 * knows nothing of it are passed over. No feature of specs: none needs it.
 */
export const HEEDS_HAND_OFF = 'hand-off';
/** Slots that are tried for one claim: who is given no good one by then brings what none can take. */
export const HAND_OFF_SLOTS_MAX = 3;
/** Longest that a command may take, in milliseconds: its slot is nobody's meanwhile. */
export const HAND_OFF_MS_MAX = 60_000;
/** What bringing files and the ways to the agent may take beside it, in milliseconds. */
export const HAND_OFF_AROUND_MS = 5_000;
/** Most bytes a hand-off may take as it is written: an ask carries it. */
const HAND_OFF_BYTES_MAX = FILES_BYTES_MAX;
/** Most of a command's output that is kept and told, in bytes: it lies in the record of the slot. */
export const HAND_OFF_OUTPUT_MAX = 2_048;
/** Longest reason of a failure, in characters. */
const MESSAGE_MAX = 300;
/** Largest ask that carries one: a hand-off, a placement, and what is around them. */
export const HAND_OFF_ASK_MAX = 98_304;

const given = z.strictObject({
  environment: z
    .record(variableName, z.string().max(8192))
    .optional()
    .describe('Variables of the command, before those of the slot; its program has its own'),
  files: filesSpec.optional(),
  command: programCommand
    .optional()
    .describe('Run beside the slot’s program; any exit but 0 is a failure'),
  timeout: spanQuantity
    .refine((span) => spanMs(span) >= 1 && spanMs(span) <= HAND_OFF_MS_MAX, 'from 1ms to 1m')
    .default('10s')
    .describe('How long the command may take, at most 1m'),
});

/** What a slot is given. */
export const handOffSpec = given.superRefine((of, context) => {
  for (const { path, message } of faultsOf(of)) {
    context.addIssue({ code: 'custom', path: [...path], message });
  }
});
export type HandOff = z.infer<typeof handOffSpec>;

function faultsOf(of: z.infer<typeof given>): ReturnType<typeof fileFaults> {
  const { environment, files = [], command } = of;
  const faults = [...fileFaults(files)];
  if (files.length === 0 && command === undefined) {
    faults.push({ path: [], message: 'needs files or a command' });
  }
  if (environment && command === undefined) {
    faults.push({ path: ['environment'], message: 'is of a command, and there is none' });
  }
  const size = new TextEncoder().encode(JSON.stringify(of)).length;
  if (size > HAND_OFF_BYTES_MAX) {
    faults.push({ path: [], message: `takes ${size} bytes, of ${HAND_OFF_BYTES_MAX}` });
  }
  return faults;
}

export const handOffStates = ['pending', 'done', 'failed'] as const;

/** What came of it. */
const outcome = {
  /** Absent: no command ran, or it did not end by itself. */
  exitCode: z.number().int().optional(),
  /** The last of what the command printed, on both outputs. Absent: nothing, or none ran. */
  output: z.string().max(HAND_OFF_OUTPUT_MAX).optional(),
};

/** How far a claim's hand-off is, as its slot's record has it. */
export const handOffRecorded = z.object({
  state: z.enum(handOffStates),
  /** Which slot of its caller this is, from 1. */
  attempt: z.number().int().min(1),
  /** When it has failed if nobody said that it is done. */
  until: instant,
  /** The caller's place in the line, which it has again where this slot fails. Absent: it does not wait. */
  stood: z
    .object({ order: z.number().int().min(0).optional(), at: instant, until: instant })
    .optional(),
  /** Why it failed. */
  message: z.string().max(MESSAGE_MAX).optional(),
  ...outcome,
});
export type HandOffRecorded = z.infer<typeof handOffRecorded>;

/** The same as callers get it. */
export const handOffSeen = z.object({
  state: z.enum(handOffStates),
  message: z.string().max(MESSAGE_MAX).optional(),
  ...outcome,
});

/** What a caller is told while a slot is being handed off, or has just failed: it asks again at once. */
export const handingOff = z.object({
  claim: slotName,
  /** Which slot of this caller it is, of `HAND_OFF_SLOTS_MAX`. */
  attempt: z.number().int().min(1),
  /** How long this slot may still take, in milliseconds. */
  leftMs: z.number().int().min(0),
});
export type HandingOff = z.infer<typeof handingOff>;

/** What a program printed, as a record may hold it: its last bytes, without what a terminal would obey. */
export function outputTold(text: string): string {
  const plain = text.replaceAll(/[^\P{Cc}\n\t]/gu, '');
  const bytes = new TextEncoder().encode(plain);
  if (bytes.length <= HAND_OFF_OUTPUT_MAX) return plain;
  const last = bytes.subarray(bytes.length - HAND_OFF_OUTPUT_MAX);
  // Of a character that was cut in two nothing is left.
  return new TextDecoder().decode(last).replace(/^\uFFFD{1,3}/, '');
}

/** Why it failed, as a record may hold it. */
export function failureTold(message: string): string {
  return message
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, MESSAGE_MAX);
}

export const nodeHandOff = request({
  name: 'node.hand-off',
  subject: 'shoal.node.{node}.hand-off',
  schema: z.object({
    tenant: tenantName,
    instance: instanceId,
    /** The instance's epoch there; a later one is as good. */
    epoch: z.number().int().min(1),
    /** Whose it is: for one claim it is done once, however often it is asked for. */
    claim: slotName,
    /** Absent: it was told before, and the answer is what came of it. */
    handOff: handOffSpec.optional(),
  }),
  reply: z.object({
    node: nodeId,
    /** Nothing came of it yet: ask again. */
    isUnderWay: z.boolean().optional(),
    /** Why it failed. Absent: it is done. */
    failure: z.string().max(MESSAGE_MAX).optional(),
    ...outcome,
  }),
  bytesMax: HAND_OFF_ASK_MAX,
  timeoutMs: 3_000,
  from: ['control'],
  to: ['agent', 'operator'],
  summary: 'Gives a slot files and runs a command in it, once, before its claim is answered.',
});
