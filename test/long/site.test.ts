/** A site from nothing: installed, its keys made, its programs started as their units say. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../nats/start.ts';
import { Disk, noDisk } from '../support/disk.ts';
import { GrpcClient } from '../support/grpc-client.ts';
import { eventually } from '../support/ports.ts';
import { Unit } from '../support/units.ts';

const call = promisify(execFile);

const noMemory = await noDisk('inMemory');
if (noMemory) process.stderr.write(`skipped: a disk that fills (${noMemory})\n`);

let folder: string;
let disk: Disk | undefined;
let prefix: string;
let gateway: string;
let grpcPort: number;
const units = new Map<string, Unit>();

const site = (): string => join(folder, 'site');
const at = (): string => join(folder, 'etc');
/** Where a path of a unit lies in this test. */
const place = (path: string): string => path.replace('/etc/shoal', at());
const shoal = async (...words: string[]): Promise<string> =>
  (await call(join(prefix, 'bin/shoal'), ['--gateway', gateway, ...words])).stdout;
const make = (what: 'install' | 'remove'): Promise<unknown> =>
  call(process.execPath, ['dist/local/install.js', ...(what === 'remove' ? [what] : [])], {
    env: { ...process.env, PREFIX: prefix, DESTDIR: '' },
  });

/** Copies a program's bundle to its place. */
const copy = (program: string, role: string): Promise<void> =>
  cp(join(site(), 'for', program), join(at(), role), { recursive: true });

async function start(role: string, ready: RegExp): Promise<Unit> {
  const file = join(prefix, 'lib/systemd/system', `shoal-${role}.service`);
  const unit = await Unit.start(file, place);
  units.set(role, unit);
  await eventually(() => ready.test(unit.said), 20_000, `${role}: ${ready}`);
  return unit;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-site-'));
  prefix = join(folder, 'usr');
  if (!noMemory) disk = await Disk.inMemory(join(folder, 'var/nats'), 64);
  gateway = 'http://127.0.0.1:9';
  await make('install');
  const port = await freePort();
  const where = ['--at', at(), '--state', join(folder, 'var')];
  await shoal('site', 'init', site(), '--server', `127.0.0.1:${port}`, '--nodes', 'n1', ...where);
  // One machine takes no two servers' pages on one port.
  const made = JSON.parse(await readFile(join(site(), 'site.json'), 'utf8'));
  made.servers[0].monitorPort = await freePort();
  await writeFile(join(site(), 'site.json'), JSON.stringify(made));
  await shoal('site', 'write', site());
  await copy('shoal-1', 'nats');
  await copy('control', 'control');
  await copy('gateway', 'gateway');
  await copy('agent-n1', 'agent');
  const [api, ingress] = [await freePort(), await freePort()];
  grpcPort = await freePort();
  await writeFile(
    join(at(), 'gateway/local.env'),
    `# Ours\nSHOAL_GATEWAY_PORT=${api}\nSHOAL_INGRESS_PORT=${ingress}\nSHOAL_INGRESS_HOST=127.0.0.1\nSHOAL_GRPC_PORT=${grpcPort}\n`,
  );
  await writeFile(join(at(), 'agent/local.env'), 'SHOAL_DOCKER=off\nSHOAL_ON_STOP=end\n');
  gateway = `http://127.0.0.1:${api}`;
  await start('nats', /Server is ready/);
  await start('control', /ready/);
  await start('gateway', /gateway ready/);
  await start('agent', /ready/);
});
afterAll(async () => {
  for (const role of ['agent', 'gateway', 'control', 'nats']) await units.get(role)?.stop();
  await disk?.[Symbol.asyncDispose]();
  if (folder) await rm(folder, { recursive: true, force: true });
});

test('runs what it is given', async () => {
  const manifest = join(folder, 'job.json');
  const spec = { count: 1, command: ['sh', '-c', 'echo it runs'], resources: { memory: '16Mi' } };
  const job = { apiVersion: 'shoal/v1', kind: 'job', metadata: { name: 'hello' }, spec };
  await writeFile(manifest, JSON.stringify(job));
  await shoal('apply', '-f', manifest, '--wait');
  await eventually(async () => (await shoal('logs', 'hello')).includes('it runs'));
  expect(await shoal('version')).toContain('nats-server');
});

test('the same is served by gRPC', async () => {
  using grpc = new GrpcClient(`127.0.0.1:${grpcPort}`);
  const { answer } = await grpc.call('Workloads/GetWorkload', { name: 'hello' });
  expect(answer.name).toBe('hello');
});

test('keys and configurations are readable by their owner only', async () => {
  const of = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);
  expect(await of(join(site(), 'keys'))).toBe('700');
  for (const name of await readdir(join(site(), 'keys'))) {
    expect([name, await of(join(site(), 'keys', name))]).toEqual([name, '600']);
  }
  for (const program of await readdir(join(site(), 'for'))) {
    for (const name of await readdir(join(site(), 'for', program))) {
      expect([name, await of(join(site(), 'for', program, name))]).toEqual([name, '600']);
    }
  }
});

test.skipIf(noMemory)('a disk that was full is written to again when there is room', async () => {
  const file = join(folder, 'later.json');
  let wishes = 0;
  /** What comes of another wish: undefined where it was taken. */
  const refused = async (): Promise<string | undefined> => {
    const spec = { count: 0, command: ['true', String(++wishes), 'x'.repeat(4_000)] };
    const service = { apiVersion: 'shoal/v1', kind: 'service', metadata: { name: 'later' }, spec };
    await writeFile(file, JSON.stringify(service));
    return shoal('apply', '-f', file).then(
      () => undefined,
      (error: Error) => error.message,
    );
  };
  await disk?.fill();
  // What is left of the last block of the disk takes some more.
  const isFull = async (): Promise<boolean> =>
    /The disk of the store is full/.test((await refused()) ?? '');
  await eventually(isFull, 30_000, 'that it is told');
  await disk?.free();
  await eventually(async () => !(await refused()), 40_000, 'the store to take writes');
  expect(units.get('nats')?.said).toContain(
    'nats-server is started again: its disk can be written',
  );
  expect(units.get('nats')?.child.exitCode).toBeNull();
});

test('a node is let in while everything runs, and let in no more', async () => {
  const keyBefore = await readFile(join(site(), 'keys/agent-n1.nk'), 'utf8');
  await shoal('site', 'add', site(), 'n2');
  expect(await readFile(join(site(), 'keys/agent-n1.nk'), 'utf8')).toBe(keyBefore);
  await copy('shoal-1', 'nats');
  await units.get('nats')?.reload();
  await units.get('agent')?.stop();
  await copy('agent-n2', 'agent');
  await rm(join(folder, 'var/agent'), { recursive: true, force: true });
  await start('agent', /ready/);
  const states = async (): Promise<string> => {
    const { items } = JSON.parse(await shoal('get', 'nodes', '--json'));
    return items
      .map((each: { node: string; state: string }) => `${each.node} ${each.state}`)
      .join(', ');
  };
  await eventually(async () => /n2 ready/.test(await states()));
  await shoal('site', 'rm', site(), 'n2');
  await copy('shoal-1', 'nats');
  await units.get('nats')?.reload();
  await eventually(async () => /n2 offline/.test(await states()));
  expect(units.get('control')?.child.exitCode).toBeNull();
});

test('an uninstall takes away what was installed, and nothing else', async () => {
  await writeFile(join(prefix, 'lib/kept'), 'not ours');
  await make('remove');
  const left = (await readdir(prefix, { recursive: true, withFileTypes: true }))
    .filter((each) => each.isFile())
    .map((each) => each.name);
  expect(left).toEqual(['kept']);
  await expect(make('remove')).rejects.toThrow(/nothing is installed/);
});
