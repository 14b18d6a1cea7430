/** Keys of the users of a nats-server: the seed stays with its program, the server knows the rest. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createUser, fromSeed, type KeyPair } from '@nats-io/nkeys';
import { reasonOf } from '../actors/runtime/reason.ts';
import { StartError } from '../actors/runtime/start-error.ts';
import type { Identity } from '../subjects/permissions.ts';

export interface UserKey {
  readonly identity: Identity;
  readonly publicKey: string;
  readonly seedFile: string;
}

/**
 * The key of an identity in a folder; made the first time, only readable by its owner. Throws
 * StartError when there is one that cannot be read, or none and the folder cannot be written.
 */
export async function userKey(folder: string, identity: Identity): Promise<UserKey> {
  const seedFile = join(folder, `${identity.role}-${identity.name}.nk`);
  const pair = (await keptPair(seedFile)) ?? (await newPair(folder, seedFile));
  return { identity, publicKey: pair.getPublicKey(), seedFile };
}

async function keptPair(file: string): Promise<KeyPair | undefined> {
  let seed: string;
  try {
    seed = (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new StartError(`cannot read the key ${file} (${reasonOf(error)}); make it readable`);
  }
  try {
    return fromSeed(new TextEncoder().encode(seed));
  } catch {
    throw new StartError(`the key ${file} is damaged; restore it, or remove it to make a new one`);
  }
}

/** Written beside and renamed: a crash on the way leaves no half of a key. */
async function newPair(folder: string, file: string): Promise<KeyPair> {
  const pair = createUser();
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(`${file}.new`, pair.getSeed(), { mode: 0o600, flush: true });
    await rename(`${file}.new`, file);
  } catch (error) {
    throw new StartError(
      `cannot write the key ${file} (${reasonOf(error)}); make room and let its folder be written`,
    );
  }
  return pair;
}
