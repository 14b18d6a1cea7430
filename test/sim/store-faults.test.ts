/** Faults of the store do to a process what a real server was seen to do, and no more. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { MemoryConnection } from '../../actors/runtime/memory/connection.ts';
import type { Stored, WriteResult } from '../../actors/runtime/ports.ts';
import { instanceRecord, nodeRecord } from '../../subjects/index.ts';
import { isStranger, StoreTrouble } from './store-faults.ts';
import { World } from './world.ts';

const body = new TextEncoder().encode('{}');
const KEY = 'node.n9';

describe('a store in trouble', () => {
  let world: World;
  let trouble: StoreTrouble;
  let connection: MemoryConnection;
  beforeEach(() => {
    world = new World(5);
    trouble = new StoreTrouble(world, (delayMs, call) => void world.clock.after(delayMs, call));
    world.startControl();
    world.clock.advance(1_000);
    connection = (world.processes.get('control') as { connection: MemoryConnection }).connection;
  });

  /** What comes of a write within two seconds, and after how long. */
  const write = (bucket: 'shoal' | 'shoal-observed' = 'shoal', key = KEY) => {
    const began = world.clock.elapsed();
    let result: WriteResult | undefined;
    let tookMs = 0;
    connection.ports.store.write(
      [{ bucket, key, body, expected: 'any', headers: { 'Shoal-Writer': 'stranger' } }],
      ([one]) => {
        result = one;
        tookMs = world.clock.elapsed() - began;
      },
    );
    world.clock.advance(2_000);
    return { kind: result?.kind, tookMs };
  };
  const ask = <T>(call: (done: (value: T) => void) => void): T | 'nothing' => {
    let answer: T | 'nothing' = 'nothing';
    call((value) => {
      answer = value;
    });
    world.clock.advance(2_000);
    return answer;
  };
  const read = (key = KEY) =>
    ask<Stored | null | undefined>((done) => connection.ports.store.read('shoal', key, done));
  const newest = () =>
    ask<number | undefined>((done) => connection.ports.store.newest('shoal', KEY, done));

  test('a stream without a leader takes no writes for 4 to 15 s and is read all the same', () => {
    write();
    world.weather.elections.set('shoal', 'none');
    expect(write()).toMatchObject({ kind: 'unanswered' });
    expect(write().tookMs).toBeLessThan(100);
    expect(newest()).toBeUndefined();
    expect(read()).toMatchObject({ key: KEY });
    expect(write('shoal-observed', 'n9.default.x')).toMatchObject({ kind: 'stored' });
    world.weather.elections.set('shoal', 'deaf');
    expect(write()).toMatchObject({ kind: 'unanswered' });
    expect(write().tookMs).toBeGreaterThanOrEqual(1_000);
    world.weather.elections.clear();
    expect(write()).toMatchObject({ kind: 'stored' });
  });

  test('an election ends by itself within its time', () => {
    for (let count = 0; count < 20; count++) {
      trouble.elect();
      expect(world.weather.elections.size).toBe(1);
      world.clock.advance(3_999);
      expect(world.weather.elections.size).toBe(1);
      world.clock.advance(11_001);
      expect(world.weather.elections.size).toBe(0);
    }
  });

  test('nobody begins to follow a stream without a leader; who follows it goes on after', () => {
    world.weather.elections.set('shoal', 'deaf');
    world.startControl('control-2');
    world.clock.advance(5_000);
    const control = world.processes.get('control-2');
    expect(control?.hosts.some((each) => each.isActing)).toBe(false);
    world.weather.elections.clear();
    world.clock.advance(3_000);
    expect(control?.hosts.some((each) => each.isActing)).toBe(true);
  });

  test('a work queue without a leader hands nothing out and forgets no item', () => {
    const got: number[] = [];
    connection.ports.queue.take(
      { consumer: 'test', pattern: 'test.>', ackWaitMs: 1_000 },
      5,
      (item) => {
        got.push(item.deliveries);
        item.ack();
      },
    );
    world.weather.elections.set('WORK', 'none');
    world.server.put({ subject: 'test.one', body, headers: {} });
    world.clock.advance(5_000);
    expect(got).toEqual([]);
    world.weather.elections.clear();
    world.clock.advance(2_000);
    expect(got).toHaveLength(1);
    expect(world.server.items).toBe(0);
  });

  test('a full disk: writes time out, reads go on, until the server starts again', () => {
    write();
    world.weather.full.add('shoal');
    expect(write()).toMatchObject({ kind: 'unanswered' });
    expect(write().tookMs).toBeGreaterThanOrEqual(1_000);
    expect(read()).toMatchObject({ key: KEY });
    expect(newest()).toBeGreaterThan(0);
    expect(write('shoal-observed', 'n9.default.x')).toMatchObject({ kind: 'stored' });
    world.weather.full.clear();
    const connections: boolean[] = [];
    connection.ports.bus.watchConnection((isConnected) => connections.push(isConnected));
    let downs = 0;
    for (let count = 0; count < 4; count++) {
      expect(trouble.fill()).toBe(true);
      world.run(() => world.weather.isDown, 10_100, 'the server is stopped to be started');
      downs++;
      world.run(() => !world.weather.isDown, 3_100, 'it is back');
      expect(world.weather.full.size).toBe(0);
      world.clock.advance(100);
    }
    expect(connections.filter((each) => !each)).toHaveLength(downs);
    expect(connections.filter((each) => each)).toHaveLength(downs);
    expect(write()).toMatchObject({ kind: 'stored' });
  });

  test('an outdated direct get answers what stood there before, or that nothing did', () => {
    write();
    write();
    const [stored] = [...world.server.stored('shoal')].filter((each) => each.key === KEY);
    expect(read()).toMatchObject({ revision: stored?.revision });
    world.weather.staleRatio = 1;
    const before = read() as Stored;
    expect(before.revision).toBeLessThan(stored?.revision ?? 0);
    write('shoal', 'node.n10');
    expect(read('node.n10')).toBeNull();
    expect(world.faults.get('stale')).toBeGreaterThan(0);
  });

  test('one of three servers that ends hard has what was deleted again, and others have not', () => {
    write();
    world.server.write({ bucket: 'shoal', key: KEY, body: null, expected: 'any', headers: {} });
    expect(read()).toBeNull();
    const answers = new Set<boolean>();
    // How long it has what was deleted is chance, and may be no longer than a read takes.
    for (let killed = 0; killed < 10 && answers.size < 2; killed++) {
      expect(trouble.killOne()).toBe(true);
      while (world.weather.revivedRatio > 0) answers.add(read() === null);
    }
    expect(answers).toEqual(new Set([true, false]));
    world.clock.advance(20_000);
    expect(new Set(Array.from({ length: 40 }, () => read()))).toEqual(new Set([null]));
  });

  test('a server that ends hard: deleted keys come back and work is handed out again', () => {
    const got: number[] = [];
    const of = { consumer: 'test', pattern: 'test.>', ackWaitMs: 1_000 };
    connection.ports.queue.take(of, 5, (item) => {
      got.push(item.deliveries);
      item.ack();
    });
    const { server, clock } = world;
    server.put({ subject: 'test.one', body, headers: {} });
    const put = (value: Uint8Array | null): void => {
      const key = 'route.default.a.example';
      server.write({ bucket: 'shoal', key, body: value, expected: 'any', headers: {} });
    };
    const route = { tenant: 'default', host: 'a.example', workload: 'w', port: 'http' };
    put(new TextEncoder().encode(JSON.stringify(route)));
    put(null);
    clock.advance(1_000);
    expect(got).toEqual([1]);
    const revived = (): boolean =>
      [...server.stored('shoal')].some((each) => each.key.startsWith('route.') && !!each.body);
    for (let count = 0; count < 10 && !revived(); count++) {
      expect(trouble.kill()).toBe(true);
      expect(write()).toMatchObject({ kind: 'unanswered' });
      clock.advance(3_000);
    }
    expect(revived()).toBe(true);
    expect(got.length).toBeGreaterThan(1);
    expect(server.items).toBe(0);
  });

  test('strangers write what nobody reads, and what a newer version would; nobody minds', () => {
    world.addMachine('n1');
    world.clock.advance(3_000);
    for (let count = 0; count < 300; count++) {
      expect(trouble.disturb()).toBe(true);
      world.clock.advance(50);
    }
    const strange = [...world.server.stored('shoal')].filter(isStranger);
    expect(strange.length).toBeGreaterThan(50);
    expect(strange.some((each) => each.key.startsWith('instance.'))).toBe(true);
    world.clock.advance(10_000);
    expect(world.all(nodeRecord).map((each) => each.node)).toEqual(['n1']);
    expect(world.all(instanceRecord)).toEqual([]);
    expect(world.checkers.violations).toEqual([]);
    const hosts = [...world.processes.values()].flatMap((each) => each.hosts);
    expect(hosts.map((each) => each.counters.faults)).toEqual(hosts.map(() => 0));
    expect(hosts.filter((each) => each.isActing)).toHaveLength(hosts.length);
  });
});
