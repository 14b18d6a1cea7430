/** Retention on a real server: two tenants, changed settings, a death in the middle, hard kills. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { retention } from '../../actors/retention/actor.ts';
import { retentionJobs } from '../../actors/retention/shell.ts';
import type { Actor } from '../../actors/runtime/actor.ts';
import { ask } from '../../actors/runtime/ask.ts';
import { Host } from '../../actors/runtime/host.ts';
import type { Keeper, KeptStream, Weighed } from '../../actors/runtime/keeper.ts';
import { silentLog } from '../../actors/runtime/log.ts';
import { natsKeeper } from '../../actors/runtime/nats/keeper.ts';
import type { NatsPorts } from '../../actors/runtime/nats/ports.ts';
import { viewsCurrent } from '../../actors/runtime/nats/process.ts';
import type { Term, Write, WriteResult } from '../../actors/runtime/ports.ts';
import { Views } from '../../actors/runtime/views.ts';
import {
  address,
  encode,
  eventNoticed,
  type Instance,
  instanceRecord,
  logFrame,
  type Retention,
  storeSubject,
  tenantRetain,
  workloadRecord,
} from '../../subjects/index.ts';
import { inboxPrefix } from '../../subjects/permissions.ts';
import { type NatsFixture, natsFixture } from '../support/nats.ts';
import { eventually } from '../support/ports.ts';
import { instanceOf } from '../support/records.ts';

const identity = { role: 'control', name: 'test' } as const;
const operator = { role: 'operator', name: 'o' } as const;
const agent = { role: 'agent', name: 'n1' } as const;

let nats: NatsFixture;
let ports: NatsPorts;
let asking: NatsPorts;
let printing: NatsPorts;
let keeper: Keeper;
const hosts: { readonly host: Host; readonly views: Views }[] = [];

async function connect(): Promise<void> {
  const bus = await nats.ports(identity);
  ports = bus;
  asking = await nats.ports(operator);
  printing = await nats.ports(agent);
  const { connection, exchange, newId } = bus;
  keeper = natsKeeper({ connection, exchange, newId, inbox: inboxPrefix(identity) });
}

beforeEach(async () => {
  nats = await natsFixture([identity, operator, agent]);
  await connect();
});
/** Whoever purges says under which fence. */
const under: Term = { actor: 'retention', fence: 1 };

afterEach(async () => {
  for (const each of hosts.splice(0)) end(each);
  await nats?.[Symbol.asyncDispose]();
});

function end({ host, views }: (typeof hosts)[0]): void {
  host.stop();
  views.close();
}

/** A copy of the actor, as a control plane of its own would run it. */
async function join(options: { readonly keeper?: Keeper } = {}): Promise<(typeof hosts)[0]> {
  const views = new Views(ports.store, ports.clock, silentLog);
  const host = new Host(retention() as unknown as Actor, {
    ...{ ports, views, copy: `copy-${ports.newId()}`, log: silentLog },
    jobs: retentionJobs(options.keeper ?? keeper, ports.store),
  });
  await viewsCurrent(views);
  host.start();
  await new Promise<void>((done) => host.whenSettled(done));
  hosts.push({ host, views });
  return { host, views };
}

async function set(tenant: string, retention: Retention): Promise<void> {
  const { answer } = await ask(asking, tenantRetain, { tenant }, { retention });
  expect(answer.ok).toBe(true);
}

/** Appends so many messages of a tenant, some hundred at a time. */
async function append(stream: 'EVENTS' | 'LOGS', tenant: string, count: number): Promise<void> {
  for (let from = 0; from < count; from += 500) {
    const some = Array.from({ length: Math.min(500, count - from) }, (_, n) => from + n);
    await Promise.all(some.map((n) => appendOne(stream, tenant, n)));
  }
}

function appendOne(stream: 'EVENTS' | 'LOGS', tenant: string, n: number): Promise<void> {
  const id = `web-${n % 50}`;
  const tokens = { tenant, noun: 'instance', id, verb: 'started' } as const;
  const message =
    stream === 'EVENTS'
      ? {
          subject: address(eventNoticed, tokens),
          body: encode(eventNoticed, { ...tokens, at: n, message: `number ${n}` }),
        }
      : {
          subject: address(logFrame, { tenant, workload: 'web', instance: id }),
          body: encode(logFrame, {
            ...{ node: 'n1', epoch: 1, stream: 'stdout', first: n + 1 },
            lines: [{ at: n, text: `line ${n}` }],
          }),
        };
  // By its id it is stored once, however often it is sent: on a slow machine the word of it comes late.
  const headers = { 'Nats-Msg-Id': `${tenant}-${n}`, 'Content-Type': 'application/json' };
  const { bus } = stream === 'LOGS' ? printing : ports;
  const isStored = () =>
    new Promise<boolean>((done) => bus.append(stream, { ...message, headers }, done));
  return eventually(isStored, 5_000, `${stream} to take ${tenant} ${n}`);
}

/** Every message of a pattern, without bodies; again, if some were removed while it read. */
async function messages(stream: KeptStream, pattern: string): Promise<Weighed[]> {
  for (;;) {
    const all: Weighed[] = [];
    const isWhole = await new Promise((resolve) =>
      keeper.weigh({ stream, pattern }, (each) => all.push(each), resolve),
    );
    if (isWhole) return all;
  }
}

const count = async (stream: 'EVENTS' | 'LOGS', tenant: string): Promise<number> =>
  (
    await messages(
      stream,
      stream === 'EVENTS' ? `shoal.event.${tenant}.>` : `shoal.log.${tenant}.>`,
    )
  ).length;

/** Begins a round at once instead of within a minute. */
async function round(): Promise<void> {
  for (const each of hosts.splice(0)) end(each);
  await join();
}

describe('messages', () => {
  test('weigh what the stream says they weigh, to the byte', async () => {
    await append('EVENTS', 'a', 200);
    await append('EVENTS', 'b', 100);
    const bytes = (await messages('EVENTS', 'shoal.event.>')).reduce(
      (sum, one) => sum + one.bytes,
      0,
    );
    const counts = new Map<string, number>();
    const survey = await new Promise<{ bytes: number } | undefined>((resolve) =>
      keeper.survey(
        { stream: 'EVENTS', pattern: 'shoal.event.>' },
        (subject, each) => void counts.set(subject, each),
        resolve,
      ),
    );
    expect(survey?.bytes).toBe(bytes);
    expect([...counts.values()].reduce((sum, each) => sum + each, 0)).toBe(300);
  });

  test('that are removed while they are read leave no reading without an end', async () => {
    await append('EVENTS', 'a', 2_000);
    const of = { stream: 'EVENTS', pattern: 'shoal.event.a.>' } as const;
    let seen = 0;
    const isWhole = await new Promise((resolve) =>
      keeper.weigh(
        of,
        () => {
          seen++;
          if (seen === 1) keeper.purge({ ...of, before: 2_001, under }, () => undefined);
        },
        resolve,
      ),
    );
    expect(typeof isWhole).toBe('boolean');
    expect(await messages('EVENTS', of.pattern)).toEqual([]);
  }, 30_000);

  test('of tenant A go down to its limits, the newest stay; tenant B keeps all it has', async () => {
    await append('EVENTS', 'a', 10_000);
    await append('EVENTS', 'b', 1_000);
    await append('LOGS', 'a', 2_000);
    await append('LOGS', 'b', 500);
    await join();
    await set('a', { events: { count: 100 }, logs: { count: 50 } });
    await round();
    await eventually(async () => (await count('LOGS', 'a')) === 50, 20_000, 'the logs of A');
    const left = await messages('EVENTS', 'shoal.event.a.>');
    expect(left).toHaveLength(100);
    const all = await messages('EVENTS', 'shoal.event.>');
    expect(left[0]?.sequence).toBe(9_901);
    expect(all).toHaveLength(1_100);
    expect([await count('EVENTS', 'b'), await count('LOGS', 'b')]).toEqual([1_000, 500]);
  });

  test('by bytes; less is kept after the settings change, and nothing comes of more', async () => {
    await append('EVENTS', 'a', 4_000);
    await join();
    await set('a', { events: { bytes: '512Ki' } });
    await round();
    const bytes = async (): Promise<number> =>
      (await messages('EVENTS', 'shoal.event.a.>')).reduce((sum, one) => sum + one.bytes, 0);
    await eventually(async () => (await bytes()) <= 512 * 1024, 20_000, 'fewer bytes');
    expect(await bytes()).toBeGreaterThan(511 * 1024);
    const before = await count('EVENTS', 'a');
    await set('a', { events: { count: 10 } });
    await round();
    await eventually(async () => (await count('EVENTS', 'a')) === 10, 20_000, 'ten');
    expect(before).toBeGreaterThan(10);
    await set('a', {});
    await round();
    expect(await count('EVENTS', 'a')).toBe(10);
  });

  test('an actor that dies between weighing and purging leaves its work to the next one', async () => {
    await append('EVENTS', 'a', 3_000);
    const first = await join();
    await set('a', { events: { count: 100 } });
    end(first);
    hosts.splice(0);
    let isAsked = false;
    const deaf: Keeper = {
      ...keeper,
      purge: () => {
        isAsked = true;
      },
    };
    const dying = await join({ keeper: deaf });
    await eventually(() => isAsked, 10_000, 'the purge');
    end(dying);
    hosts.splice(0);
    expect(await count('EVENTS', 'a')).toBe(3_000);
    await join();
    await eventually(async () => (await count('EVENTS', 'a')) === 100, 20_000, 'the next one');
  });
});

const KEYS = 300;
const name = (n: number): string => `web-${n}`;
const ended = (n: number): Instance =>
  instanceOf(name(n), {
    ...{ tenant: 'a', workload: 'web', intent: 'stop' },
    outcome: { result: 'stopped', at: 1, message: '' },
  });

async function write(value: (n: number) => Instance | null): Promise<void> {
  const writes = Array.from({ length: KEYS }, (_, n): Write => {
    const of = value(n);
    return {
      ...{ bucket: 'shoal', key: `instance.a.${name(n)}`, expected: 'any', headers: {} },
      body: of && encode(instanceRecord, of),
    };
  });
  const results = await new Promise<readonly WriteResult[]>((done) =>
    ports.store.write(writes, done),
  );
  for (const each of results) expect(each.kind).toBe('stored');
}

describe('keys', () => {
  const jobs = () => retentionJobs(keeper, ports.store);
  const marked = () => messages('KV_shoal', storeSubject('shoal', 'instance.>'));

  /** What the actor does when it looks through the keys. */
  async function clearKeys(): Promise<void> {
    const seen = (await marked()).filter((each) => each.isMarker);
    const keys = seen.map(({ subject, sequence, at }) => {
      return { key: subject.slice('$KV.shoal.'.length), revision: sequence, at, isMarker: true };
    });
    await new Promise((done) => jobs()['clear']?.({ bucket: 'shoal', keys }, done, under));
  }

  test('markers are removed for good, and the key can be made again', async () => {
    await write((n) => instanceOf(name(n), { tenant: 'a' }));
    await write(ended);
    await write(() => null);
    expect(await marked()).toHaveLength(KEYS);
    await clearKeys();
    expect(await marked()).toEqual([]);
    await write(ended);
    expect(await marked()).toHaveLength(KEYS);
  });

  test('a key that was written anew is not removed by what was seen before', async () => {
    await write(() => null);
    const seen = await marked();
    await write(ended);
    const keys = seen.map(({ subject, sequence, at }) => {
      return { key: subject.slice('$KV.shoal.'.length), revision: sequence, at, isMarker: true };
    });
    await new Promise((done) => jobs()['clear']?.({ bucket: 'shoal', keys }, done, under));
    const values = keys.map((each) => ({ ...each, isMarker: false }));
    await new Promise((done) => jobs()['clear']?.({ bucket: 'shoal', keys: values }, done, under));
    const left = await marked();
    expect([left.length, left.filter((each) => each.isMarker).length]).toEqual([KEYS, 0]);
  });

  test('what comes back after a hard kill is over, and is met again', async () => {
    // Keys that stay, so that blocks of the store hold old values among living ones.
    const body = encode(instanceRecord, instanceOf('kept-1'));
    const kept = Array.from({ length: KEYS }, (_, n) => {
      const key = `instance.kept.k-${n}`;
      return { bucket: 'shoal', key, body, expected: 'any', headers: {} } as const;
    });
    await new Promise((done) => ports.store.write(kept, done));
    await write((n) => instanceOf(name(n), { tenant: 'a' }));
    await write(ended);
    await write(() => null);
    await clearKeys();
    await nats.restart('SIGKILL');
    await connect();
    const views = new Views(ports.store, ports.clock, silentLog);
    const view = views.follow(instanceRecord);
    views.follow(workloadRecord);
    await viewsCurrent(views);
    const back = [...view.entries()].filter((each) => each.value.tenant === 'a');
    views.close();
    // How many is the server's; that none of them wants to run is ours.
    expect(back.filter((each) => each.value.outcome === undefined)).toEqual([]);
    await write(() => null);
    await clearKeys();
    expect(await messages('KV_shoal', storeSubject('shoal', 'instance.a.>'))).toEqual([]);
  });

  test('what was purged from a stream and came back is met by the next round', async () => {
    await append('EVENTS', 'a', 2_000);
    await join();
    await set('a', { events: { count: 100 } });
    await round();
    await eventually(async () => (await count('EVENTS', 'a')) === 100, 20_000, 'the first round');
    for (const each of hosts.splice(0)) end(each);
    await nats.restart('SIGKILL');
    await connect();
    expect(await count('EVENTS', 'a')).toBeGreaterThanOrEqual(100);
    await join();
    await eventually(async () => (await count('EVENTS', 'a')) === 100, 20_000, 'the next round');
  });
});
