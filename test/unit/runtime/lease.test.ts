/** Who acts, of several copies: takeover, giving back, pauses of the store, fences. */
import { beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineActor, every, follow, on, type Received } from '../../../actors/runtime/actor.ts';
import { commit, none, put, reply } from '../../../actors/runtime/effect.ts';
import type { Host } from '../../../actors/runtime/host.ts';
import { LEASE_MS } from '../../../actors/runtime/lease.ts';
import type { Link, MemoryConnection } from '../../../actors/runtime/memory/connection.ts';
import type { View } from '../../../actors/runtime/view.ts';
import {
  type Lease,
  leaseRecord,
  type Route,
  request,
  routeRecord,
} from '../../../subjects/index.ts';
import { ProcessClock } from '../../sim/process-clock.ts';
import { Bench } from '../../support/host.ts';

const who = request({
  name: 'who',
  subject: 'shoal.who',
  schema: z.object({}),
  reply: z.object({ fence: z.number(), ticks: z.number() }),
  bytesMax: 100,
  timeoutMs: 1_000,
  ...{ from: ['gateway'], to: ['control'], summary: 'For a test.' },
});

interface Copy {
  readonly host: Host;
  readonly connection: MemoryConnection;
  readonly link: { isUp: boolean; transfer(): number | undefined };
  ticks: number;
}

describe('of several copies', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });

  /** With a clock of its own: a process that can stand still. */
  const join = (clock?: ProcessClock): Copy => {
    const link: { -readonly [K in keyof Link]: Link[K] } = { isUp: true, transfer: () => 0.2 };
    if (clock) link.arrive = (call) => clock.arrive(call);
    const copy = { link, ticks: 0 } as unknown as Copy;
    const actor = defineActor<object, object>({
      name: 'guard',
      sentence: 'Makes sure that one guards.',
      copies: 'acting',
      init: () => ({}),
      routes: [
        on(who, (_state, ask: Received<typeof who>, { fence }) => [
          reply(who, ask.from, { fence, ticks: copy.ticks }),
        ]),
      ],
      follows: {},
      timers: {
        tick: every(100, () => {
          copy.ticks++;
          return none;
        }),
      },
      publishes: [],
      writes: [],
    });
    const ports = clock && { ...bench.connection(link).ports, clock };
    const joined = bench.join(actor, { link, ...(ports && { ports }) });
    return Object.assign(copy, { host: joined.host, connection: joined.connection });
  };
  const lease = (): Lease | undefined =>
    bench.stored(leaseRecord, { actor: 'guard', shard: '0' }) as Lease | undefined;
  const acting = (...copies: Copy[]): number => copies.filter((each) => each.host.isActing).length;
  const die = (copy: Copy): void => {
    copy.host.stop();
    copy.connection.close();
  };

  test('the first acts, the others stand by and do nothing', () => {
    const [first, second] = [join(), join()];
    bench.clock.advance(10_000);
    expect(first.host.isActing).toBe(true);
    expect(second.host.isActing).toBe(false);
    expect(second.ticks).toBe(0);
    expect(first.ticks).toBeGreaterThan(90);
    expect(lease()?.holder).toBe(first.host.copy);
    expect(lease()?.renewals).toBeGreaterThan(8);
  });

  test('another acts within a second of a death, with a higher fence, and asks go to it', () => {
    const [first, second] = [join(), join()];
    const before = bench.ask(who, {}, {});
    die(first);
    bench.clock.runUntil(() => second.host.isActing, 1_000, 'a takeover');
    bench.clock.advance(10);
    const after = bench.ask(who, {}, {});
    if (!before.ok || !after.ok) throw new Error('no answer');
    expect(after.value.fence).toBeGreaterThan(before.value.fence);
    expect(lease()?.fence).toBe(after.value.fence);
  });

  test('one that ends in order gives the lease back: the next acts at once', () => {
    const [first, second] = [join(), join()];
    let isDrained = false;
    first.host.drain(() => {
      isDrained = true;
    });
    bench.clock.runUntil(() => isDrained && second.host.isActing, 50, 'a handover');
    expect(first.host.isActing).toBe(false);
  });

  test('one that is cut off stops acting before another begins', () => {
    const [first, second] = [join(), join()];
    bench.clock.advance(500);
    first.link.transfer = () => undefined;
    const seen: number[] = [];
    bench.clock.runUntil(
      () => {
        seen.push(acting(first, second));
        return second.host.isActing;
      },
      2 * LEASE_MS,
      'a takeover',
    );
    expect(Math.max(...seen)).toBe(1);
    first.link.transfer = () => 0.2;
    bench.clock.advance(10_000);
    expect(acting(first, second)).toBe(1);
    expect(second.host.isActing).toBe(true);
  });

  test('one that stood still decides nothing on what came due meanwhile: its lease is over', () => {
    const clock = new ProcessClock(bench.clock);
    const copy = join(clock);
    bench.clock.advance(5_000);
    const before = copy.ticks;
    expect(before).toBeGreaterThan(0);
    clock.pause(false);
    bench.clock.advance(2 * LEASE_MS);
    clock.resume();
    bench.clock.settle();
    expect([copy.ticks, copy.host.isActing]).toEqual([before, false]);
    bench.clock.advance(5_000);
    expect(copy.host.isActing).toBe(true);
    expect(copy.ticks).toBeGreaterThan(before);
  });

  test('one that stood still for less goes on at once', () => {
    const clock = new ProcessClock(bench.clock);
    const copy = join(clock);
    bench.clock.advance(5_000);
    for (let round = 0; round < 20; round++) {
      const before = copy.ticks;
      clock.pause(false);
      bench.clock.advance(600 + 70 * round);
      clock.resume();
      bench.clock.advance(200);
      expect([copy.ticks > before, copy.host.isActing]).toEqual([true, true]);
      bench.clock.advance(2_000);
    }
  });

  test('a store that pauses pauses acting, and the same copy goes on after it', () => {
    const copies = [join(), join()];
    bench.clock.advance(500);
    const was = lease()?.fence ?? 0;
    for (const copy of copies) copy.link.transfer = () => undefined;
    bench.clock.advance(8_000);
    expect(acting(...copies)).toBe(0);
    for (const copy of copies) copy.link.transfer = () => 0.2;
    bench.clock.advance(2 * LEASE_MS);
    expect(acting(...copies)).toBe(1);
    expect(lease()?.fence).toBeGreaterThan(was);
  });

  test('one renewal that is lost, or whose answer is, changes nothing', () => {
    const [first, second] = [join(), join()];
    for (let round = 0; round < 20; round++) {
      let left = 1;
      first.link.transfer = () => (left-- > 0 ? undefined : 0.2);
      bench.clock.advance(1_000);
    }
    expect(first.host.isActing).toBe(true);
    expect(second.ticks).toBe(0);
  });

  test('fences only rise, whoever comes and goes', () => {
    const fences: number[] = [];
    let current = join();
    for (let round = 0; round < 6; round++) {
      fences.push(lease()?.fence ?? 0);
      const next = join();
      die(current);
      bench.clock.runUntil(() => next.host.isActing, 2 * LEASE_MS, 'a takeover');
      current = next;
    }
    expect(fences).toEqual([...new Set(fences)].sort((one, other) => one - other));
  });

  test.each([
    ['that nobody can read', '{"actor":'],
    ['of a holder that is not there', undefined],
  ])('what a stranger writes %s holds it no longer than silence would', (_, body) => {
    const copies = [join(), join()];
    bench.clock.advance(500);
    const holder = { actor: 'guard', shard: '0', holder: 'nobody', fence: 1, renewals: 0 };
    bench.server.write({
      ...{ bucket: 'shoal', key: 'lease.guard.0', expected: 'any', headers: {} },
      body: new TextEncoder().encode(body ?? JSON.stringify(holder)),
    });
    bench.clock.advance(3 * LEASE_MS);
    expect(acting(...copies)).toBe(1);
    bench.clock.advance(10_000);
    expect(acting(...copies)).toBe(1);
    expect(copies.map((each) => each.host.copy)).toContain(lease()?.holder);
  });
});

test('what a copy was asked before it stood by is not done when it acts again', () => {
  const bench = new Bench();
  const set = request({
    name: 'set',
    subject: 'shoal.set',
    schema: z.object({ port: z.string() }),
    reply: z.object({}),
    bytesMax: 100,
    timeoutMs: 1_000,
    ...{ from: ['gateway'], to: ['control'], summary: 'For a test.' },
  });
  const key = { tenant: 'default', host: 'h.localhost' };
  interface Views {
    readonly routes: View<typeof routeRecord>;
  }
  const join = () => {
    const link: Link & { isUp: boolean } = { isUp: true, transfer: () => 0.2 };
    const actor = defineActor<object, Views>({
      name: 'setter',
      sentence: 'Makes sure that the last who asks is right.',
      copies: 'acting',
      init: () => ({}),
      routes: [
        on(set, (_state, ask: Received<typeof set>) => [
          commit(put(routeRecord, key, { ...key, workload: 'w', port: ask.payload.port })),
          reply(set, ask.from, {}),
        ]),
      ],
      follows: { routes: follow(routeRecord) },
      publishes: [],
      writes: [routeRecord],
    });
    return { ...bench.join(actor, { link }), link };
  };
  const port = () => (bench.stored(routeRecord, key) as Route | undefined)?.port;
  const [first, second] = [join(), join()];
  expect(bench.ask(set, {}, { port: 'zero' }).ok).toBe(true);
  // One is being written, another waits for its key; then the network goes.
  bench.send(set, {}, { port: 'one' });
  bench.send(set, {}, { port: 'two' });
  bench.clock.runUntil(() => first.host.underWay === 1, 1_000, 'the first write');
  first.link.transfer = () => undefined;
  bench.clock.runUntil(() => second.host.isActing, 20_000, 'the other');
  bench.clock.advance(100);
  expect(bench.ask(set, {}, { port: 'three' }).ok).toBe(true);
  second.host.stop();
  second.connection.close();
  first.link.transfer = () => 0.2;
  bench.clock.runUntil(() => first.host.isActing, 20_000, 'the first again');
  bench.clock.advance(10_000);
  expect(port()).toBe('three');
  expect(bench.ask(set, {}, { port: 'four' }).ok).toBe(true);
  expect(port()).toBe('four');
});
