/** One server becomes three, as docs/how-to/grow-to-three-servers.md says, while work runs. */
import { execFile } from 'node:child_process';
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { durabilityIn } from '../../actors/runtime/durability-setting.ts';
import { connectBus } from '../../actors/runtime/nats/connection.ts';
import { durabilityInForce } from '../../actors/runtime/nats/in-force.ts';
import { ensureStreams } from '../../actors/runtime/nats/streams.ts';
import { Fabric } from '../../local/fabric.ts';
import { root } from '../../local/layout.ts';
import { storeFolder } from '../../local/servers.ts';
import { userKey } from '../../nats/keys.ts';
import { freePort, startServer } from '../../nats/start.ts';
import { address, workloadRecord } from '../../subjects/index.ts';
import { streamConfigs } from '../../subjects/streams.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';

const call = promisify(execFile);
const control = { role: 'control', name: 'control' } as const;
/** Far above what is seen on a busy machine: what is longer waits in vain (docs/decisions/0031). */
const PAUSE_MS_MAX = 60_000;
let under: FabricUnderTest | undefined;
let grown: Fabric | undefined;
afterEach(async () => {
  await grown?.stop();
  await under?.[Symbol.asyncDispose]();
});

const apply = async (of: Fabric, name: string, count: number): Promise<number> => {
  const response = await fetch(`${of.gatewayUrl}/api/v1/workloads/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name } },
      spec: {
        ...{ count, command: ['sleep', '3600'], grace: '1s' },
        resources: { cpu: '10m', memory: '16Mi' },
      },
    }),
    signal: AbortSignal.timeout(10_000),
  }).catch(() => undefined);
  return response?.status ?? 0;
};

test('what runs goes on, and every revision stays what it was', async () => {
  const fabric = await fabricUnderTest(['n1', 'n2', 'n3'], { copies: 1 });
  under = fabric;
  const one = fabric.fabric;
  await eventually(() => [...fabric.nodes.entries()].length === 3, 20_000, 'three nodes');
  expect(await apply(one, 'kept', 3)).toBe(201);
  await eventually(() => fabric.ready('kept').length === 3, 20_000, 'three ready');
  const before = [...(await fabric.running())].sort();
  const key = address(workloadRecord, { tenant: 'default', workload: 'kept' });
  const revision = fabric.workloads.revision(key);

  const [first] = one.settings.servers;
  if (!first) throw new Error('the fabric has no server');
  const port = async () => ({
    ...{ nats: await freePort(), monitor: await freePort(), cluster: await freePort() },
  });
  const servers = [first, await port(), await port()];
  const three = new Fabric({
    ...one.settings,
    servers,
    durability: durabilityIn({ SERVERS: '3' }),
  });
  grown = three;

  const from = performance.now();
  await one.child('control').stop();
  await one.child('nats').stop();
  const aside = join(one.layout.nats, 'store-alone');
  await rename(storeFolder(one.layout, 0), aside);
  await three.writeServers();
  const user = await userKey(one.layout.keys, control);
  const alone = await startServer(one.settings.server, one.layout.nats, {
    ...{ name: 'alone', host: '127.0.0.1', port: await freePort(), monitorPort: await freePort() },
    ...{ storeDirectory: aside, syncInterval: '10s', users: [user] },
  });
  await three.startNats();
  try {
    const { stdout } = await call(process.execPath, [join(root, 'dist/local/copy-streams.js')], {
      env: {
        ...process.env,
        ...{ SHOAL_FROM: alone.url, SHOAL_NATS: three.natsUrl, SHOAL_SEED: user.seedFile },
        SERVERS: '3',
      },
    });
    expect(stdout).toMatch(/^copied KV_shoal, .*WORK.*: 3 copies of each\n$/);
  } finally {
    alone.child.kill('SIGTERM');
  }
  await three.startControl();
  await eventually(async () => (await apply(one, 'more', 1)) === 201, 30_000, 'a write');
  const pausedMs = Math.round(performance.now() - from);
  process.stderr.write(`from one server to three: writes paused ${pausedMs} ms\n`);
  expect(pausedMs).toBeLessThan(PAUSE_MS_MAX);

  await eventually(() => fabric.ready('more').length === 1, 30_000, 'the new one ready');
  expect(fabric.workloads.revision(key)).toBe(revision);
  const after = new Map(await fabric.running());
  for (const [name, pids] of before) expect(after.get(name)).toEqual(pids);
  const offline = [...fabric.nodes.entries()].map(({ value }) => value.offlineAt.length);
  expect(offline).toEqual([0, 0, 0]);

  // A control plane that was not told of the three takes no copies away.
  const { natsUrls } = three;
  const seed = await readFile(user.seedFile, 'utf8');
  const connection = await connectBus({ servers: natsUrls, seed }, control);
  try {
    expect(await ensureStreams(connection, { replicas: 1, isLeast: true })).toEqual([]);
    const names = streamConfigs({ replicas: 1 }).map((config) => config.name);
    expect(await durabilityInForce(connection, names)).toMatchObject({ replicas: 3 });
  } finally {
    await connection.close();
  }

  // Any of the three may die now, also the one everything came from.
  await three.child('nats').stop('SIGKILL');
  await eventually(async () => (await apply(one, 'kept', 2)) === 200, 30_000, 'a write again');
  await eventually(() => fabric.ready('kept').length === 2, 30_000, 'two ready');
});
