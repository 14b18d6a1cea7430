/** Generations as HTTP knows them: entity tags. */
import { z } from 'zod';
import { FIRM_HEADER, firmHeader } from './firm.ts';

const TAG = /^"?(\d{1,15})"?$/;

/** Headers of a call that may be bound to a generation; `if-match` becomes that number. */
export const ifMatchHeaders = z.looseObject({
  'if-match': z
    .string()
    .regex(TAG, 'one generation as an entity tag: "3"')
    .transform((text) => Number(TAG.exec(text)?.[1]))
    .pipe(z.number().int().min(1))
    .optional()
    .describe('Refuse unless the workload is at this generation'),
  [FIRM_HEADER]: firmHeader,
});

/** Headers of a write of settings that are there before they are set: their generation is then 0. */
export const ifSetMatchHeaders = z.looseObject({
  'if-match': z
    .string()
    .regex(TAG, 'one generation as an entity tag: "3"')
    .transform((text) => Number(TAG.exec(text)?.[1]))
    .optional()
    .describe('Refuse unless the settings are at this generation; 0: nothing was ever set'),
});

/** Headers of a call that may also create: it can be bound to there being nothing yet. */
export const putHeaders = ifMatchHeaders.extend({
  'if-none-match': z
    .literal('*', 'only * is understood: refuse unless there is none yet')
    .optional()
    .describe('`*`: only create; refuse when there is a workload of this name'),
});

/** The entity tag of a generation. */
export function tagOf(generation: number): string {
  return `"${generation}"`;
}
