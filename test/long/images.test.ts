/**
 * The images of deploy/docker, built and started: a site in containers that runs containers. The base
 * image comes from a registry otherwise; here it is made of this machine's own Node.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../nats/start.ts';
import { DockerEngine, IMAGE } from '../support/docker.ts';
import { buildImages, NODE_IMAGE } from '../support/images.ts';
import { eventually } from '../support/ports.ts';
import { Unit } from '../support/units.ts';

const call = promisify(execFile);
const TARGETS = ['control', 'gateway', 'agent', 'cli'] as const;
/**
 * Most bytes of an image beyond its base, which holds Node: twice what was seen (64 MB), so that what
 * fails here is a whole folder too many (tests, another platform's packages), not a release of a library.
 */
const ADDED_BYTES_MAX = 120e6;

let folder: string;
let engine: DockerEngine;
let server: Unit | undefined;
let gateway: string;
const containers = new Map<string, Docker.Container>();
const shoal = async (...words: string[]): Promise<string> => {
  const args = ['dist/cli/main.js', '--gateway', gateway, ...words];
  return (await call(process.execPath, args)).stdout;
};

/** Starts a program in its container, as deploy/compose/compose.yaml does. */
async function run(
  program: string,
  target: string,
  more: { readonly env?: readonly string[]; readonly binds?: readonly string[] } = {},
): Promise<Docker.Container> {
  const bundle = join(folder, 'site/for', program);
  const env = (await readFile(join(bundle, 'shoal.env'), 'utf8')).trim().split('\n');
  const container = await engine.client.createContainer({
    Image: `shoal-${target}:0.1.0`,
    Env: [...env, ...(more.env ?? [])],
    HostConfig: {
      NetworkMode: 'host',
      ReadonlyRootfs: target !== 'agent',
      ...(target === 'agent' ? {} : { CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges'] }),
      Binds: [`${bundle}:/etc/shoal/${target}:ro`, ...(more.binds ?? [])],
    },
  });
  await container.start();
  containers.set(program, container);
  return container;
}

async function said(program: string): Promise<string> {
  const logs = await containers.get(program)?.logs({ stdout: true, stderr: true });
  return String(logs);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-images-'));
  engine = await DockerEngine.start();
  await buildImages(engine.client, folder, TARGETS);

  gateway = 'http://127.0.0.1:9';
  const port = await freePort();
  const site = join(folder, 'site');
  const state = join(folder, 'var');
  const words = ['--server', `127.0.0.1:${port}`, '--nodes', 'n1', '--state', state];
  await shoal('site', 'init', site, ...words);
  const made = JSON.parse(await readFile(join(site, 'site.json'), 'utf8'));
  made.servers[0].monitorPort = await freePort();
  await writeFile(join(site, 'site.json'), JSON.stringify(made));
  await shoal('site', 'write', site);
  await writeFile(
    join(folder, 'nats.service'),
    `ExecStart=${join(folder, 'image/usr/lib/shoal/bin/nats-server')} -c ${site}/for/shoal-1/nats.conf\n`,
  );
  server = await Unit.start(join(folder, 'nats.service'), (path) => path);
  await eventually(() => /Server is ready/.test(server?.said ?? ''));
  // Root made the keys here; the programs are not root.
  await call('chown', ['-R', '10001:10001', join(site, 'for')]);
  const [api, ingress, grpc] = [await freePort(), await freePort(), await freePort()];
  gateway = `http://127.0.0.1:${api}`;
  await run('control', 'control');
  await run('gateway', 'gateway', {
    env: [
      ...[`SHOAL_GATEWAY_PORT=${api}`, `SHOAL_INGRESS_PORT=${ingress}`],
      `SHOAL_GRPC_PORT=${grpc}`,
    ],
  });
  await run('agent-n1', 'agent', {
    env: ['SHOAL_DOCKER=/var/run/docker.sock', 'SHOAL_ADDRESS=127.0.0.1'],
    binds: [`${engine.socket}:/var/run/docker.sock`, `${state}:${state}`],
  });
});
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await server?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

test('each image is its base and the programs, and not much more', async () => {
  const sizeOf = async (image: string): Promise<number> =>
    (await engine.client.getImage(image).inspect()).Size;
  const base = await sizeOf(NODE_IMAGE);
  for (const target of TARGETS) {
    const size = await sizeOf(`shoal-${target}:0.1.0`);
    const [all, added] = [size, size - base].map((each) => (each / 1e6).toFixed(0));
    process.stdout.write(`image shoal-${target}: ${all} MB, ${added} MB of it beyond its base\n`);
    expect([target, size - base > 0, size - base < ADDED_BYTES_MAX]).toEqual([target, true, true]);
  }
});

test('a site in containers runs a container', async () => {
  const nodes = (): Promise<string> => shoal('get', 'nodes').catch(() => '');
  await eventually(async () => /n1\s+ready/.test(await nodes()), 30_000, 'a node');
  const job = {
    ...{ apiVersion: 'shoal/v1', kind: 'job', metadata: { name: 'hello' } },
    spec: {
      ...{ count: 1, driver: 'docker', image: IMAGE, command: ['echo', 'from a container'] },
      resources: { memory: '16Mi' },
    },
  };
  await writeFile(join(folder, 'job.json'), JSON.stringify(job));
  await shoal('apply', '-f', join(folder, 'job.json'), '--wait');
  await eventually(async () => (await shoal('logs', 'hello')).includes('from a container'));
});

test('control plane and gateway are nobody, and end when they are told to', async () => {
  for (const program of ['control', 'gateway']) {
    const { Config: config, State: state } = await (
      containers.get(program) as Docker.Container
    ).inspect();
    expect([program, config.User, state.Running]).toEqual([program, '10001:10001', true]);
  }
  for (const program of ['gateway', 'control']) {
    const container = containers.get(program) as Docker.Container;
    await container.stop({ t: 20 });
    const { State: state } = await container.inspect();
    expect([program, state.ExitCode, await said(program)]).toEqual([
      ...[program, 0, expect.stringContaining('stopped')],
    ]);
  }
});

test('the command line is an image of its own', async () => {
  const container = await engine.client.createContainer({
    ...{ Image: 'shoal-cli:0.1.0', Cmd: ['--version'], HostConfig: { NetworkMode: 'none' } },
  });
  await container.start();
  await container.wait();
  containers.set('cli', container);
  expect(await said('cli')).toMatch(/\d+\.\d+\.\d+/);
});
