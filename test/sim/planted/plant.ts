/** Puts one bug into a copy of the sources, never into the tree. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bug } from './bugs.ts';

/** What the simulator is made of. */
const SOURCES = ['actors', 'edge-agent', 'subjects', 'test/sim', 'test/support'];

/** The text of a file with the bug in it. Throws where the place is not there, or not only once. */
export function withBug(text: string, { name, file, before, after }: Bug): string {
  const parts = text.split(before);
  if (parts.length !== 2) {
    const found = parts.length - 1;
    throw new Error(`${name}: what it replaces stands ${found} times in ${file}; mend bugs.ts`);
  }
  return parts.join(after);
}

/** A folder with the sources and the bug; `remove` takes it away again. */
export function plant(root: string, bug: Bug): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-planted-'));
  for (const each of SOURCES) {
    cpSync(join(root, each), join(folder, each), { recursive: true });
  }
  for (const each of ['package.json', 'tsconfig.json'])
    cpSync(join(root, each), join(folder, each));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const path = join(folder, bug.file);
  writeFileSync(path, withBug(readFileSync(path, 'utf8'), bug));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
