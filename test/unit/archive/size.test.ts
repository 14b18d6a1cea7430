/** How large an archive will be is told before it is made. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { packed } from '../../../archive/pack.ts';
import { archiveBytes, fileArchiveBytes } from '../../../archive/size.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-size-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function packedBytes(path: string): Promise<number> {
  const events = { file: () => undefined, say: () => undefined };
  let bytes = 0;
  for await (const chunk of packed(path, 'top', events)) bytes += chunk.length;
  return bytes;
}

test.each([0, 1, 512, 513, 100_000])('of a file of %d bytes it is exact', async (size) => {
  const file = join(folder, 'file');
  await writeFile(file, Buffer.alloc(size));
  expect(await archiveBytes(file)).toBe(await packedBytes(file));
  expect(fileArchiveBytes(size)).toBe(await packedBytes(file));
});

test('of a folder with files, folders and links it is exact', async () => {
  await mkdir(join(folder, 'a', 'b'), { recursive: true });
  await writeFile(join(folder, 'a', 'one'), 'x');
  await writeFile(join(folder, 'a', 'b', 'two'), Buffer.alloc(70_000));
  await symlink('one', join(folder, 'a', 'link'));
  expect(await archiveBytes(folder)).toBe(await packedBytes(folder));
});

test('of what is not there it is next to nothing', async () => {
  expect(await archiveBytes(join(folder, 'none'))).toBe(1_024);
});
