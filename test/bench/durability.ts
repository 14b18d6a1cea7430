/**
 * What each level of durability costs: single compare-and-sets one after another (what a caller
 * waits for) and many in flight (what the store takes), on the servers and settings of the level.
 */
import { join } from 'node:path';
import { silentLog } from '../../actors/runtime/log.ts';
import { joinBus } from '../../actors/runtime/nats/process.ts';
import type { Ports } from '../../actors/runtime/ports.ts';
import { address, type DurabilityLevel, encode, routeRecord } from '../../subjects/index.ts';
import { fabricUnderTest } from '../support/fabric.ts';
import { type Benchmark, median, percentile, repeated } from './figure.ts';

const ALONE = 300;
const TOGETHER = 10_000;
const IN_FLIGHT = 256;
const RUNS = 5;

/** Each level on as few servers as it needs, and the strictest on three as well. */
const levels: readonly { readonly durability: DurabilityLevel; readonly servers: 1 | 3 }[] = [
  { durability: 'process', servers: 1 },
  { durability: 'power', servers: 1 },
  { durability: 'server', servers: 3 },
  { durability: 'power', servers: 3 },
];

export const durability: Benchmark = {
  name: 'kernel.durability',
  async run(tell) {
    for (const level of levels) {
      await using under = await fabricUnderTest([], { ...level, hasGateway: false });
      const seedFile = join(under.fabric.layout.keys, 'control-control.nk');
      const identity = { role: 'control', name: 'control' } as const;
      const settings = { servers: under.fabric.natsUrls, seedFile };
      const { ports, connection } = await joinBus(settings, identity, { log: silentLog });
      const { replicas, syncInterval } = under.fabric.settings.durability;
      const name = `kernel.durability.${level.durability}_${level.servers}`;
      const configuration = { storage: 'file', replicas, sync: syncInterval, ...level };
      const waits: number[] = [];
      for (let index = 0; index < ALONE; index++) {
        const began = performance.now();
        await write(ports, index);
        waits.push(performance.now() - began);
      }
      for (const share of [0.5, 0.99]) {
        tell({
          ...{ name: `${name}_write_p${share * 100}`, value: percentile(waits, share), unit: 'ms' },
          ...{ better: 'lower', configuration: { ...configuration, inFlight: 1, writes: ALONE } },
        });
      }
      const rates = await repeated(RUNS, () => together(ports));
      tell({
        ...{ name: `${name}_writes`, value: median(rates), unit: '1/s', better: 'higher' },
        configuration: { ...configuration, inFlight: IN_FLIGHT, writes: TOGETHER, runs: RUNS },
      });
      await connection.close();
    }
  },
};

/** Writes one key until it is acknowledged. */
async function write({ store }: Ports, index: number): Promise<void> {
  const tokens = { tenant: 'default', host: `h${index}.localhost` };
  const body = encode(routeRecord, { ...tokens, workload: 'bench', port: 'http' });
  const key = address(routeRecord, tokens);
  const writes = [{ bucket: 'shoal', key, body, expected: 'any', headers: {} }] as const;
  for (;;) {
    const kind = await new Promise((resolve) =>
      store.write(writes, ([result]) => resolve(result?.kind)),
    );
    if (kind === 'stored') return;
  }
}

async function together(ports: Ports): Promise<number> {
  let next = 0;
  const began = performance.now();
  const lane = async (): Promise<void> => {
    while (next < TOGETHER) await write(ports, next++ % 2_000);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return TOGETHER / ((performance.now() - began) / 1000);
}
