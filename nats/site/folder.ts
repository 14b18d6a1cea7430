/**
 * The folder of a site, on the machine of whoever runs it: `site.json` says what the site is made of,
 * `keys/` holds everybody's key, `for/<program>/` is each program's bundle.
 *
 * I1  A key that is there is kept: what is written again lets everybody in who had been let in.
 * I2  Everything but `site.json` and the keys can be made again from them.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf } from '../../actors/runtime/reason.ts';
import { StartError } from '../../actors/runtime/start-error.ts';
import { tolerantJson } from '../../actors/runtime/tolerant-json.ts';
import { userKey } from '../keys.ts';
import { type Bundle, bundlesOf, KEY_FILE } from './bundles.ts';
import { identitiesOf, type Site, siteSchema } from './site.ts';

const SITE_FILE = 'site.json';

/** Reads what a site is made of; undefined: there is none. Throws StartError for one that is damaged. */
export async function readSite(folder: string): Promise<Site | undefined> {
  const file = join(folder, SITE_FILE);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new StartError(`cannot read ${file} (${reasonOf(error)}); let this user read it`);
  }
  return checkedSite(tolerantJson(text), file);
}

/** A site as it was asked for. Throws StartError that says what is wrong with it. */
export function checkedSite(given: unknown, from: string): Site {
  const parsed = siteSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') ?? '';
  throw new StartError(
    `${from}: ${where === '' ? '' : `${where}: `}${issue?.message ?? 'not valid'}`,
  );
}

/** Writes a site: keys that are missing, and every bundle anew. Returns the bundles. */
export async function writeSite(folder: string, site: Site): Promise<readonly Bundle[]> {
  const keys = join(folder, 'keys');
  try {
    await mkdir(keys, { recursive: true, mode: 0o700 });
    const users = [];
    for (const identity of identitiesOf(site)) users.push(await userKey(keys, identity));
    const bundles = bundlesOf(site, users, await routeSecret(keys));
    for (const { name, files, identity } of bundles) {
      // In place, file by file: a container that has the folder mounted sees what is new.
      const into = join(folder, 'for', name);
      await mkdir(into, { recursive: true, mode: 0o700 });
      const texts = new Map(Object.entries(files));
      if (identity) {
        const { seedFile } = await userKey(keys, identity);
        texts.set(KEY_FILE, await readFile(seedFile, 'utf8'));
      }
      for (const [file, text] of texts) await replace(join(into, file), text, 0o600);
    }
    const wanted = new Set(bundles.map(({ name }) => name));
    for (const name of await readdir(join(folder, 'for'))) {
      if (!wanted.has(name)) await rm(join(folder, 'for', name), { recursive: true, force: true });
    }
    await replace(join(folder, SITE_FILE), `${JSON.stringify(site, null, 2)}\n`, 0o644);
    return bundles;
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(
      `cannot write to ${folder} (${reasonOf(error)}); let this user write there, and make room`,
    );
  }
}

/** Written beside and renamed: a crash on the way leaves no half of a file. */
async function replace(file: string, text: string, mode: number): Promise<void> {
  await writeFile(`${file}.new`, text, { mode });
  await rename(`${file}.new`, file);
}

/** Takes a node's key away: it is let in no more once the servers have their new configuration. */
export async function forgetNode(folder: string, node: string): Promise<void> {
  await rm(join(folder, 'keys', `agent-${node}.nk`), { force: true });
}

/** What servers show each other: made the first time, readable by its owner only. */
async function routeSecret(keys: string): Promise<string> {
  const file = join(keys, 'routes.secret');
  const kept = await readFile(file, 'utf8').catch(() => '');
  if (kept.trim() !== '') return kept.trim();
  const secret = randomBytes(24).toString('base64url');
  await writeFile(file, secret, { mode: 0o600 });
  return secret;
}
