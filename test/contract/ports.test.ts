/**
 * What every implementation of the ports promises. The simulator is only as true as the memory
 * ones are like the NATS ones, so both are held to the same cases.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type {
  Headers,
  Incoming,
  Ports,
  RequestOutcome,
  Stored,
  WorkItem,
  Write,
  WriteResult,
} from '../../actors/runtime/ports.ts';
import { memoryPorts, natsPortsFixture, type PortsFixture } from '../support/ports.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (body: Uint8Array | null): string | null => body && new TextDecoder().decode(body);

describe.each([
  ['memory', memoryPorts],
  ['nats', natsPortsFixture],
] as const)('%s ports', (_name, open) => {
  let fixture: PortsFixture;
  let one: Ports;
  let other: Ports;
  let made = 0;
  /** Keys and subjects of one test: no test sees another's. */
  const fresh = (): string => `t${++made}`;

  beforeAll(async () => {
    fixture = await open();
    one = await fixture.connect();
    other = await fixture.connect();
  });
  afterAll(async () => fixture?.[Symbol.asyncDispose]());

  const wait = async <T>(start: (done: (value: T) => void) => void): Promise<T> => {
    let box: { readonly value: T } | undefined;
    start((value) => {
      box = { value };
    });
    await fixture.until(() => box !== undefined);
    return (box as unknown as { readonly value: T }).value;
  };
  const write = (key: string, body: string | null, expected: Write['expected'] = 'any'): Write => ({
    bucket: 'shoal',
    key: `workload.${key}`,
    body: body === null ? null : bytes(body),
    expected,
    headers: { 'Shoal-Writer': `w-${key}` },
  });
  const put = async (...writes: Write[]): Promise<readonly WriteResult[]> =>
    wait((done) => one.store.write(writes, done));
  const revisionOf = (result: WriteResult | undefined): number =>
    result?.kind === 'stored' ? result.revision : -1;

  describe('store', () => {
    test('a key is created once: the second creation conflicts and learns the winner', async () => {
      const key = `${fresh()}.a`;
      const [first] = await put(write(key, 'one', 0));
      const [second] = await put(write(key, 'two', 0));
      expect(first?.kind).toBe('stored');
      expect(second).toEqual({
        kind: 'conflict',
        key: `workload.${key}`,
        revision: revisionOf(first),
      });
    });

    test('a compare-and-set needs the newest revision', async () => {
      const key = `${fresh()}.a`;
      const [first] = await put(write(key, 'one', 0));
      const [second] = await put(write(key, 'two', revisionOf(first)));
      const [stale] = await put(write(key, 'three', revisionOf(first)));
      expect(revisionOf(second)).toBeGreaterThan(revisionOf(first));
      expect(stale).toMatchObject({ kind: 'conflict', revision: revisionOf(second) });
    });

    test('writes of one call stand alone and answer in their order', async () => {
      const t = fresh();
      const [old] = await put(write(`${t}.b`, 'old', 0));
      const results = await put(
        write(`${t}.a`, 'new', 0),
        write(`${t}.b`, 'new', 0),
        write(`${t}.c`, 'new', 'any'),
      );
      expect(results.map((each) => each.kind)).toEqual(['stored', 'conflict', 'stored']);
      expect(results[1]).toMatchObject({ revision: revisionOf(old) });
    });

    test('a transaction stores all of its writes as one run of revisions', async () => {
      const t = fresh();
      const writes = [write(`${t}.a`, '1', 0), write(`${t}.b`, '2', 0), write(`${t}.c`, '3', 0)];
      const result = await wait<WriteResult>((done) => one.store.transact(writes, done));
      const last = revisionOf(result);
      for (const [index, each] of writes.entries()) {
        const stored = await wait<Stored | null | undefined>((done) =>
          one.store.read('shoal', each.key, done),
        );
        expect(stored?.revision).toBe(last - 2 + index);
      }
    });

    test('a transaction with one stale key stores nothing and names the key', async () => {
      const t = fresh();
      await put(write(`${t}.b`, 'theirs', 0));
      const result = await wait<WriteResult>((done) =>
        one.store.transact([write(`${t}.a`, '1', 0), write(`${t}.b`, '2', 0)], done),
      );
      expect(result).toMatchObject({ kind: 'conflict', key: `workload.${t}.b` });
      const first = await wait((done) => one.store.read('shoal', `workload.${t}.a`, done));
      expect(first).toBeNull();
    });

    test('a deleted key reads as nothing and keeps its revision', async () => {
      const key = `${fresh()}.a`;
      const [made] = await put(write(key, 'one', 0));
      const [gone] = await put(write(key, null, revisionOf(made)));
      const full = `workload.${key}`;
      expect(await wait((done) => one.store.read('shoal', full, done))).toBeNull();
      expect(await wait((done) => one.store.newest('shoal', full, done))).toBe(revisionOf(gone));
      const [tooEarly] = await put(write(key, 'two', 0));
      expect(tooEarly?.kind).toBe('conflict');
      const [again] = await put(write(key, 'two', revisionOf(gone)));
      expect(again?.kind).toBe('stored');
    });

    test('a key that never was has revision 0 and no value', async () => {
      const key = `workload.${fresh()}.a`;
      expect(await wait((done) => one.store.newest('shoal', key, done))).toBe(0);
      expect(await wait((done) => one.store.read('shoal', key, done))).toBeNull();
    });

    test('a value keeps its headers', async () => {
      const key = `${fresh()}.a`;
      await put(write(key, 'one', 0));
      const stored = await wait<Stored | null | undefined>((done) =>
        other.store.read('shoal', `workload.${key}`, done),
      );
      expect(stored?.headers['Shoal-Writer']).toBe(`w-${key}`);
      expect(text(stored?.body ?? null)).toBe('one');
    });

    test('a follower gets what is there, is told so, then gets what comes', async () => {
      const t = fresh();
      await put(write(`${t}.a`, '1', 0), write(`${t}.b`, '2', 0), write(`${fresh()}.x`, 'no', 0));
      const seen: string[] = [];
      const close = other.store.follow('shoal', [`workload.${t}.*`], {
        change: (stored, isNext) => {
          const gap = isNext ? '' : '?';
          seen.push(`${stored.key.split('.').pop()}=${text(stored.body)}${gap}`);
        },
        current: (keys) => seen.push(`current ${[...keys].map((key) => key.split('.').pop())}`),
      });
      await fixture.until(() => seen.includes('current a,b'));
      const [a] = await put(write(`${t}.a`, '3', 'any'));
      await put(write(`${t}.a`, null, revisionOf(a)));
      await fixture.until(() => seen.length === 5);
      close();
      expect(seen).toEqual(['a=1?', 'b=2?', 'current a,b', 'a=3', 'a=null']);
    });

    test('a follower of nothing yet is current at once', async () => {
      const t = fresh();
      let isCurrent = false;
      const close = one.store.follow('shoal', [`workload.${t}.*`, `instance.${t}.*`], {
        change: () => undefined,
        current: () => {
          isCurrent = true;
        },
      });
      await fixture.until(() => isCurrent);
      close();
    });

    test('a follower sees revisions in order, and none after it was closed', async () => {
      const t = fresh();
      const revisions: number[] = [];
      let isCurrent = false;
      const close = other.store.follow('shoal', [`workload.${t}.>`], {
        change: (stored) => revisions.push(stored.revision),
        current: () => {
          isCurrent = true;
        },
      });
      await fixture.until(() => isCurrent);
      // Values that were replaced before they were delivered may be left out.
      const all = Array.from({ length: 200 }, (_, index) =>
        write(`${t}.k${index % 7}`, `${index}`),
      );
      const results = await put(...all);
      const newest = Math.max(...results.map(revisionOf));
      await fixture.until(() => revisions.at(-1) === newest);
      expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
      close();
      const count = revisions.length;
      await put(write(`${t}.late`, 'x'));
      await fixture.pass(50);
      expect(revisions).toHaveLength(count);
    });
  });

  describe('bus', () => {
    const listen = (ports: Ports, subject: string, queue?: string) => {
      const heard: Incoming[] = [];
      const close = ports.bus.subscribe(subject, queue, (message) => heard.push(message));
      return { heard, close };
    };
    const message = (subject: string, body: string, headers: Headers = {}) => ({
      subject,
      body: bytes(body),
      headers,
    });

    test('a message reaches every subscriber, and one of each queue', async () => {
      const t = fresh();
      const all = [listen(one, `shoal.${t}.*`), listen(other, `shoal.${t}.>`)];
      const some = [listen(one, `shoal.${t}.*`, 'q'), listen(other, `shoal.${t}.*`, 'q')];
      await fixture.pass(50);
      for (let index = 0; index < 20; index++) one.bus.publish(message(`shoal.${t}.x`, `${index}`));
      const count = (of: readonly { readonly heard: unknown[] }[]) =>
        of.reduce((sum, each) => sum + each.heard.length, 0);
      await fixture.until(() => count(all) === 40 && count(some) === 20);
      for (const each of [...all, ...some]) each.close();
    });

    test('headers and subject arrive with the message', async () => {
      const t = fresh();
      const heard = listen(other, `shoal.${t}.*`);
      await fixture.pass(50);
      one.bus.publish(message(`shoal.${t}.x`, 'hi', { 'Nats-Msg-Id': 'm1', traceparent: '00-a' }));
      await fixture.until(() => heard.heard.length === 1);
      expect(heard.heard[0]).toMatchObject({
        subject: `shoal.${t}.x`,
        headers: { 'Nats-Msg-Id': 'm1', traceparent: '00-a' },
      });
      heard.close();
    });

    test('an ask is answered, or nobody is there, or nobody answers', async () => {
      const t = fresh();
      const close = other.bus.subscribe(`shoal.${t}.asked`, 'q', (asked) => {
        if (text(asked.body) !== 'silence') asked.reply?.(bytes('fine'), { 'Shoal-Revision': '7' });
      });
      await fixture.pass(50);
      const ask = (subject: string, body: string, timeoutMs: number) =>
        wait<RequestOutcome>((done) => one.bus.request(message(subject, body), timeoutMs, done));
      const answer = await ask(`shoal.${t}.asked`, 'hello', 2_000);
      expect(answer).toMatchObject({ kind: 'answer', headers: { 'Shoal-Revision': '7' } });
      expect(await ask(`shoal.${t}.asked`, 'silence', 100)).toEqual({ kind: 'timeout' });
      expect(await ask(`shoal.${t}.nobody`, 'hello', 2_000)).toEqual({ kind: 'none' });
      close();
    });

    test('a stream keeps a message of one id once', async () => {
      const subject = `shoal.event.default.node.${fresh()}.ready`;
      const heard = listen(other, subject);
      await fixture.pass(50);
      const append = () =>
        wait<boolean>((done) =>
          one.bus.append('EVENTS', message(subject, '{}', { 'Nats-Msg-Id': subject }), done),
        );
      expect([await append(), await append()]).toEqual([true, true]);
      heard.close();
    });
  });

  describe('work queue', () => {
    const item = (subject: string) => ({ subject, body: bytes('{}'), headers: {} });
    const queueOf = (t: string) => ({
      consumer: `c-${t}`,
      pattern: `shoal.work.place.normal.${t}.*`,
      ackWaitMs: 500,
    });
    const put = (subject: string) =>
      wait<'queued' | 'already' | 'failed'>((done) => one.queue.put(item(subject), done));

    test('an item is handed out once, and is gone when done', async () => {
      const t = fresh();
      const got: WorkItem[] = [];
      const closes = [one, other].map((ports) =>
        ports.queue.take(queueOf(t), 4, (each) => {
          got.push(each);
          each.ack();
        }),
      );
      expect(await put(`shoal.work.place.normal.${t}.w`)).toBe('queued');
      await fixture.until(() => got.length === 1);
      await fixture.pass(700);
      expect(got).toHaveLength(1);
      expect(got[0]?.deliveries).toBe(1);
      for (const close of closes) close();
    });

    test('a subject has one item: waiting or in hand, the second is there already', async () => {
      const t = fresh();
      const subject = `shoal.work.place.normal.${t}.w`;
      const got: WorkItem[] = [];
      expect([await put(subject), await put(subject)]).toEqual(['queued', 'already']);
      const close = one.queue.take(queueOf(t), 4, (each) => got.push(each));
      await fixture.until(() => got.length === 1);
      expect(await put(subject)).toBe('already');
      got[0]?.ack();
      await fixture.pass(100);
      expect(await put(subject)).toBe('queued');
      await fixture.until(() => got.length === 2);
      got[1]?.ack();
      close();
    });

    test('an item that is not acknowledged comes again, counted', async () => {
      const t = fresh();
      const deliveries: number[] = [];
      const close = one.queue.take(queueOf(t), 4, (each) => {
        deliveries.push(each.deliveries);
        if (deliveries.length === 3) each.ack();
        else if (deliveries.length === 2) each.retry(50);
      });
      await put(`shoal.work.place.normal.${t}.w`);
      await fixture.until(() => deliveries.length === 3);
      expect(deliveries).toEqual([1, 2, 3]);
      close();
    });

    test('an item is kept while its holder says so', async () => {
      const t = fresh();
      let count = 0;
      let held: WorkItem | undefined;
      const close = one.queue.take(queueOf(t), 4, (each) => {
        count++;
        held = each;
      });
      await put(`shoal.work.place.normal.${t}.w`);
      await fixture.until(() => count === 1);
      for (let round = 0; round < 5; round++) {
        await fixture.pass(250);
        held?.extend();
      }
      expect(count).toBe(1);
      held?.ack();
      close();
    });

    test('nobody holds more than it has room for', async () => {
      const t = fresh();
      const held: WorkItem[] = [];
      const close = one.queue.take({ ...queueOf(t), ackWaitMs: 10_000 }, 3, (each) =>
        held.push(each),
      );
      for (let index = 0; index < 8; index++) await put(`shoal.work.place.normal.${t}.w${index}`);
      await fixture.until(() => held.length === 3);
      await fixture.pass(100);
      expect(held).toHaveLength(3);
      let done = 0;
      while (done < 8) {
        await fixture.until(() => held.length > done);
        held[done]?.ack();
        done++;
      }
      close();
    });
  });

  describe('timed items', () => {
    const namesOf = (t: string, name: string) => ({
      waits: `shoal.schedule.${t}.${name}`,
      fires: `shoal.fire.${t}.${name}`,
    });
    const set = async (ports: Ports, t: string, of: { name: string; body: string; in: number }) => {
      const { waits, fires } = namesOf(t, of.name);
      const headers = { 'Content-Type': 'application/json', 'Nats-Msg-Id': 'the same' };
      const message = { subject: fires, body: bytes(of.body), headers };
      const at = ports.clock.now() + of.in;
      return wait<boolean>((done) => ports.timed.set({ waits, message, at }, done));
    };
    const taking = (ports: Ports, t: string, ackWaitMs = 30_000) => {
      const got: WorkItem[] = [];
      const of = { consumer: `s-${t}`, pattern: `shoal.fire.${t}.*`, ackWaitMs };
      const close = ports.timed.take(of, 4, (each) => got.push(each));
      return { got, close, bodies: () => got.map((each) => text(each.message.body)) };
    };
    const waiting = (t: string) =>
      wait<readonly string[] | undefined>((done) =>
        one.timed.list(`shoal.schedule.${t}.*`, (found) => done(found && [...found].sort())),
      );

    test('an item comes when its time has come, not before, and once', async () => {
      const t = fresh();
      const { got, close, bodies } = taking(other, t);
      const begun = one.clock.now();
      expect(await set(one, t, { name: 'a', body: 'x', in: 600 })).toBe(true);
      expect(await waiting(t)).toEqual([`shoal.schedule.${t}.a`]);
      await fixture.until(() => got.length === 1);
      expect(one.clock.now() - begun).toBeGreaterThanOrEqual(600);
      got[0]?.ack();
      await fixture.pass(400);
      expect(bodies()).toEqual(['x']);
      expect(got[0]?.message.subject).toBe(`shoal.fire.${t}.a`);
      expect(got[0]?.message.headers).toMatchObject({ 'Content-Type': 'application/json' });
      expect(await waiting(t)).toEqual([]);
      close();
    });

    test('one whose time is past comes at once', async () => {
      const t = fresh();
      const { got, close } = taking(one, t);
      await set(one, t, { name: 'a', body: 'x', in: -5_000 });
      await fixture.until(() => got.length === 1);
      got[0]?.ack();
      close();
    });

    test('what is set again replaces what waited; every one that comes has an id', async () => {
      const t = fresh();
      const { got, close, bodies } = taking(one, t);
      await set(one, t, { name: 'a', body: 'first', in: 300 });
      await set(one, t, { name: 'a', body: 'second', in: 900 });
      expect(await waiting(t)).toHaveLength(1);
      await fixture.until(() => got.length === 1);
      got[0]?.ack();
      await set(one, t, { name: 'a', body: 'third', in: 100 });
      await fixture.until(() => got.length === 2);
      got[1]?.ack();
      expect(bodies()).toEqual(['second', 'third']);
      const ids = got.map((each) => each.message.headers['Nats-Msg-Id']);
      expect(new Set(ids).size).toBe(2);
      expect(ids).not.toContain('the same');
      close();
    });

    test('what is taken back does not come; taking back nothing is no error', async () => {
      const t = fresh();
      const { got, close, bodies } = taking(one, t);
      // Long enough to be taken back in time on a slow machine.
      await set(one, t, { name: 'a', body: 'no', in: 3_000 });
      await set(one, t, { name: 'b', body: 'yes', in: 3_000 });
      const cancel = (name: string) =>
        wait<boolean>((done) => other.timed.cancel(namesOf(t, name).waits, done));
      expect([await cancel('a'), await cancel('never')]).toEqual([true, true]);
      expect(await waiting(t)).toEqual([`shoal.schedule.${t}.b`]);
      await fixture.until(() => got.length === 1);
      await fixture.pass(300);
      expect(bodies()).toEqual(['yes']);
      got[0]?.ack();
      close();
    });

    test('one that nobody takes waits for a taker; unacknowledged, it comes again', async () => {
      const t = fresh();
      await set(one, t, { name: 'a', body: 'x', in: 0 });
      await fixture.pass(600);
      const { got, close } = taking(one, t, 500);
      await fixture.until(() => got.length === 2);
      expect(got.map((each) => each.deliveries)).toEqual([1, 2]);
      const [first, second] = got.map((each) => each.message.headers['Nats-Msg-Id']);
      expect(second).toBe(first);
      got[1]?.ack();
      close();
    });

    test('of two that came and that nobody took the newer one is left', async () => {
      const t = fresh();
      await set(one, t, { name: 'a', body: 'old', in: 0 });
      await fixture.pass(600);
      await set(one, t, { name: 'a', body: 'new', in: 0 });
      await fixture.pass(600);
      const { got, close, bodies } = taking(one, t);
      await fixture.until(() => got.length > 0);
      await fixture.pass(300);
      expect(bodies()).toEqual(['new']);
      got[0]?.ack();
      close();
    });
  });
});
