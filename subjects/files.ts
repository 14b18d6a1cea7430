/** Files: small texts of a spec that its instances find at a path. */
import { z } from 'zod';

/** Most files of a spec. */
const FILES_MAX = 32;
/**
 * Most bytes all files of a spec may take as they are written in it: with the rest of the spec they
 * must fit into the record of their workload (workload.ts).
 */
export const FILES_BYTES_MAX = 65_536;

/** Where something is put: absolute in a container, else below the instance's folder. */
export const placePath = z
  .string()
  .max(255)
  .regex(
    /^\/?\.{0,2}[\w@+=,~-][\w.@+=,~-]*(\/\.{0,2}[\w@+=,~-][\w.@+=,~-]*)*$/,
    'a path without . and .., e.g. /etc/app/app.conf',
  );

const fileSpec = z.strictObject({
  path: placePath.describe("Absolute in a container; else below the instance's folder"),
  text: z.string().max(FILES_BYTES_MAX).optional().describe('What is in it, as text'),
  base64: z
    .string()
    .max(FILES_BYTES_MAX)
    .regex(
      /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
      'base64, with its = signs',
    )
    .optional()
    .describe('What is in it, in base64: for what is no text'),
  mode: z
    .string()
    .regex(/^0?[0145]{3}$/, 'an octal mode of reading and executing, e.g. 0444 or 0555')
    .default('0444')
    .describe('Who may read and execute it; nobody writes it'),
});
export type FileSpec = z.infer<typeof fileSpec>;

export const filesSpec = z
  .array(fileSpec)
  .max(FILES_MAX)
  .describe(`Small files, each from one of text, base64; all together ${FILES_BYTES_MAX} bytes`);

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What is wrong with the files of a spec; judged where a spec is asked for. */
export function fileFaults(files: readonly FileSpec[] = []): readonly Fault[] {
  const faults: Fault[] = [];
  for (const [index, { text, base64 }] of files.entries()) {
    if ((text === undefined) !== (base64 === undefined)) continue;
    faults.push({ path: ['files', index], message: 'needs exactly one of text, base64' });
  }
  const size = new TextEncoder().encode(JSON.stringify(files)).length;
  if (size > FILES_BYTES_MAX) {
    const message = `take ${size} bytes, of ${FILES_BYTES_MAX}: put what is larger into the image`;
    faults.push({ path: ['files'], message });
  }
  return faults;
}
