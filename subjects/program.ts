/** A program of a spec: what it is made of, whether it is an instance's own or a sidecar. */
import { z } from 'zod';

/** Most processes a container may be allowed: what Linux has ids for. */
export const PIDS_MAX = 4_194_304;

/** Registry, path, tag and digest, as engines take them. */
export const imageName = z
  .string()
  .max(512)
  .regex(
    /^[a-z0-9]([\w.:/-]*[\w])?(@sha256:[0-9a-f]{64})?$/i,
    'the name of an image, e.g. registry.example.com/team/app:1.2',
  );

const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'a variable name');

/** A program and its arguments. */
export const programCommand = z
  .array(z.string().max(8192))
  .min(1)
  .max(256)
  .describe('The program and its arguments; no shell in between');

/** What a program is told in its environment. */
export const variables = z
  .record(variable, z.string().max(8192))
  .default({})
  .describe('Variables beside PATH, HOME, LANG, TMPDIR, PORT, PORT_<NAME> and SHOAL_*');
