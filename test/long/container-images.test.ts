/**
 * Images that cannot be had, through a whole fabric: one that does not exist, and a registry that says
 * nothing. What its instance shows, that it is tried later and later, and that nothing else suffers.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Instance, Observed } from '../../subjects/index.ts';
import { holdingsOf } from '../support/container-engine.ts';
import { DockerEngine, IMAGE } from '../support/docker.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';
import { REGISTRY_PASSWORD, REGISTRY_USER, Registry } from '../support/registry.ts';

let engine: DockerEngine;
let registry: Registry;
let under: FabricUnderTest;
let folder: string;
let before: readonly string[];
/** A registry that takes connections and never says anything. */
let silent: Server;
const sockets = new Set<Socket>();

beforeAll(async () => {
  [engine, registry] = await Promise.all([DockerEngine.start(), Registry.start()]);
  folder = await mkdtemp(join(tmpdir(), 'shoal-credentials-'));
  const auth = Buffer.from(`${REGISTRY_USER}:${REGISTRY_PASSWORD}`).toString('base64');
  const config = JSON.stringify({ auths: { [registry.host]: { auth } } });
  await writeFile(join(folder, 'config.json'), config);
  silent = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  before = await holdingsOf(engine);
  const environment = { SHOAL_DOCKER: engine.socket, SHOAL_DOCKER_CONFIG: folder };
  under = await fabricUnderTest(['n1'], { environment });
  const offers = () => under.nodes.get({ node: 'n1' })?.drivers['docker'] !== undefined;
  await eventually(offers, 20_000, 'docker on n1');
  await under.run('apply -f - --wait', service('neighbour', { image: IMAGE }));
});
afterAll(async () => {
  try {
    await under?.[Symbol.asyncDispose]();
  } finally {
    await registry?.[Symbol.asyncDispose]();
    await engine?.[Symbol.asyncDispose]();
    for (const each of sockets) each.destroy();
    silent?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  }
});

const service = (name: string, spec: object) =>
  JSON.stringify({
    ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name } },
    spec: {
      ...{ driver: 'docker', command: ['sleep', '300'], grace: '200ms' },
      ...{ resources: { cpu: '50m', memory: '32Mi' }, ...spec },
    },
  });
const one = (workload: string): Instance | undefined =>
  [...under.instances.by('workload', `default.${workload}`)][0]?.value;
const seen = (workload: string): Observed | undefined => {
  const instance = one(workload);
  return instance && under.seen(instance);
};
/** As HTTP shows it. */
const shown = async (workload: string): Promise<Readonly<Record<string, unknown>>> => {
  const url = `${under.fabric.gatewayUrl}/api/v1/instances/${one(workload)?.instance}`;
  return (await (await fetch(url)).json()) as Readonly<Record<string, unknown>>;
};

/** Applies a service whose image cannot be had; resolves when it shows so, by HTTP and in words. */
async function refused(name: string, image: string, why: RegExp): Promise<void> {
  await under.run('apply -f -', service(name, { image }));
  const isSaid = async () => {
    const { phase, message } = one(name) ? await shown(name) : {};
    return phase === 'backing-off' && why.test(String(message));
  };
  await eventually(isSaid, 60_000, 'its phase and the reason');
  expect(await under.run(`describe instance ${one(name)?.instance}`)).toMatch(why);
}

/** Deletes it; nothing is left but the neighbour, which did not notice anything. */
async function gone(name: string, neighbour: Observed | undefined): Promise<void> {
  await under.run(`delete workload ${name} --wait`);
  const isOnly = async () => (await holdingsOf(engine)).length === before.length + 1;
  await eventually(isOnly, 20_000, 'nothing left of it');
  const { pid, epoch, isReady, restarts, changedAt } = seen('neighbour') ?? {};
  expect({ pid, epoch, isReady, restarts, changedAt }).toMatchObject({
    ...{ pid: neighbour?.pid, epoch: 1, isReady: true, restarts: 0 },
    changedAt: neighbour?.changedAt,
  });
}

test('an image that does not exist: the reason, tried later and later', async () => {
  const neighbour = seen('neighbour');
  const image = `${registry.host}/team/none:1`;
  const why = /team\/none:1 cannot be pulled: .*(not found|unknown)/;
  const began = Date.now();
  await refused('none', image, why);
  await eventually(() => (seen('none')?.restarts ?? 0) >= 5, 60_000, 'five restarts');
  // 100 ms before the first, and twice as long before each that follows.
  expect(Date.now() - began).toBeGreaterThanOrEqual(3_100);
  // Its node has tried enough: elsewhere, which is the same node here, later.
  await eventually(() => (one('none')?.epoch ?? 0) > 1, 60_000, 'another binding');
  await gone('none', neighbour);
});

test('a registry that hangs: what it waits for, the reason after 15 s, and nothing left of it', async () => {
  const neighbour = seen('neighbour');
  const { port } = silent.address() as { readonly port: number };
  const image = `127.0.0.1:${port}/app:1`;
  const why = /app:1 cannot be pulled: its registry said nothing for 15 s/;
  const reason = refused('hangs', image, why);
  await eventually(() => seen('hangs')?.message === `pulling ${image}`, 60_000, 'what it is at');
  expect(await shown('hangs')).toMatchObject({ phase: 'starting', message: `pulling ${image}` });
  await reason;
  // In the middle of the next try.
  await eventually(() => seen('hangs')?.message === `pulling ${image}`, 60_000, 'the next try');
  await gone('hangs', neighbour);
});
