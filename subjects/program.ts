/** A program of a spec: what it is made of, whether it is an instance's own or a sidecar. */
import { z } from 'zod';
import { bytesQuantity, cpuQuantity } from './quantity.ts';

/** Most processes a container may be allowed: what Linux has ids for. */
const PIDS_MAX = 4_194_304;

/** Registry, path, tag and digest, as engines take them. */
export const imageName = z
  .string()
  .max(512)
  .regex(
    /^[a-z0-9]([\w.:/-]*[\w])?(@sha256:[0-9a-f]{64})?$/i,
    'the name of an image, e.g. registry.example.com/team/app:1.2',
  );

/** Name of a variable. */
export const variableName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'a variable name');

/** A program and its arguments. */
export const programCommand = z
  .array(z.string().max(8192))
  .min(1)
  .max(256)
  .describe('The program and its arguments; no shell in between');

/** What a program is told in its environment. */
export const variables = z
  .record(variableName, z.string().max(8192))
  .default({})
  .describe('Variables beside PATH, HOME, LANG, TMPDIR, PORT, PORT_<NAME> and SHOAL_*');

/** What a program is booked. */
export const bookedSizes = {
  cpu: cpuQuantity.default('100m'),
  memory: bytesQuantity.default('128Mi'),
};

/** How much of the processor and of memory a program may use. */
export const sizeLimits = {
  cpu: cpuQuantity.optional().describe('Never more than this; default: what nobody else needs'),
  memory: bytesQuantity.optional().describe('Ended above this; default: what is booked'),
};

/** How many processes it may be. */
export const pidsLimit = z
  .number()
  .int()
  .min(1)
  .max(PIDS_MAX)
  .optional()
  .describe('Most processes and threads at once; only with driver docker');
