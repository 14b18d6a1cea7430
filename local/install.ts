/**
 * `make install` and `make uninstall`: the programs on this machine, or in a folder that becomes a
 * package or an image. Nothing is started; what is there already is replaced as a whole.
 *
 * PREFIX (default /usr/local) is where it will lie, DESTDIR (default none) is put before it.
 *
 * I1  Settings and state (/etc/shoal, /var/lib/shoal) are never touched.
 * I2  What was installed is listed, and an uninstall removes that and nothing else.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  writeFile,
} from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { reasonOf } from '../actors/runtime/reason.ts';
import { StartError } from '../actors/runtime/start-error.ts';
import { obtainServer } from '../nats/obtain.ts';
import { root } from './layout.ts';
import { runOnce } from './once.ts';
import { packagesOf } from './production.ts';

const call = promisify(execFile);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** What of the build programs need; tests and the generator of documents stay. */
const PARTS = [
  ...['actors', 'archive', 'cli', 'edge-agent', 'gateway'],
  ...['local', 'manifests', 'nats', 'subjects'],
];
const UNITS = ['shoal-nats', 'shoal-control', 'shoal-gateway', 'shoal-agent'] as const;
/** Where the shells look for completions, below the prefix. */
const COMPLETIONS = {
  bash: 'share/bash-completion/completions/shoal',
  zsh: 'share/zsh/site-functions/_shoal',
  fish: 'share/fish/vendor_completions.d/shoal.fish',
} as const;

interface Place {
  /** Where it will lie, e.g. `/usr/local`. */
  readonly prefix: string;
  /** Put before every path that is written. */
  readonly before: string;
}

/** Path of a part of what is installed, as it is written. */
const written = ({ prefix, before }: Place, path: string): string => join(before, prefix, path);

async function install(place: Place): Promise<void> {
  // Whoever runs a program must read it, whatever this user grants otherwise.
  process.umask(0o022);
  const lib = written(place, 'lib/shoal');
  const before = await installedBefore(place);
  const fresh = `${lib}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  for (const part of PARTS) {
    await cp(join(root, 'dist', part), join(fresh, 'dist', part), { recursive: true });
  }
  const lock = await readFile(join(root, 'package-lock.json'), 'utf8');
  const packages = packagesOf(lock, (path) => existsSync(join(root, path)));
  for (const path of packages) {
    await cp(join(root, path), join(fresh, path), { recursive: true, filter: isNotNested });
  }
  for (const file of ['package.json', 'LICENSE', 'CHANGELOG.md']) {
    await copyFile(join(root, file), join(fresh, file));
  }
  await call('chmod', ['-R', 'a+rX', fresh]);
  const server = await obtainServer(process.env, say);
  await mkdir(join(fresh, 'bin'));
  await copyFile(server.path, join(fresh, 'bin/nats-server'));
  await chmod(join(fresh, 'bin/nats-server'), 0o755);

  const outside = await filesOutside(place);
  await writeFile(join(fresh, 'installed'), `${[...outside.keys()].join('\n')}\n`);
  await rm(`${lib}.old`, { recursive: true, force: true });
  await rename(lib, `${lib}.old`).catch(missingIsFine);
  await rename(fresh, lib);
  await rm(`${lib}.old`, { recursive: true, force: true });
  for (const [path, { text, mode }] of outside) {
    const file = written(place, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(`${file}.new`, text, { mode });
    await rename(`${file}.new`, file);
  }
  for (const path of before)
    if (!outside.has(path)) await rm(written(place, path), { force: true });
  say(
    `installed in ${written(place, '')}: ${packages.length} packages, nats-server ${server.version}`,
  );
  if (place.before !== '') return;
  say('next: systemd-sysusers; systemctl daemon-reload; then docs/how-to/run-a-site.md');
}

/** What lies elsewhere than in `lib/shoal`, by its path below the prefix. */
async function filesOutside(
  place: Place,
): Promise<Map<string, { readonly text: string; readonly mode: number }>> {
  const lib = join(place.prefix, 'lib/shoal');
  const node = nodeFor(place);
  const files = new Map<string, { readonly text: string; readonly mode: number }>();
  const add = (path: string, text: string, mode = 0o644): void =>
    void files.set(path, { text, mode });
  add('bin/shoal', `#!/bin/sh\nexec ${node} ${lib}/dist/cli/main.js "$@"\n`, 0o755);
  add('share/man/man1/shoal.1', await readFile(join(root, 'docs/generated/shoal.1'), 'utf8'));
  for (const [shell, path] of Object.entries(COMPLETIONS)) {
    const script = [join(root, 'dist/cli/main.js'), 'completion', shell];
    add(path, (await call(process.execPath, script)).stdout);
  }
  for (const unit of UNITS) {
    const text = await readFile(join(root, `deploy/systemd/${unit}.service`), 'utf8');
    const filled = text
      .replaceAll('@NODE@', node)
      .replaceAll('@LIB@', lib)
      .replaceAll('@NATS_SERVER@', join(lib, 'bin/nats-server'));
    add(`lib/systemd/system/${unit}.service`, filled);
  }
  add(
    'lib/sysusers.d/shoal.conf',
    await readFile(join(root, 'deploy/systemd/shoal.sysusers'), 'utf8'),
  );
  return files;
}

/** The Node that programs are run with. Units run as a user who sees no home folders. */
function nodeFor({ before }: Place): string {
  const node = process.env['NODE'] || process.execPath;
  const isHidden = /^\/(home|root|run\/user)\//.test(node) && before === '';
  if (PLAIN.test(node) && !isHidden) return node;
  throw new StartError(
    `units cannot run ${node}; set NODE to one that every user can run, e.g. NODE=/usr/bin/node`,
  );
}

/** Removes what the last install put there. What runs goes on until it is stopped. */
async function uninstall(place: Place): Promise<void> {
  const lib = written(place, 'lib/shoal');
  const paths = await installedBefore(place);
  if (paths.length === 0) throw new StartError(`nothing is installed in ${written(place, '')}`);
  for (const path of paths) await rm(written(place, path), { force: true });
  await rm(lib, { recursive: true, force: true });
  for (const path of [...paths, 'lib/shoal']) await removeEmpty(dirname(path), place);
  say(`removed from ${written(place, '')}; /etc/shoal and /var/lib/shoal are as they were`);
}

/** What an install put elsewhere than in `lib/shoal`, by its own list. */
async function installedBefore(place: Place): Promise<readonly string[]> {
  const list = join(written(place, 'lib/shoal'), 'installed');
  const text = await readFile(list, 'utf8').catch(() => '');
  return text.split('\n').filter((each) => each !== '');
}

/** Removes folders that have become empty, from the innermost on. */
async function removeEmpty(path: string, place: Place): Promise<void> {
  if (path === '.' || (await readdir(written(place, path)).catch(() => ['gone'])).length > 0)
    return;
  await rmdir(written(place, path));
  await removeEmpty(dirname(path), place);
}

/** Packages below others are on the list themselves, where they are needed. */
function isNotNested(path: string): boolean {
  return !/node_modules\/(@[^/]+\/)?[^/]+\/node_modules$/.test(path);
}

function missingIsFine(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

/** Paths that units and shells take as they are. */
const PLAIN = /^[A-Za-z0-9._/+-]+$/;

function placeIn(environment: NodeJS.ProcessEnv): Place {
  const prefix = environment['PREFIX'] || '/usr/local';
  if (!isAbsolute(prefix) || !PLAIN.test(prefix)) {
    throw new StartError(
      `PREFIX is ${prefix}; give the whole path, of letters, digits and ._+-, e.g. PREFIX=/usr`,
    );
  }
  const before = environment['DESTDIR'] ? resolve(environment['DESTDIR']) : '';
  return { prefix, before };
}

await runOnce(async () => {
  const place = placeIn(process.env);
  try {
    await (process.argv[2] === 'remove' ? uninstall(place) : install(place));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof StartError || code === undefined) throw error;
    const where = written(place, '');
    throw new StartError(
      `cannot write to ${where} (${reasonOf(error)}); run it as root, or set PREFIX or DESTDIR to where you may write`,
    );
  }
});
