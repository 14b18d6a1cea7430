/** Finds what was generated and is not as it should be: by its text, missing, or left over. */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Generated files that are not as they should be, or that nothing generates any more. */
export async function differences(
  root: string,
  wanted: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  const differing: string[] = [];
  for (const [path, text] of wanted) {
    const present = await readFile(join(root, path), 'utf8').catch(() => undefined);
    if (present !== text) differing.push(path);
  }
  for (const folder of new Set([...wanted.keys()].map(dirname))) {
    for (const name of await readdir(join(root, folder)).catch(() => [])) {
      const path = `${folder}/${name}`;
      if (!wanted.has(path)) differing.push(`${path} (nothing generates it; remove it)`);
    }
  }
  return differing;
}
