/**
 * Makes sure that a bare checkout can run: dependencies installed and sources compiled, each only
 * when something changed, with one line each. Plain JavaScript: it runs before anything is built.
 *
 * `node local/prepare.mjs [--quiet]`
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const logs = join(root, '.shoal', 'logs');
const isQuiet = process.argv.includes('--quiet');
/** Lines of a failed step's output that are worth showing at once. */
const LAST_LINES = 20;
const SOURCES = [
  'subjects',
  'actors',
  'edge-agent',
  'gateway',
  'cli',
  'manifests',
  'archive',
  'nats',
  'local',
  'docs',
  'test',
];

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`shoal: Node ${process.versions.node} is too old; install 20.19 or newer\n`);
  process.exit(78);
}

// A checkout that cannot be written is one sentence, not a stack.
process.on('uncaughtException', (error) => {
  const { code, message } = error;
  if (code === undefined) throw error;
  process.stderr.write(
    `shoal: cannot write to ${root} (${message}); let this user write there, and make room\n`,
  );
  process.exit(78);
});

const lock = join(root, 'package-lock.json');
const installed = join(root, 'node_modules', '.package-lock.json');
if (age(installed) < age(lock)) {
  step('install dependencies', 'install.log', 'npm', ['ci', '--no-audit', '--no-fund']);
}

const stamp = join(root, 'dist', '.built');
const ROOT_FILES = ['package-lock.json', 'tsconfig.json', 'vitest.config.ts'];
if (age(stamp) < Math.max(newest(SOURCES), ...ROOT_FILES.map((name) => age(join(root, name))))) {
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  step('build', 'build.log', join(root, 'node_modules', '.bin', 'tsc'), ['-p', 'tsconfig.json']);
  writeFileSync(stamp, '');
}

/** Runs a command with its output in a file; ends everything when it fails. */
function step(what, logName, command, args) {
  mkdirSync(logs, { recursive: true });
  const began = performance.now();
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
  });
  const log = join(logs, logName);
  writeFileSync(log, `${stdout ?? ''}${stderr ?? ''}${error ?? ''}`);
  if (status !== 0) {
    const last = `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`
      .trimEnd()
      .split('\n')
      .slice(-LAST_LINES);
    process.stderr.write(`${last.map((line) => `    ${line}\n`).join('')}`);
    process.stderr.write(`shoal: ${what} failed; its output is in ${log}\n`);
    process.exit(1);
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1).padStart(6);
  if (!isQuiet) process.stdout.write(`${seconds}s  ${what}\n`);
}

function age(file) {
  return existsSync(file) ? statSync(file).mtimeMs : 0;
}

/** Time of the newest source below some folders; a folder changes when a source of it is removed. */
function newest(folders) {
  let time = 0;
  for (const folder of folders) {
    const path = join(root, folder);
    if (!existsSync(path)) continue;
    for (const each of readdirSync(path, { recursive: true, withFileTypes: true })) {
      if (!each.isDirectory() && !each.name.endsWith('.ts')) continue;
      time = Math.max(time, age(join(each.parentPath, each.name)));
    }
  }
  return time;
}
