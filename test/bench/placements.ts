/**
 * Placements per second, from pending to committed: the scheduler actor on a real server, its
 * work queue, its commits. An instance counts when its node's ledger lists it.
 *
 * Measured: taking the item, deciding, binding instances, writing ledgers and specs. Not measured:
 * making the instances, and what agents do with them. With conflicts, a rival rewrites one ledger
 * in ten between the decision and its commit; the share of writes that were refused for it is in
 * the configuration.
 */
import { Host } from '../../actors/runtime/host.ts';
import { silentLog } from '../../actors/runtime/log.ts';
import type { Ports, Store, Write } from '../../actors/runtime/ports.ts';
import { Views } from '../../actors/runtime/views.ts';
import { scheduler } from '../../actors/scheduler/actor.ts';
import {
  address,
  covers,
  encode,
  type Instance,
  instanceRecord,
  type Ledger,
  ledgerRecord,
  type Node,
  noAmounts,
  nodeRecord,
  PROTOCOL,
  pattern,
  placeWork,
  type RecordContract,
  type Workload,
  workloadRecord,
} from '../../subjects/index.ts';
import { eventually } from '../support/ports.ts';
import { service } from '../support/specs.ts';
import { benchBus, onFile } from './bus.ts';
import { type Benchmark, median, percentile } from './figure.ts';

const WORKLOADS = 50;
const EACH = 100;
const RUNS = 3;
/** Share of ledger writes that meet a conflict, where there are any. */
const CONFLICT_RATIO = 0.1;
const LEDGERS = pattern(ledgerRecord);
const now = 1_800_000_000_000;
const last = { verb: 'created', at: now, message: '' };

export const placements: Benchmark = {
  name: 'fabric.placements',
  async run(tell, isWanted) {
    for (const nodes of [100, 5_000]) {
      for (const isContended of [false, true]) {
        const kind = isContended ? 'conflicts' : 'plain';
        if (!isWanted(`fabric.placements.${nodes}_${kind}`)) continue;
        const rates: number[] = [];
        const decisions: number[] = [];
        let conflicts = 0;
        for (let run = 0; run < RUNS; run++) {
          const result = await measure(nodes, isContended);
          rates.push(result.rate);
          decisions.push(...result.decisionMs);
          conflicts = result.conflictRatio;
        }
        const configuration = {
          ...{ ...onFile, nodes, workloads: WORKLOADS, instancesEach: EACH, schedulers: 1 },
          ...{ conflicts: `${Math.round(conflicts * 100)}% of ledger writes`, runs: RUNS },
        };
        tell({
          ...{ name: `fabric.placements.${nodes}_${kind}`, value: median(rates), unit: '1/s' },
          ...{ target: 5_000, better: 'higher', configuration },
        });
        if (isContended) continue;
        tell({
          ...{ name: `fabric.placements.${nodes}_decision_p50`, unit: 'ms', better: 'lower' },
          ...{ value: percentile(decisions, 0.5) / EACH, target: 1, configuration },
        });
      }
    }
  },
};

async function measure(nodes: number, isContended: boolean) {
  await using bus = await benchBus();
  const [first, second] = bus.names;
  if (!first || !second) throw new Error('no connections');
  const ports = await bus.ports(first);
  const rival = await bus.ports(second);
  await fill(rival, nodes);
  const views = new Views(ports.store, ports.clock, silentLog);
  const contended = isContended ? { ...ports, store: contendedStore(ports.store, rival) } : ports;
  const host = new Host(scheduler(), { ports: contended, views, copy: 'bench', log: silentLog });
  const ledgers = views.follow(ledgerRecord);
  await new Promise<void>((resolve) => views.start(resolve));
  host.start();
  const began = performance.now();
  for (let index = 0; index < WORKLOADS; index++) {
    rival.queue.put(
      {
        subject: address(placeWork, {
          priority: 'normal',
          tenant: 'default',
          workload: `w${index}`,
        }),
        body: encode(placeWork, { reason: 'bench' }),
        headers: {},
      },
      () => undefined,
    );
  }
  const listed = (): number => {
    let sum = 0;
    for (const { value } of ledgers.entries()) sum += Object.keys(value.entries).length;
    return sum;
  };
  await eventually(() => listed() === WORKLOADS * EACH, 120_000, 'every placement');
  const seconds = (performance.now() - began) / 1000;
  const counts = host.counters.route('work.place');
  const decisionMs = [counts.processingNs / 1e6 / Math.max(1, counts.handled)];
  if (process.env['BENCH_COUNTERS']) console.error(host.counters);
  const { conflicts } = host.counters;
  const written = conflicts + WORKLOADS * Math.min(nodes, EACH);
  await new Promise<void>((resolve) => host.drain(resolve));
  views.close();
  return { rate: (WORKLOADS * EACH) / seconds, decisionMs, conflictRatio: conflicts / written };
}

/** Writes nodes with room for everything, and workloads whose instances want one. */
async function fill(ports: Ports, nodes: number): Promise<void> {
  const writes: Write[] = [];
  const add = <P>(record: RecordContract<string, P>, key: string, value: P): void => {
    writes.push({
      bucket: 'shoal',
      key,
      body: encode(record, value),
      expected: 'any',
      headers: {},
    });
  };
  const capacity = { cpuMilli: 1_000_000, memoryBytes: 2 ** 42, diskBytes: 2 ** 42 };
  for (let index = 0; index < nodes; index++) {
    const node = `n${index}`;
    add(nodeRecord, address(nodeRecord, { node }), nodeOf(node, capacity));
    const ledger: Ledger = {
      ...{ node, capacity, accepts: 'yes', incarnation: 1, entries: {}, sums: noAmounts },
    };
    add(ledgerRecord, address(ledgerRecord, { node }), ledger);
  }
  for (let index = 0; index < WORKLOADS; index++) {
    const name = `w${index}`;
    const workload = {
      ...service(EACH),
      ...{ tenant: 'default', name, generation: 1, templateGeneration: 1, createdAt: now, last },
    } as Workload;
    add(workloadRecord, address(workloadRecord, { tenant: 'default', workload: name }), workload);
    for (let each = 0; each < EACH; each++) {
      const instance = `${name}-i${each}`;
      const tokens = { tenant: 'default', instance };
      add(instanceRecord, address(instanceRecord, tokens), instanceOf(name, instance));
    }
  }
  for (let from = 0; from < writes.length; from += 500) {
    await new Promise<void>((resolve) =>
      ports.store.write(writes.slice(from, from + 500), () => resolve()),
    );
  }
}

function nodeOf(node: string, capacity: Node['capacity']): Node {
  return {
    ...{ node, identity: '00000000-0000-0000-0000-000000000000', class: 'steady', labels: {} },
    ...{ architecture: 'x64', platform: 'linux', hostname: node, address: '127.0.0.1' },
    ...{ agentVersion: '0.0.0', protocol: PROTOCOL, capacity },
    drivers: { process: { enforces: [], notEnforced: {} } },
    ...{ liveness: 'ready', enrolledAt: now, offlineAt: [], last },
  };
}

function instanceOf(workload: string, instance: string): Instance {
  return {
    ...{ tenant: 'default', instance, workload, kind: 'service', generation: 1, intent: 'run' },
    ...{ epoch: 0, attempt: 1, avoid: [], failures: 0, createdAt: now, last },
  };
}

/** A store on which a rival is quicker, for some of the ledgers that are about to be written. */
function contendedStore(store: Store, rival: Ports): Store {
  return {
    write(writes, done) {
      const contested = writes.filter(
        ({ key }) => covers(LEDGERS, key) && Math.random() < CONFLICT_RATIO,
      );
      let open = contested.length;
      if (open === 0) return store.write(writes, done);
      for (const { key } of contested) {
        rewrite(rival, key, () => {
          open--;
          if (open === 0) store.write(writes, done);
        });
      }
    },
    transact: (writes, done) => store.transact(writes, done),
    newest: (bucket, key, done) => store.newest(bucket, key, done),
    read: (bucket, key, done) => store.read(bucket, key, done),
    follow: (bucket, patterns, follower) => store.follow(bucket, patterns, follower),
  };
}

/** Writes a ledger as it is: its revision is another. */
function rewrite({ store }: Ports, key: string, done: () => void): void {
  store.read('shoal', key, (stored) => {
    if (!stored) throw new Error(`${key} cannot be read`);
    const { body, revision: expected } = stored;
    store.write([{ bucket: 'shoal', key, body, expected, headers: {} }], done);
  });
}
