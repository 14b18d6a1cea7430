/**
 * Readers of streams go on through restarts of the server: views of the store are made good,
 * deletions included, and tails of streams continue with the next message. Neither leaves a
 * consumer behind.
 */
import type { NatsConnection } from 'nats';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLog } from '../../actors/runtime/log.ts';
import type { Exchange } from '../../actors/runtime/nats/exchange.ts';
import { followBucket } from '../../actors/runtime/nats/follow.ts';
import { type NatsPorts, natsPorts } from '../../actors/runtime/nats/ports.ts';
import type { Reading } from '../../actors/runtime/nats/push-consumer.ts';
import { type Tailed, type TailStart, tailStream } from '../../actors/runtime/nats/tail.ts';
import type { Close } from '../../actors/runtime/ports.ts';
import { Views } from '../../actors/runtime/views.ts';
import { address, encode, type Route, routeRecord } from '../../subjects/index.ts';
import { type Identity, inboxPrefix } from '../../subjects/permissions.ts';
import { type NatsFixture, natsFixture } from '../support/nats.ts';
import { whileAway } from '../support/outage.ts';
import { eventually } from '../support/ports.ts';

const identity: Identity = { role: 'control', name: 'test' };
type Connected = NatsPorts & { readonly connection: NatsConnection };

let fixture: NatsFixture;
let reader: Connected;
let writer: Connected;
const closes: Close[] = [];

beforeEach(async () => {
  // Anybody may anything: these tests purge streams, which nobody is let do otherwise.
  fixture = await natsFixture([identity], { isOpen: true });
  reader = await fixture.ports(identity);
  writer = await fixture.ports(identity);
});
afterEach(async () => {
  for (const close of closes.splice(0)) close();
  await fixture?.[Symbol.asyncDispose]();
});

/** Asks the JetStream API until it answers: a server that has just started may not yet. */
async function api(verb: string, body?: object): Promise<Record<string, unknown>> {
  const payload = body ? JSON.stringify(body) : '';
  for (;;) {
    const connection = writer.connection;
    const answer = await connection.request(`$JS.API.${verb}`, payload).catch(() => undefined);
    if (answer) return answer.json<Record<string, unknown>>();
  }
}

async function consumers(stream: string): Promise<number> {
  const { state } = (await api(`STREAM.INFO.${stream}`)) as {
    readonly state: { readonly consumer_count: number };
  };
  return state.consumer_count;
}

/** Publishes into a stream until it is stored. */
async function store(subject: string, body: Uint8Array | string, by = writer): Promise<void> {
  for (;;) {
    const answer = await by.connection.request(subject, body).catch(() => undefined);
    if (answer?.json<{ readonly seq?: number }>().seq) return;
  }
}

const missing = (act: (by: Connected) => Promise<void>): Promise<void> =>
  whileAway(fixture, reader.connection, identity, async (connection) => {
    await act({ ...natsPorts(connection, identity, { log: silentLog }), connection });
  });

describe('a view of the store', () => {
  const route = (host: string, port = 'http'): Route => {
    return { tenant: 'default', host, workload: 'hello', port };
  };
  const key = (host: string): string => address(routeRecord, { tenant: 'default', host });
  const put = (host: string, port?: string, by?: Connected): Promise<void> =>
    store(`$KV.shoal.${key(host)}`, encode(routeRecord, route(host, port)), by);
  const remove = async (host: string, by: Connected): Promise<void> => {
    const write = { bucket: 'shoal', key: key(host), body: null, expected: 'any' } as const;
    await new Promise((resolve) => by.store.write([{ ...write, headers: {} }], resolve));
  };

  /** Reads through consumers of which some, by their number, see only these keys. */
  function readingOnly(keys: readonly string[], isBehind: (made: number) => boolean): Reading {
    let made = 0;
    const ask: Exchange['ask'] = (message, timeoutMs, done) => {
      const isMade = message.subject.startsWith('$JS.API.CONSUMER.CREATE.');
      if (!isMade || !isBehind(++made)) return reader.exchange.ask(message, timeoutMs, done);
      const request = JSON.parse(new TextDecoder().decode(message.body));
      request.config.filter_subjects = keys.map((each) => `$KV.shoal.${each}`);
      const body = new TextEncoder().encode(JSON.stringify(request));
      return reader.exchange.ask({ ...message, body }, timeoutMs, done);
    };
    const { connection, newId } = reader;
    return { connection, exchange: { ask } as Exchange, inbox: inboxPrefix(identity), newId };
  }

  function view(): { readonly hosts: () => string[]; readonly changes: string[] } {
    const changes: string[] = [];
    const views = new Views(reader.store, reader.clock, silentLog);
    const routes = views.follow(routeRecord, {}, (change) => {
      const { before, after } = change;
      const verb = after === undefined ? 'gone' : before === undefined ? 'new' : 'changed';
      changes.push(`${verb} ${(after ?? before)?.host}`);
    });
    views.start(() => undefined);
    closes.push(() => views.close());
    const hosts = (): string[] =>
      [...routes.entries()].map(({ value }) => `${value.host} ${value.port}`).sort();
    return { hosts, changes };
  }

  test('is repaired after a hard restart: changed, new, deleted and vanished keys', async () => {
    for (const host of ['stays', 'changes', 'deleted', 'vanishes']) await put(host);
    const { hosts, changes } = view();
    await eventually(() => hosts().length === 4, 3_000, 'four routes');
    changes.splice(0);
    await missing(async (by) => {
      await put('changes', 'other', by);
      await put('arrives', 'http', by);
      await remove('deleted', by);
      // No marker stays: only that the key does not come again tells that it is gone.
      const filter = `$KV.shoal.${key('vanishes')}`;
      await by.connection.request('$JS.API.STREAM.PURGE.KV_shoal', JSON.stringify({ filter }));
    });
    const now = ['arrives http', 'changes other', 'stays http'];
    await eventually(() => hosts().join() === now.join(), 8_000, 'the repaired view');
    expect([...changes].sort()).toEqual([
      'changed changes',
      'gone deleted',
      'gone vanishes',
      'new arrives',
    ]);
    await put('afterwards');
    await eventually(() => hosts().includes('afterwards http'), 5_000, 'what comes after');
  });

  test('does not take a key for gone that only the copy it reads from does not have', async () => {
    await put('lags');
    await put('stays');
    const told: string[] = [];
    // The second consumer reads from a copy that lags: of a key written anew it knows nothing yet.
    let made = 0;
    const reading = readingOnly([key('stays')], (count) => {
      made = count;
      return count === 2;
    });
    const close = followBucket(
      reading,
      { bucket: 'shoal', patterns: ['>'] },
      {
        change: ({ key: changed, body }) => told.push(`${body ? 'is' : 'not'} ${changed}`),
        current: (keys) => told.push(`current: ${[...keys].sort().join(' ')}`),
      },
    );
    closes.push(close);
    const all = `current: ${key('lags')} ${key('stays')}`;
    await eventually(() => told.includes(all), 3_000, 'both keys');
    await put('lags', 'other');
    // As new as the leader's, and yet without that key.
    await put('stays', 'other');
    await reader.connection.reconnect();
    await eventually(() => told.filter((each) => each === all).length === 2, 8_000, 'both again');
    expect(made).toBe(3);
    expect(told.filter((each) => each.startsWith('current'))).toEqual([all, all]);
  });

  test('has not read all before it is as new as the leader: the copy it reads from may be behind', async () => {
    await put('stays');
    await put('lags');
    const told: string[] = [];
    // The first consumer reads from a copy to which the second key has not come, nor ever will.
    const close = followBucket(
      readingOnly([key('stays')], (made) => made === 1),
      { bucket: 'shoal', patterns: ['>'] },
      {
        change: () => undefined,
        current: (keys) => void told.push([...keys].sort().join(' ')),
      },
    );
    closes.push(close);
    await eventually(() => told.length === 1, 8_000, 'all keys');
    expect(told).toEqual([`${key('lags')} ${key('stays')}`]);
  });

  test('leaves no consumer when it is closed, also after restarts', async () => {
    await put('a');
    const { hosts } = view();
    await eventually(() => hosts().length === 1, 3_000, 'the route');
    expect(await consumers('KV_shoal')).toBe(1);
    await missing((by) => put('b', 'http', by));
    await eventually(() => hosts().length === 2, 8_000, 'the second route');
    for (const close of closes.splice(0)) close();
    await eventually(async () => (await consumers('KV_shoal')) === 0, 5_000, 'no consumer');
  });
});

describe('a tail of a stream', () => {
  const subject = (id: string): string => `shoal.event.default.workload.${id}.created`;
  const reading = (): Reading => ({ ...reader, inbox: inboxPrefix(identity) });

  interface Tail {
    readonly ids: string[];
    readonly seen: Tailed[];
    currents: number;
  }
  function tail(start: TailStart, subjects: readonly string[] = ['shoal.event.>']): Tail {
    const told: Tail = { ids: [], seen: [], currents: 0 };
    const what = { stream: 'EVENTS', subjects, start } as const;
    const close = tailStream(reading(), what, {
      message: (message) => {
        told.seen.push(message);
        told.ids.push(message.subject.split('.')[4] as string);
      },
      current: () => void told.currents++,
    });
    closes.push(close);
    return told;
  }

  test('is current after what was there, and goes on', async () => {
    await store(subject('a'), '1');
    await store(subject('b'), '2');
    const told = tail({ kind: 'all' });
    await eventually(() => told.currents === 1, 3_000, 'current');
    expect(told.ids).toEqual(['a', 'b']);
    await store(subject('c'), '3');
    await eventually(() => told.ids.length === 3, 3_000, 'the third');
    expect(told.seen.map((each) => each.sequence)).toEqual([1, 2, 3]);
    expect(told.seen.every((each) => Math.abs(each.at - Date.now()) < 60_000)).toBe(true);
  });

  test('is current at once where there is nothing', async () => {
    const told = tail({ kind: 'all' });
    await eventually(() => told.currents === 1, 3_000, 'current');
    expect(told.ids).toEqual([]);
  });

  test('begins after a sequence, or at a moment, and sees only its subjects', async () => {
    await store(subject('a'), '1');
    await new Promise((resolve) => setTimeout(resolve, 20));
    const between = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await store(subject('b'), '2');
    await store(subject('c'), '3');
    const after = tail({ kind: 'after', sequence: 2 });
    const since = tail({ kind: 'since', at: between });
    const some = tail({ kind: 'all' }, [subject('a'), subject('c')]);
    const all = [after, since, some];
    await eventually(() => all.every((each) => each.currents === 1), 3_000, 'all current');
    expect(all.map((each) => each.ids)).toEqual([['c'], ['b', 'c'], ['a', 'c']]);
  });

  test('goes on after a hard restart where it was: nothing twice, nothing left out', async () => {
    await store(subject('a'), '1');
    const told = tail({ kind: 'all' });
    await eventually(() => told.ids.length === 1, 3_000, 'the first');
    await missing(async (by) => {
      for (const id of ['b', 'c']) await store(subject(id), id, by);
    });
    await eventually(() => told.ids.length >= 3, 8_000, 'what was missed');
    await store(subject('d'), '4');
    await eventually(() => told.ids.includes('d'), 5_000, 'what came after');
    const sequences = told.seen.map((each) => each.sequence);
    expect(sequences).toEqual([...new Set(sequences)].sort((one, other) => one - other));
    expect([...new Set(told.ids)]).toEqual(['a', 'b', 'c', 'd']);
    expect(told.currents).toBe(1);
  });

  test('of what is new leaves nothing out, although it had seen nothing before the restart', async () => {
    await store(subject('old'), '0');
    const told = tail({ kind: 'new' });
    await eventually(async () => (await consumers('EVENTS')) === 1, 3_000, 'the consumer');
    await eventually(() => told.currents === 1, 3_000, 'current');
    await missing((by) => store(subject('a'), 'a', by));
    await eventually(() => told.ids.includes('a'), 8_000, 'what was missed');
    expect(told.ids).not.toContain('old');
  });

  test('of what is new does so in a stream that was empty, too', async () => {
    const told = tail({ kind: 'new' });
    await eventually(() => told.currents === 1, 3_000, 'current');
    await missing((by) => store(subject('a'), 'a', by));
    await eventually(() => told.ids.includes('a'), 8_000, 'what was missed');
  });

  test('leaves no consumer when it is closed', async () => {
    const told = tail({ kind: 'new' });
    await eventually(() => told.currents === 1, 3_000, 'current');
    expect(await consumers('EVENTS')).toBe(1);
    for (const close of closes.splice(0)) close();
    await eventually(async () => (await consumers('EVENTS')) === 0, 5_000, 'no consumer');
  });
});
