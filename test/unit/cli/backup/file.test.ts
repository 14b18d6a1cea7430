/** The file of a backup: read as it was written, and known for damaged wherever it was changed. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BackupWriter, type Frame, framesOf, verifyBackup } from '../../../../cli/backup/file.ts';

let folder: string;
let path: string;
const manifest = {
  ...{ version: '0.1.0', at: '2026-11-21T10:00:00.000Z', nodes: ['n1'] },
  streams: [{ name: 'A', messages: 2, firstSequence: 1, lastSequence: 2, bytes: 5 }],
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-test-backup-'));
  path = join(folder, 'file');
  const writer = await BackupWriter.create(path);
  await writer.head({ name: 'A' });
  await writer.chunk(new Uint8Array([1, 2, 3]));
  await writer.chunk(new Uint8Array([4, 5]));
  await writer.finish(manifest);
  await writer.close();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('is read as it was written, and is its owner’s only', async () => {
  const frames: Frame[] = [];
  for await (const frame of framesOf(path)) frames.push(frame);
  expect(frames).toEqual([
    { kind: 'head', value: { name: 'A' } },
    { kind: 'chunk', bytes: Buffer.from([1, 2, 3]) },
    { kind: 'chunk', bytes: Buffer.from([4, 5]) },
    { kind: 'manifest', value: manifest },
  ]);
  expect(await verifyBackup(path)).toEqual(manifest);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await expect(BackupWriter.create(path)).rejects.toThrow('EEXIST');
});

test('cut short anywhere, it is refused', async () => {
  const whole = await readFile(path);
  for (let bytes = 0; bytes < whole.length; bytes++) {
    await writeFile(path, whole.subarray(0, bytes));
    await expect(verifyBackup(path), `${bytes} bytes`).rejects.toThrow(/cut short|no backup/);
  }
  await writeFile(path, Buffer.concat([whole, Buffer.from('x')]));
  await expect(verifyBackup(path)).rejects.toThrow('is damaged');
});

test('with any byte changed, it is refused', async () => {
  const whole = await readFile(path);
  for (let at = 0; at < whole.length; at++) {
    const changed = Buffer.from(whole);
    changed[at] = (changed[at] as number) ^ 1;
    await writeFile(path, changed);
    await expect(verifyBackup(path), `byte ${at}`).rejects.toThrow(
      /is damaged|cut short|no backup/,
    );
  }
});

test('that is not there cannot be read', async () => {
  await expect(verifyBackup(join(folder, 'none'))).rejects.toThrow(/cannot be read .*ENOENT/);
});
