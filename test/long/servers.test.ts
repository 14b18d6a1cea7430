/** Three real servers: each is killed, stands still and is cut off, and nothing that was promised is lost. */
import { readFile } from 'node:fs/promises';
import type { NatsConnection } from 'nats';
import { afterEach, describe, expect, test } from 'vitest';
import { connectBus } from '../../actors/runtime/nats/connection.ts';
import { userKey } from '../../nats/keys.ts';
import { busDisconnected, decode, nodeState } from '../../subjects/index.ts';
import { type Identity, SERVER_ASKS } from '../../subjects/permissions.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';
import { storyOf } from '../support/story.ts';

const NODES = ['n1', 'n2', 'n3'];
/** Longer than the elections (4–9 s) and pings (4–6 s) that end what a fault begins. */
const WHOLE_MS = 40_000;
/** How long a server stands still or is cut off: longer than its clients' pings bear. */
const AWAY_MS = 8_000;

let under: FabricUnderTest | undefined;
afterEach(async () => {
  await under?.[Symbol.asyncDispose]();
  under = undefined;
});

/** Asks the gateway for a number of instances (0: none) until it says yes. */
async function asked(of: FabricUnderTest, name: string, count: number): Promise<void> {
  const url = `${of.fabric.gatewayUrl}/api/v1/workloads/${name}`;
  const body = JSON.stringify({
    ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name } },
    spec: {
      ...{ count, command: ['sleep', '3600'], grace: '1s' },
      resources: { cpu: '10m', memory: '16Mi' },
    },
  });
  const call: RequestInit =
    count === 0
      ? { method: 'DELETE' }
      : { method: 'PUT', headers: { 'content-type': 'application/json' }, body };
  await eventually(
    async () => {
      const signal = AbortSignal.timeout(10_000);
      const status = await fetch(url, { ...call, signal }).then(
        (response) => response.status,
        () => 0,
      );
      return (status >= 200 && status < 300) || (count === 0 && status === 404);
    },
    WHOLE_MS,
    `${name} asked to be ${count}`,
  );
}

/** Callers that apply, scale and delete one after another, and what they were promised last. */
function callers(of: FabricUnderTest) {
  const promised = new Map<string, number>();
  let isOpen = true;
  let round = 0;
  let pausedMs = 0;
  const asking = (async () => {
    while (isOpen) {
      const name = `w${round % 4}`;
      const count = round % 7 === 6 ? 0 : 1 + (round % 3);
      const from = performance.now();
      await asked(of, name, count);
      pausedMs = Math.max(pausedMs, performance.now() - from);
      promised.set(name, count);
      round++;
    }
  })();
  asking.catch(() => undefined);
  return {
    stop: async () => {
      isOpen = false;
      await asking;
      return { promised, round, pausedMs };
    },
  };
}

/** What was promised is so: with the right numbers of instances, each running once. */
async function comesTrue(of: FabricUnderTest, promised: ReadonlyMap<string, number>) {
  for (const [name, count] of promised) {
    // The view of the test may be behind for a while, too.
    const isSo = (): boolean => {
      const workload = of.workloads.get({ tenant: 'default', workload: name });
      return (workload?.spec.count ?? 0) === count && of.ready(name).length === count;
    };
    await eventually(isSo, WHOLE_MS, `${count} of ${name}`);
  }
}

const isReady = (of: FabricUnderTest): boolean =>
  NODES.every((node) => {
    const record = of.nodes.get({ node });
    return record !== undefined && nodeState(record) === 'ready';
  });

/** The fabric with a service that nobody touches, and its processes. */
async function begin(copies: number) {
  const fabric = await fabricUnderTest(NODES, { servers: 3, copies, isKept: true });
  under = fabric;
  await asked(fabric, 'steady', 3);
  await comesTrue(fabric, new Map([['steady', 3]]));
  const pids = async () => {
    const running = await fabric.running();
    return [...running].filter(([name]) => name.startsWith('default.steady')).sort();
  };
  await eventually(async () => (await pids()).length === 3, WHOLE_MS, 'three processes');
  return { fabric, pids, before: await pids() };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const faults = {
  'is killed': async (of: FabricUnderTest, server: number) => {
    const child = of.fabric.child(of.fabric.servers[server] ?? '');
    const { pid } = child;
    process.kill(pid as number, 'SIGKILL');
    await eventually(() => child.pid !== undefined && child.pid !== pid, 10_000, 'another server');
  },
  'is stopped and started, as for an upgrade': async (of: FabricUnderTest, server: number) => {
    const child = of.fabric.child(of.fabric.servers[server] ?? '');
    const { pid } = child;
    process.kill(pid as number, 'SIGTERM');
    await eventually(() => child.pid !== undefined && child.pid !== pid, 20_000, 'another server');
    const { monitor } = of.fabric.settings.servers[server] ?? { monitor: 0 };
    const url = `http://127.0.0.1:${monitor}/healthz`;
    const isHealthy = () =>
      fetch(url).then(
        (response) => response.ok,
        () => false,
      );
    await eventually(isHealthy, WHOLE_MS, 'a healthy server');
  },
  'stands still': async (of: FabricUnderTest, server: number) => {
    const pid = of.fabric.child(of.fabric.servers[server] ?? '').pid as number;
    process.kill(pid, 'SIGSTOP');
    await pause(AWAY_MS);
    process.kill(pid, 'SIGCONT');
  },
  'is cut off and told': async (of: FabricUnderTest, server: number) => {
    of.network?.cut(server);
    await pause(AWAY_MS);
    of.network?.heal();
  },
  'is cut off in silence': async (of: FabricUnderTest, server: number) => {
    of.network?.hold(server);
    await pause(AWAY_MS);
    of.network?.heal();
  },
} as const;

/** A test that fails says what the programs said: the fabric's folder is gone by then. */
const toldOnFailure = (of: FabricUnderTest, body: () => Promise<void>): Promise<void> =>
  body().catch(async (error: unknown) => {
    process.stderr.write(await storyOf(of));
    throw error;
  });

describe.each(Object.entries(faults))('each server %s', (what, act) => {
  test('what runs goes on, and what was promised meanwhile comes true', async () => {
    const { fabric, pids, before } = await begin(2);
    const told: string[] = [];
    await toldOnFailure(fabric, async () => {
      for (const server of [0, 1, 2]) {
        const calling = callers(fabric);
        await act(fabric, server);
        const { promised, round, pausedMs } = await calling.stop();
        await comesTrue(fabric, promised);
        await eventually(() => isReady(fabric), WHOLE_MS, 'every node ready');
        expect(round).toBeGreaterThan(0);
        told.push(`server ${server + 1} ${what}: longest call ${Math.round(pausedMs)} ms`);
      }
      expect(await pids()).toEqual(before);
      const offline = [...fabric.nodes.entries()].map(({ value }) => value.offlineAt.length);
      expect(offline).toEqual([0, 0, 0]);
    });
    process.stderr.write(`${told.join('\n')}\n`);
  });
});

test('all servers killed at once come back with everything', async () => {
  const { fabric, pids, before } = await begin(1);
  const calling = callers(fabric);
  await pause(500);
  const killed = fabric.fabric.servers.map((name) => fabric.fabric.child(name).pid as number);
  for (const pid of killed) process.kill(pid, 'SIGKILL');
  await pause(2_000);
  const { promised, pausedMs } = await calling.stop();
  await comesTrue(fabric, promised);
  await eventually(() => isReady(fabric), WHOLE_MS, 'every node ready');
  expect(await pids()).toEqual(before);
  process.stderr.write(`all servers killed: longest call ${Math.round(pausedMs)} ms\n`);
});

test('the end of a connection is noticed through every server', async () => {
  const fabric = await fabricUnderTest(['n1'], { servers: 3, hasGateway: false });
  under = fabric;
  const { natsUrls, layout } = fabric.fabric;
  const connect = async (server: number, identity: Identity) => {
    const { seedFile } = await userKey(layout.keys, identity);
    const seed = (await readFile(seedFile, 'utf8')).trim();
    return connectBus({ servers: [natsUrls[server] ?? ''], seed }, identity);
  };
  const control: Identity = { role: 'control', name: 'control' };
  const listeners = await Promise.all([0, 1, 2].map((server) => connect(server, control)));
  try {
    const leaving = await connect(0, { role: 'agent', name: 'n1' });
    const { client_id: client, server_id: server } = leaving.info ?? {};
    const notices = listeners.map((listener) => {
      const heard: string[] = [];
      listener.subscribe(busDisconnected.subject.text, {
        callback: (_error, message) => {
          const decoded = decode(busDisconnected, message.data);
          if (decoded.ok) heard.push(`${decoded.value.server.id}:${decoded.value.client.id}`);
        },
      });
      return heard;
    });
    for (const listener of listeners) await listener.flush();
    // The others learn of a subscription a moment after its own server has it.
    await eventually(async () => (await reached(listeners)) === 3, 10_000, 'three listeners');
    await leaving.close();
    for (const heard of notices) {
      await eventually(() => heard.includes(`${server}:${client}`), 10_000, 'the notice');
    }
  } finally {
    for (const listener of listeners) await listener.close();
  }
});

/** How many of the connections' servers hear all of the others. */
async function reached(listeners: readonly NatsConnection[]): Promise<number> {
  const ids = new Set<string>();
  const [first] = listeners;
  const answers = await first?.requestMany(SERVER_ASKS.ids, '', { strategy: 'stall', stall: 200 });
  for await (const answer of answers ?? []) ids.add(answer.json<{ readonly id: string }>().id);
  return listeners.filter((each) => ids.has(each.info?.server_id ?? '')).length;
}
