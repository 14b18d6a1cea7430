/**
 * Makes sure that a registry is asked with the credentials that a tenant has for it on this node, else
 * with those the node has for everybody, never with another tenant's. They are as `docker login`
 * leaves them: `config.json` in a folder is everybody's, `tenants/<tenant>.json` beside it a tenant's
 * own; each may name helper programs. They are read for every pull, so that what is renewed counts at
 * once. Nothing of them is written or logged. What cannot be read or asked is told where the registry
 * then refuses: most images need none.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { reasonOf } from '../../../actors/runtime/reason.ts';

const call = promisify(execFile);

/** What Docker Hub is called in such a file, whatever an image's name says. */
const HUB = 'https://index.docker.io/v1/';
/** How long a helper may take, in milliseconds: it may ask a network. */
const HELPER_MS = 10_000;
/** What a helper says when it has none, in Docker's protocol of credential helpers. */
const NONE = 'credentials not found in native keychain';

/** What an engine passes on to a registry. */
export type RegistryAuth =
  | { readonly username: string; readonly password: string; readonly serveraddress: string }
  | { readonly identitytoken: string; readonly serveraddress: string };

/** What a helper's name may be: with `docker-credential-` before it, a program on PATH. */
const HELPER = /^[A-Za-z0-9_.-]{1,64}$/;

/** For whom credentials are looked for. */
export interface Holder {
  readonly folder: string;
  readonly tenant: string;
}

/** What a node has for a registry; `problem`: why that may not be all. */
export interface Credentials {
  /** The tenant whose own file says what there is for the registry; undefined: everybody's does. */
  readonly owner?: string;
  readonly auth?: RegistryAuth | undefined;
  readonly problem?: string;
}

const configSchema = z.object({
  auths: z
    .record(
      z.string(),
      z.object({ auth: z.string().optional(), identitytoken: z.string().optional() }),
    )
    .default({}),
  credHelpers: z.record(z.string(), z.string()).default({}),
  credsStore: z.string().optional(),
});
const helped = z.object({ Username: z.string(), Secret: z.string() });

/** The registry an image's name leads to: what stands before its first slash, where that is a host. */
export function registryOf(image: string): string {
  const slash = image.indexOf('/');
  const first = slash < 0 ? '' : image.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost';
  return !isHost || first === 'docker.io' || first === 'index.docker.io' ? HUB : first;
}

/**
 * The credentials for an image; none: the registry is asked without. A problem names the file or the
 * helper, never what is in it. Never rejects.
 */
export async function credentialsFor(
  image: string,
  { folder, tenant }: Holder,
): Promise<Credentials> {
  const registry = registryOf(image);
  try {
    const own = await read(join(folder, 'tenants', `${tenant}.json`));
    if (names(own, registry)) return { owner: tenant, auth: await authFor(registry, own) };
    return { auth: await authFor(registry, await read(join(folder, 'config.json'))) };
  } catch (error) {
    return { problem: reasonOf(error) };
  }
}

type Config = z.infer<typeof configSchema>;

/** Whether a file says something of a registry, if only whom to ask. */
function names(config: Config | undefined, registry: string): config is Config {
  return config !== undefined && Boolean(helperOf(config, registry) || entryOf(config, registry));
}

function helperOf(config: Config, registry: string): string | undefined {
  return config.credHelpers[registry] ?? config.credsStore;
}

function entryOf({ auths }: Config, registry: string) {
  return auths[registry] ?? auths[`https://${registry}`] ?? auths[`http://${registry}`];
}

async function authFor(
  registry: string,
  config: Config | undefined,
): Promise<RegistryAuth | undefined> {
  if (!config) return undefined;
  const helper = helperOf(config, registry);
  if (helper) return ask(helper, registry);
  const entry = entryOf(config, registry);
  if (entry?.identitytoken) return { identitytoken: entry.identitytoken, serveraddress: registry };
  if (!entry?.auth) return undefined;
  return of(Buffer.from(entry.auth, 'base64').toString(), registry);
}

async function read(file: string): Promise<Config | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`the registry credentials cannot be read: ${reasonOf(error)}`);
  }
  try {
    return configSchema.parse(JSON.parse(text));
  } catch {
    throw new Error(`the registry credentials in ${file} are not what \`docker login\` writes`);
  }
}

/** `user:password`, of which only the password may have colons. */
function of(pair: string, serveraddress: string): RegistryAuth | undefined {
  const at = pair.indexOf(':');
  if (at < 0) return undefined;
  return { username: pair.slice(0, at), password: pair.slice(at + 1), serveraddress };
}

async function ask(helper: string, registry: string): Promise<RegistryAuth | undefined> {
  const program = `docker-credential-${helper}`;
  if (!HELPER.test(helper)) throw new Error(`${JSON.stringify(helper)} is no credential helper`);
  try {
    const asked = call(program, ['get'], { timeout: HELPER_MS });
    asked.child.stdin?.on('error', () => undefined);
    asked.child.stdin?.end(registry);
    const { Username: username, Secret: secret } = helped.parse(JSON.parse((await asked).stdout));
    // So the protocol tells a token from a password.
    if (username === '<token>') return { identitytoken: secret, serveraddress: registry };
    return { username, password: secret, serveraddress: registry };
  } catch (error) {
    const { stdout = '', code } = error as { readonly stdout?: string; readonly code?: unknown };
    if (stdout.trim() === NONE) return undefined;
    const why = code === 'ENOENT' ? 'it is not on PATH' : 'it gave none';
    throw new Error(`no registry credentials from ${program}: ${why}`);
  }
}
