/**
 * How long the store takes no writes when the server that leads it ends: three servers, three
 * copies of each stream; from the signal until a write sent after it is acknowledged. Meanwhile a
 * workload runs; its processes must be the same afterwards.
 *
 * Measured: the clients' way to another server, the election, the first write. Not measured: what
 * a machine of its own for each server would save; here all share this one.
 */
import { join } from 'node:path';
import { silentLog } from '../../actors/runtime/log.ts';
import { joinBus } from '../../actors/runtime/nats/process.ts';
import type { Ports } from '../../actors/runtime/ports.ts';
import { address, encode, routeRecord } from '../../subjects/index.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';
import { type Benchmark, percentile } from './figure.ts';

const DEATHS = 8;
const STREAM = 'KV_shoal';
const AGAIN_MS = 20;

export const election: Benchmark = {
  name: 'kernel.election',
  async run(tell) {
    await using under = await fabricUnderTest(['n1'], { servers: 3, copies: 2 });
    const seedFile = join(under.fabric.layout.keys, 'control-control.nk');
    const identity = { role: 'control', name: 'control' } as const;
    const settings = { servers: under.fabric.natsUrls, seedFile };
    const bus = await joinBus(settings, identity, { log: silentLog });
    await work(under);
    const before = [...(await under.running()).values()].flat().sort();
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const samples: number[] = [];
      for (let round = 0; round < DEATHS; round++) samples.push(await pause(under, bus, signal));
      const configuration = {
        ...{ storage: 'file', servers: 3, replicas: 3, sync: '10s' },
        ...{ signal, samples: samples.length },
      };
      for (const share of [0.5, 0.95]) {
        tell({
          name: `kernel.election.${signal.slice(3).toLowerCase()}_p${share * 100}`,
          ...{ value: percentile(samples, share), unit: 'ms', better: 'lower' },
          ...{ target: 15_000, configuration },
        });
      }
    }
    const after = [...(await under.running()).values()].flat().sort();
    if (String(after) !== String(before)) throw new Error('running work was touched');
    await bus.connection.close();
  },
};

async function work(under: FabricUnderTest): Promise<void> {
  const response = await fetch(`${under.fabric.gatewayUrl}/api/v1/workloads/steady`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name: 'steady' } },
      spec: { count: 2, command: ['sleep', '3600'], resources: { cpu: '10m', memory: '16Mi' } },
    }),
  });
  if (!response.ok) throw new Error(await response.text());
  await eventually(() => under.ready('steady').length === 2, 30_000, 'a workload');
}

/** Ends the server that leads the store; returns until a write is acknowledged, in milliseconds. */
async function pause(
  under: FabricUnderTest,
  bus: { readonly ports: Ports },
  signal: 'SIGKILL' | 'SIGTERM',
): Promise<number> {
  const leader = await leaderOf(bus.ports);
  const index = Number(leader.slice(leader.lastIndexOf('-') + 1)) - 1;
  const name = under.fabric.servers[index];
  if (name === undefined) throw new Error(`${leader} leads, and is none of ours`);
  const began = performance.now();
  const ended = under.fabric.child(name).stop(signal);
  while (!(await write(bus.ports))) {
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
  const tookMs = performance.now() - began;
  await ended;
  await under.fabric.startServer(index);
  // Every copy is where the leader is: the next death finds three again.
  await eventually(async () => (await lagging(bus.ports)) === 0, 60_000, 'three copies');
  return tookMs;
}

function write({ store }: Ports): Promise<boolean> {
  const tokens = { tenant: 'default', host: 'bench.localhost' };
  const body = encode(routeRecord, { ...tokens, workload: 'bench', port: 'http' });
  const key = address(routeRecord, tokens);
  return new Promise((resolve) =>
    store.write([{ bucket: 'shoal', key, body, expected: 'any', headers: {} }], ([result]) =>
      resolve(result?.kind === 'stored'),
    ),
  );
}

interface ClusterInfo {
  readonly leader?: string;
  readonly replicas?: readonly { readonly current?: boolean; readonly lag?: number }[];
}

async function clusterOf({ bus }: Ports): Promise<ClusterInfo> {
  const ask = { subject: `$JS.API.STREAM.INFO.${STREAM}`, body: new Uint8Array(), headers: {} };
  const body = await new Promise<Uint8Array | undefined>((resolve) =>
    bus.request(ask, 2_000, (outcome) =>
      resolve(outcome.kind === 'answer' ? outcome.body : undefined),
    ),
  );
  if (!body) return {};
  return (JSON.parse(new TextDecoder().decode(body)) as { cluster?: ClusterInfo }).cluster ?? {};
}

async function leaderOf(ports: Ports): Promise<string> {
  let leader: string | undefined;
  const isLed = async (): Promise<boolean> => {
    ({ leader } = await clusterOf(ports));
    return leader !== undefined;
  };
  await eventually(isLed, 30_000, 'a leader of the store');
  return leader ?? '';
}

async function lagging(ports: Ports): Promise<number> {
  const { leader, replicas } = await clusterOf(ports);
  if (!leader || replicas?.length !== 2) return Number.NaN;
  return replicas.filter((each) => !each.current || (each.lag ?? 0) > 0).length;
}
