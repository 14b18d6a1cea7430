/** A user's key is made once and kept by its owner; one that is damaged is never replaced unasked. */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromSeed } from '@nats-io/nkeys';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StartError } from '../../../actors/runtime/start-error.ts';
import { userKey } from '../../../nats/keys.ts';

const identity = { role: 'agent', name: 'n1' } as const;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-test-keys-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function sentence(of: Promise<unknown>): Promise<string> {
  const error = await of.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(StartError);
  expect((error as Error).message).not.toContain('\n');
  return (error as Error).message;
}

test('is made once, and only its owner reads it', async () => {
  const keys = join(folder, 'not/yet');
  const made = await userKey(keys, identity);
  expect(made).toMatchObject({ identity, seedFile: join(keys, 'agent-n1.nk') });
  expect(made.publicKey).toMatch(/^U[A-Z2-7]{55}$/);
  expect((await stat(made.seedFile)).mode & 0o777).toBe(0o600);
  expect(fromSeed(await readFile(made.seedFile)).getPublicKey()).toBe(made.publicKey);
  expect(await userKey(keys, identity)).toEqual(made);
  expect(await readdir(keys)).toEqual(['agent-n1.nk']);
});

test('of another is another', async () => {
  const other = await userKey(folder, { role: 'agent', name: 'n2' });
  expect(other.publicKey).not.toBe((await userKey(folder, identity)).publicKey);
});

test('with a line end behind it, as editors write one, is the same', async () => {
  const { seedFile, publicKey } = await userKey(folder, identity);
  await writeFile(seedFile, `${await readFile(seedFile, 'utf8')}\n`);
  expect((await userKey(folder, identity)).publicKey).toBe(publicKey);
});

describe('is refused', () => {
  test.each(['', 'SU', 'not a seed', '\u0000'])(
    'when it is damaged: %j; and it stays',
    async (text) => {
      const file = join(folder, 'agent-n1.nk');
      await writeFile(file, text);
      expect(await sentence(userKey(folder, identity))).toBe(
        `the key ${file} is damaged; restore it, or remove it to make a new one`,
      );
      expect(await readFile(file, 'utf8')).toBe(text);
    },
  );

  test('when it cannot be read', async () => {
    await mkdir(join(folder, 'agent-n1.nk'));
    expect(await sentence(userKey(folder, identity))).toMatch(
      /^cannot read the key .*agent-n1\.nk \(EISDIR.*\); make it readable$/,
    );
  });

  test('when its folder cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    expect(await sentence(userKey(join(folder, 'file'), identity))).toMatch(
      /^cannot (read|write) the key .* \(ENOTDIR.*\); /,
    );
  });
});
