/**
 * Makes sure that there is a nats-server new enough, on a machine where nobody installed one: the
 * one named by NATS_SERVER, else on PATH, else in the cache, else it is fetched into the cache.
 * Nothing outside the cache is changed, and root is not needed.
 *
 * Debian's own suites before testing carry one that is too old; a newer suite of the mirror this
 * machine already uses is read with an apt configuration of its own. Everywhere else: the
 * official release archive, held to its checksum; SHOAL_NATS_RELEASES names another place for
 * releases, which is then the only one that is asked.
 */
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import {
  access,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { isOlder, SERVER_VERSION_MIN } from '../actors/runtime/nats/connection.ts';
import { reasonOf } from '../actors/runtime/reason.ts';
import { StartError } from '../actors/runtime/start-error.ts';

const call = promisify(execFile);

/** Version of the official archive that is fetched where there is no package. */
export const RELEASE = '2.15.1';
const RELEASES_URL = 'https://github.com/nats-io/nats-server/releases/download';
/** Debian suites that carry a new enough server, newest last. */
const SUITES = ['sid', 'forky'];
const COMMAND_TIMEOUT_MS = 180_000;

export interface Server {
  readonly path: string;
  readonly version: string;
  readonly source: 'NATS_SERVER' | 'PATH' | 'cache' | 'package' | 'release';
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Finds or fetches a server. Throws StartError. */
export async function obtainServer(
  environment: Environment = process.env,
  tell: (line: string) => void = () => undefined,
): Promise<Server> {
  const named = environment['NATS_SERVER'];
  if (named) return checkNamed(named);
  const onPath = await search((environment['PATH'] ?? '').split(delimiter));
  if (onPath) return { ...onPath, source: 'PATH' };
  const cache = cacheFolder(environment);
  const versions = await readdir(cache).catch(() => []);
  const cached = await search(versions.map((version) => join(cache, version)));
  if (cached) return { ...cached, source: 'cache' };
  return fetchServer(environment, cache, tell);
}

function cacheFolder(environment: Environment): string {
  const root = environment['XDG_CACHE_HOME'] || join(environment['HOME'] || homedir(), '.cache');
  return join(root, 'shoal', 'nats-server');
}

async function checkNamed(path: string): Promise<Server> {
  const version = await versionOf(path);
  if (!version) {
    throw new StartError(
      `NATS_SERVER=${path} is not a nats-server that runs here; correct or unset it`,
    );
  }
  if (isOlder(version, SERVER_VERSION_MIN)) {
    throw new StartError(
      `NATS_SERVER=${path} is ${version}, at least ${SERVER_VERSION_MIN} is needed; name a newer one or unset it`,
    );
  }
  return { path, version, source: 'NATS_SERVER' };
}

/** The newest server in these folders that is new enough. */
async function search(
  folders: readonly string[],
): Promise<{ readonly path: string; readonly version: string } | undefined> {
  let best: { readonly path: string; readonly version: string } | undefined;
  for (const folder of folders) {
    if (!folder) continue;
    const path = join(folder, 'nats-server');
    if (!(await isExecutable(path))) continue;
    const version = await versionOf(path);
    if (!version || isOlder(version, SERVER_VERSION_MIN)) continue;
    if (!best || isOlder(best.version, version)) best = { path, version };
  }
  return best;
}

/** The version a program says it has; undefined: it is no nats-server, or does not run here. */
async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await call(path, ['--version'], { timeout: 10_000 });
    return /^nats-server: v(\d+\.\d+\.\d+)/m.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

async function fetchServer(
  environment: Environment,
  cache: string,
  tell: (line: string) => void,
): Promise<Server> {
  await mkdir(cache, { recursive: true }).catch((error) => {
    throw new StartError(`cannot write to ${cache} (${lastLineOf(error)}); set XDG_CACHE_HOME`);
  });
  const work = await mkdtemp(join(tmpdir(), 'shoal-nats-'));
  const failures: string[] = [];
  try {
    const releases = environment['SHOAL_NATS_RELEASES'];
    const ways = [
      ['package', () => fromDebian(work, tell)],
      ['release', () => fromRelease(work, releases || RELEASES_URL, tell)],
    ] as const;
    for (const [source, fetchOne] of ways) {
      // Who names a place for releases wants them from there.
      if (releases && source !== 'release') continue;
      try {
        const found = await fetchOne();
        if (found) return { ...(await keep(found, cache)), source };
      } catch (error) {
        failures.push(`${source}: ${lastLineOf(error)}`);
      }
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  throw new StartError(
    `no nats-server ${SERVER_VERSION_MIN} or newer could be obtained (${failures.join('; ')}); install one and set NATS_SERVER to it`,
  );
}

/** Moves a fetched binary into the cache under its version; safe against others doing the same. */
async function keep(
  found: string,
  cache: string,
): Promise<{ readonly path: string; readonly version: string }> {
  const version = await versionOf(found);
  if (!version || isOlder(version, SERVER_VERSION_MIN)) {
    throw new Error(`what was fetched is ${version ?? 'not a nats-server that runs here'}`);
  }
  const folder = join(cache, version);
  const path = join(folder, 'nats-server');
  await mkdir(folder, { recursive: true });
  const fresh = `${path}.${randomUUID()}`;
  await copyFile(found, fresh);
  await rename(fresh, path);
  return { path, version };
}

async function fromDebian(work: string, tell: (line: string) => void): Promise<string | undefined> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  if (!/^ID=debian$/m.test(release) || !(await isExecutable('/usr/bin/apt-get'))) return undefined;
  const mirror = await debianMirror();
  if (!mirror) return undefined;
  let failure: unknown;
  for (const suite of SUITES) {
    tell(`fetching nats-server from Debian ${suite}`);
    try {
      return await fromSuite(join(work, suite), mirror, suite);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function fromSuite(work: string, mirror: string, suite: string): Promise<string> {
  const places = { lists: join(work, 'lists'), cache: join(work, 'cache'), out: join(work, 'out') };
  for (const place of [join(places.lists, 'partial'), join(places.cache, 'archives', 'partial')]) {
    await mkdir(place, { recursive: true });
  }
  await mkdir(places.out);
  const sources = join(work, 'sources.list');
  await writeFile(sources, `deb ${mirror} ${suite} main\n`);
  const options = [
    `Dir::Etc::sourcelist=${sources}`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::Lists=${places.lists}`,
    `Dir::Cache=${places.cache}`,
    'APT::Sandbox::User=root',
    'Acquire::Languages=none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false',
  ].flatMap((option) => ['-o', option]);
  const settings = { cwd: places.out, timeout: COMMAND_TIMEOUT_MS };
  await call('apt-get', [...options, '-q', 'update'], settings);
  await call('apt-get', [...options, '-q', 'download', 'nats-server'], settings);
  const archive = (await readdir(places.out)).find((name) => name.endsWith('.deb'));
  if (!archive) throw new Error(`Debian ${suite} has no nats-server`);
  await call('dpkg', ['-x', archive, 'tree'], settings);
  return join(places.out, 'tree', 'usr', 'sbin', 'nats-server');
}

/** The Debian mirror this machine installs from. */
async function debianMirror(): Promise<string | undefined> {
  const folder = '/etc/apt/sources.list.d';
  const names = await readdir(folder).catch(() => []);
  for (const path of ['/etc/apt/sources.list', ...names.map((name) => join(folder, name))]) {
    const text = await readFile(path, 'utf8').catch(() => '');
    const mirror = /^\s*(?:deb\s+(?:\[[^\]]*\]\s+)?|URIs:\s*)(\S+\/debian)\/?(?:\s|$)/m.exec(text);
    if (mirror?.[1]) return mirror[1];
  }
  return undefined;
}

async function fromRelease(
  work: string,
  releases: string,
  tell: (line: string) => void,
): Promise<string> {
  const base = `${releases}/v${RELEASE}`;
  const machine = { x64: 'amd64', arm64: 'arm64', arm: 'arm7' }[process.arch as string];
  if (!machine) throw new Error(`there is no release for ${process.arch}`);
  const name = `nats-server-v${RELEASE}-${process.platform}-${machine}`;
  tell(`fetching nats-server ${RELEASE} from its release page`);
  const sums = new TextDecoder().decode(await download(`${base}/SHA256SUMS`));
  const wanted = sums.split('\n').find((line) => line.trim().endsWith(`${name}.tar.gz`));
  const archive = await download(`${base}/${name}.tar.gz`);
  const actual = createHash('sha256').update(archive).digest('hex');
  if (!wanted?.startsWith(actual)) throw new Error(`the checksum of ${name}.tar.gz is wrong`);
  await writeFile(join(work, 'release.tar.gz'), archive);
  await call('tar', ['-xzf', 'release.tar.gz'], { cwd: work, timeout: COMMAND_TIMEOUT_MS });
  return join(work, name, 'nats-server');
}

async function download(url: string): Promise<Uint8Array> {
  const response = await fetch(url, { signal: AbortSignal.timeout(COMMAND_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** The last line of what a program said before it failed. */
function lastLineOf(error: unknown): string {
  const text = reasonOf(error);
  return text.split('\n').filter(Boolean).slice(-1)[0]?.slice(0, 300) ?? text;
}
