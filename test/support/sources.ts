/**
 * The project's own TypeScript, for tests about the source itself: each file with its text, the
 * text without comments and strings, its strings, and what it imports.
 */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, posix, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { blanked } from './blanked.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const SKIPPED = new Set(['node_modules', 'dist', 'coverage', '.git', '.shoal', 'generated']);

export interface Import {
  /** As it is written, relative ones resolved to a path below the root. */
  readonly from: string;
  readonly isTypeOnly: boolean;
  readonly isDynamic: boolean;
}

export interface Source {
  /** Below the root, with slashes. */
  readonly path: string;
  readonly text: string;
  /** The text with comments and the insides of strings blanked; lines stay where they are. */
  readonly code: string;
  readonly strings: ReadonlySet<string>;
  readonly imports: readonly Import[];
}

let all: Promise<readonly Source[]> | undefined;

/** Every TypeScript file of the project, sorted by path. */
export function sources(): Promise<readonly Source[]> {
  all ??= read();
  return all;
}

async function read(): Promise<readonly Source[]> {
  const paths: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !SKIPPED.has(entry.name)) await walk(path);
      else if (entry.isFile() && entry.name.endsWith('.ts')) paths.push(path);
    }
  };
  await walk(root);
  const files = paths.sort().map(async (path) => {
    const relative = path
      .slice(root.length + 1)
      .split(sep)
      .join('/');
    return sourceOf(relative, await readFile(path, 'utf8'));
  });
  return Promise.all(files);
}

/** A source from its text. */
export function sourceOf(path: string, text: string): Source {
  const { code, strings, places } = blanked(text);
  return { path, text, code, strings, imports: importsOf(path, code, places) };
}

const STATIC = /\b(import|export)\b(\s+type\b)?([^;'"()]*?)\bfrom\s*['"]/g;
const BARE = /\bimport\s*['"]/g;
const DYNAMIC = /\b(?:import|require)\s*\(\s*['"]/g;

function importsOf(path: string, code: string, places: ReadonlyMap<number, string>): Import[] {
  const found: Import[] = [];
  const add = (match: RegExpMatchArray, isTypeOnly: boolean, isDynamic: boolean): void => {
    const written = places.get((match.index as number) + match[0].length - 1);
    if (written === undefined) return;
    const isRelative = written.startsWith('.');
    const from = isRelative ? posix.join(posix.dirname(path), written) : written;
    found.push({ from, isTypeOnly, isDynamic });
  };
  for (const match of code.matchAll(STATIC)) {
    const names = (match[3] ?? '').replace(/[{}]/g, '').split(',');
    const isEachType = names.every((name) => name.trim() === '' || /^\s*type\s/.test(name));
    add(match, match[2] !== undefined || isEachType, false);
  }
  for (const match of code.matchAll(BARE)) add(match, false, false);
  for (const match of code.matchAll(DYNAMIC)) add(match, false, true);
  return found;
}
