/**
 * Writes everything derived from the contracts. With `--check` nothing is written: what differs is
 * named and the exit code is 1.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { differences } from './differences.ts';
import { documents } from './documents.ts';

/** The checkout, whether this runs compiled (in `dist`) or from source. */
const above = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const root = basename(above) === 'dist' ? dirname(above) : above;

const wanted = await documents(root);

if (process.argv.includes('--check')) {
  const differing = await differences(root, wanted);
  if (differing.length > 0) {
    process.stderr.write(
      `not what the contracts say; run \`npm run generate\` and commit:\n  ${differing.join('\n  ')}\n`,
    );
    process.exitCode = 1;
  }
} else {
  for (const [path, text] of wanted) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}
