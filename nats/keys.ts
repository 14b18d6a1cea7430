/** Keys of the users of a nats-server: the seed stays with its program, the server knows the rest. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createUser, fromSeed } from '@nats-io/nkeys';
import type { Identity } from '../subjects/permissions.ts';

export interface UserKey {
  readonly identity: Identity;
  readonly publicKey: string;
  readonly seedFile: string;
}

/** The key of an identity in a folder; made the first time, only readable by its owner. */
export async function userKey(folder: string, identity: Identity): Promise<UserKey> {
  const seedFile = join(folder, `${identity.role}-${identity.name}.nk`);
  await mkdir(folder, { recursive: true });
  const seed = await readFile(seedFile).catch(() => undefined);
  const pair = seed ? fromSeed(new Uint8Array(seed)) : createUser();
  if (!seed) {
    await writeFile(seedFile, pair.getSeed(), { mode: 0o600 });
    await chmod(seedFile, 0o600);
  }
  return { identity, publicKey: pair.getPublicKey(), seedFile };
}
