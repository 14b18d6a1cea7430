/**
 * Three real servers, each killed hard in its turn: what was removed for good may be there again, on
 * some replicas only, so that reads differ. Whatever is read then is over, and a deletion ends it everywhere.
 */
import { afterEach, expect, test } from 'vitest';
import { retentionJobs } from '../../actors/retention/shell.ts';
import { silentLog } from '../../actors/runtime/log.ts';
import { natsKeeper } from '../../actors/runtime/nats/keeper.ts';
import { type BusProcess, joinBus } from '../../actors/runtime/nats/process.ts';
import type { Stored, Write } from '../../actors/runtime/ports.ts';
import { userKey } from '../../nats/keys.ts';
import {
  decode,
  encode,
  type Instance,
  instanceRecord,
  storeSubject,
} from '../../subjects/index.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';
import { instanceOf } from '../support/records.ts';

const KEYS = 200;
/** Longer than an election, and what is tried again after it. */
const WHOLE_MS = 60_000;
const control = { role: 'control', name: 'control' } as const;
/** Whoever purges says under which fence; this keeper is not asked for it. */
const under = { actor: 'retention', fence: 1 };
const keyOf = (n: number): string => `instance.a.web-${n}`;

let fabric: FabricUnderTest | undefined;
const buses: BusProcess[] = [];
afterEach(async () => {
  for (const bus of buses.splice(0)) {
    bus.views.close();
    await bus.connection.close();
  }
  await fabric?.[Symbol.asyncDispose]();
  fabric = undefined;
});

async function through(server: number): Promise<BusProcess> {
  const { natsUrls, layout } = (fabric as FabricUnderTest).fabric;
  const { seedFile } = await userKey(layout.keys, control);
  const bus = await joinBus({ servers: [natsUrls[server] ?? ''], seedFile }, control, {
    log: silentLog,
  });
  buses.push(bus);
  return bus;
}

/** Writes all keys until each is stored. */
async function write(
  { ports }: BusProcess,
  of: (n: number) => Instance | null,
  key = keyOf,
): Promise<void> {
  let left = Array.from({ length: KEYS }, (_, n) => n);
  const attempt = async (): Promise<boolean> => {
    const writes = left.map((n): Write => {
      const value = of(n);
      const body = value && encode(instanceRecord, value);
      return { bucket: 'shoal', key: key(n), expected: 'any', headers: {}, body };
    });
    const results = await new Promise<readonly { kind: string }[]>((done) =>
      ports.store.write(writes, done),
    );
    left = left.filter((_, index) => results[index]?.kind !== 'stored');
    return left.length === 0;
  };
  await eventually(attempt, WHOLE_MS, 'all writes');
}

/** Removes the markers of all keys without a trace, as the retention actor does; none is left. */
async function purge(bus: BusProcess): Promise<void> {
  const keeper = natsKeeper(bus.reading);
  const markers = async () => {
    const keys: { key: string; revision: number; at: number; isMarker: boolean }[] = [];
    const pattern = storeSubject('shoal', 'instance.a.>');
    const isWhole = await new Promise<boolean>((done) =>
      keeper.weigh(
        { stream: 'KV_shoal', pattern },
        ({ subject, sequence: revision, at, isMarker }) =>
          keys.push({
            key: subject.slice(storeSubject('shoal', '').length),
            revision,
            at,
            isMarker,
          }),
        done,
      ),
    );
    return isWhole ? keys : undefined;
  };
  const clear = async (): Promise<boolean> => {
    const keys = await markers();
    if (keys?.length === 0) return true;
    const jobs = retentionJobs(keeper, bus.ports.store);
    if (keys) await new Promise((done) => jobs['clear']?.({ bucket: 'shoal', keys }, done, under));
    return false;
  };
  await eventually(clear, WHOLE_MS, 'no key');
}

/** What direct gets through each server say of all keys, some times over: values that are there. */
async function read(): Promise<readonly Instance[]> {
  const found: Instance[] = [];
  for (const { ports } of buses) {
    for (let n = 0; n < KEYS; n++) {
      const stored = await new Promise<Stored | null | undefined>((done) =>
        ports.store.read('shoal', keyOf(n), done),
      );
      const value = stored?.body ? decode(instanceRecord, stored.body) : undefined;
      if (value?.ok) found.push(value.value);
    }
  }
  return found;
}

test('what comes back on three servers is over, and goes with the next deletion', async () => {
  const of = await fabricUnderTest(['n1'], { servers: 3, hasGateway: false, isKept: true });
  fabric = of;
  const [bus] = await Promise.all([0, 1, 2].map((server) => through(server)));
  const first = bus as BusProcess;
  const instance = (n: number): Instance => instanceOf(`web-${n}`, { tenant: 'a' });
  const outcome = { result: 'stopped', at: 1, message: '' } as const;
  // Keys that stay, so that blocks of the store hold old values among living ones.
  const kept = (n: number): Instance => instanceOf(`k-${n}`, { tenant: 'kept', outcome });
  await write(first, kept, (n) => `instance.kept.k-${n}`);
  await write(first, instance);
  await write(first, (n) => ({ ...instance(n), intent: 'stop', outcome }));
  await write(first, () => null);
  await purge(first);
  const back: number[] = [];
  for (const name of of.fabric.servers) {
    const child = of.fabric.child(name);
    const { pid } = child;
    process.kill(pid as number, 'SIGKILL');
    await eventually(() => child.pid !== undefined && child.pid !== pid, 20_000, 'another server');
    await eventually(
      () =>
        Promise.all(buses.map((each) => each.connection.flush())).then(
          () => true,
          () => false,
        ),
      WHOLE_MS,
      'connections',
    );
    const revived = await read();
    back.push(revived.length);
    // How many is the servers' affair; that none of them wants to run is ours.
    expect(revived.filter((each) => each.outcome === undefined)).toEqual([]);
  }
  process.stderr.write(`read again after each server was killed: ${back.join(', ')} values\n`);
  await write(first, () => null);
  await eventually(async () => (await read()).length === 0, WHOLE_MS, 'no value anywhere');
  expect(await of.running()).toEqual(new Map());
});
