/** Folders that change while they are copied: what goes, shrinks, or becomes another thing meanwhile. */
import { execFile } from 'node:child_process';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CopyRefused } from '../../../archive/copy-refused.ts';
import { packed } from '../../../archive/pack.ts';

const call = promisify(execFile);
let root: string;
let from: string;
let lines: string[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'shoal-pack-'));
  from = join(root, 'from');
  await mkdir(from);
  lines = [];
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Packs, and does something as soon as an entry of this name has begun; unpacks by tar. */
async function whilePacked(
  path: string,
  { entry, change }: { readonly entry: string; change(): Promise<unknown> },
): Promise<string> {
  const pieces: Uint8Array[] = [];
  let isChanged = false;
  const events = { file: () => undefined, say: (line: string) => void lines.push(line) };
  for await (const chunk of packed(path, 'top', events)) {
    pieces.push(chunk);
    if (isChanged || !Buffer.from(chunk).includes(entry)) continue;
    isChanged = true;
    await change();
  }
  expect(isChanged).toBe(true);
  const to = join(root, 'to');
  await mkdir(to);
  await writeFile(join(root, 'out.tar'), Buffer.concat(pieces));
  await call('tar', ['-xf', '../out.tar'], { cwd: to });
  return join(to, 'top');
}

/** Each with one after it, which must come whole. */
async function folderWith(...names: readonly string[]): Promise<void> {
  for (const name of names) await writeFile(join(from, name), Buffer.alloc(200_000, name));
}

test('what goes below the top is left out and said, and the rest is whole', async () => {
  await folderWith('a', 'b', 'd', 'z');
  await mkdir(join(from, 'c'));
  await writeFile(join(from, 'c', 'in'), '');
  const change = async (): Promise<void> => {
    await rm(join(from, 'b'));
    await rm(join(from, 'c'), { recursive: true });
    await rm(join(from, 'd'));
    await symlink('/etc/passwd', join(from, 'd'));
  };
  const top = await whilePacked(from, { entry: 'top/a', change });
  // What is a link now is copied as one.
  expect(await readdir(top)).toEqual(['a', 'd', 'z']);
  expect((await readFile(join(top, 'z'))).equals(Buffer.alloc(200_000, 'z'))).toBe(true);
  const went = (name: string): string => `left out: top/${name}: it went while it was copied`;
  expect(lines).toEqual([went('b'), went('c')]);
});

test('what becomes shorter is filled up with zeros and said, and the rest is whole', async () => {
  await folderWith('a', 'z');
  const change = () => truncate(join(from, 'a'), 150_000);
  const top = await whilePacked(from, { entry: 'top/a', change });
  const a = await readFile(join(top, 'a'));
  expect(a.length).toBe(200_000);
  const zeros = a.indexOf(0);
  expect(zeros).toBeGreaterThanOrEqual(150_000);
  expect(a.subarray(zeros).every((byte) => byte === 0)).toBe(true);
  expect((await readFile(join(top, 'z'))).equals(Buffer.alloc(200_000, 'z'))).toBe(true);
  const why = `it became shorter while it was read; its last ${200_000 - zeros} bytes are zeros`;
  expect(lines).toEqual([`changed: top/a: ${why}`]);
});

test('what was asked for itself is refused when it goes or becomes shorter', async () => {
  await folderWith('a');
  const shrinks = whilePacked(join(from, 'a'), {
    ...{ entry: 'top', change: () => truncate(join(from, 'a'), 10) },
  });
  await expect(shrinks).rejects.toThrow('top: it became shorter while it was read');
  await rm(from, { recursive: true });
  const gone = packed(from, 'top', { file: () => undefined, say: () => undefined });
  await expect(gone.next()).rejects.toThrow(CopyRefused);
});
