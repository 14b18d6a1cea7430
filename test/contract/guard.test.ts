/**
 * Whatever we hand to nats.js may throw: the message is left behind and reported, and the
 * connection goes on. Without the guard nats.js ends its reader without a word.
 */
import { readdir, readFile } from 'node:fs/promises';
import type { NatsConnection } from 'nats';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Log } from '../../actors/runtime/log.ts';
import { silentLog } from '../../actors/runtime/log.ts';
import { natsFanout } from '../../actors/runtime/nats/fanout.ts';
import { followBucket } from '../../actors/runtime/nats/follow.ts';
import { callGuarded } from '../../actors/runtime/nats/guard.ts';
import { type NatsPorts, natsPorts } from '../../actors/runtime/nats/ports.ts';
import { answerServices } from '../../actors/runtime/nats/services.ts';
import { watchStatus } from '../../actors/runtime/nats/status.ts';
import { tailStream } from '../../actors/runtime/nats/tail.ts';
import type { Identity } from '../../subjects/permissions.ts';
import { type NatsFixture, natsFixture } from '../support/nats.ts';
import { eventually } from '../support/ports.ts';

const control: Identity = { role: 'control', name: 'test' };
const text = new TextEncoder();
const fail = (): never => {
  throw new Error('planted');
};

describe('a callback that throws', () => {
  let fixture: NatsFixture;
  let connection: NatsConnection;
  let ports: NatsPorts;
  let reports: { readonly message: string; readonly subject: string | undefined }[];
  let uncaught: unknown[];
  let before: NodeJS.UncaughtExceptionListener[];

  const log: Log = {
    ...silentLog,
    error: (message, fields) => void reports.push({ message, subject: fields?.subject }),
  };
  const catchUncaught = (error: unknown): void => void uncaught.push(error);

  beforeAll(async () => {
    fixture = await natsFixture([control], { isOpen: true });
  });
  afterAll(async () => fixture?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    reports = [];
    uncaught = [];
    before = process.listeners('uncaughtException') as NodeJS.UncaughtExceptionListener[];
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', catchUncaught);
    connection = await fixture.connect(control);
    ports = natsPorts(connection, control, { log });
  });
  afterEach(async () => {
    // The connection hears as before.
    const heard: string[] = [];
    ports.bus.subscribe('test.after', undefined, (message) => void heard.push(message.subject));
    ports.bus.publish({ subject: 'test.after', body: text.encode('{}'), headers: {} });
    await eventually(() => heard.length === 1, 2_000, 'the connection to hear');
    expect(connection.isClosed()).toBe(false);
    await connection.close();
    process.removeListener('uncaughtException', catchUncaught);
    for (const each of before) process.on('uncaughtException', each);
  });
  const reported = (subject: string) =>
    eventually(() => reports.some((each) => each.subject === subject), 5_000, `a report`);
  const say = (subject: string): void =>
    ports.bus.publish({ subject, body: text.encode('{}'), headers: {} });

  test('of a subscription: the message is reported with its subject, the next one comes', async () => {
    let calls = 0;
    ports.bus.subscribe('test.sub', undefined, () => {
      calls++;
      if (calls === 1) fail();
    });
    say('test.sub');
    await reported('test.sub');
    say('test.sub');
    await eventually(() => calls === 2, 2_000, 'the next message');
    expect(uncaught).toEqual([]);
  });

  test('of a work item: it comes again, and no room in hand is lost', async () => {
    const subject = 'shoal.work.place.normal.default.w';
    const of = { consumer: 'guarded', pattern: subject, ackWaitMs: 60_000 };
    let calls = 0;
    const close = ports.queue.take(of, 1, (item) => {
      calls++;
      if (calls === 1) fail();
      item.ack();
    });
    ports.queue.put({ subject, body: text.encode('{}'), headers: {} }, () => undefined);
    await reported(subject);
    await eventually(() => calls === 2, 9_000, 'the item again');
    close();
  });

  test('of a value that is followed, and of the keys being current', async () => {
    const reading = { connection, exchange: ports.exchange, inbox: '_INBOX.x', newId: ports.newId };
    const seen: string[] = [];
    const close = followBucket(
      reading,
      { bucket: 'shoal', patterns: ['guarded.>'] },
      {
        change: ({ key }) => {
          seen.push(key);
          if (key === 'guarded.bad') fail();
        },
        current: () => undefined,
      },
    );
    for (const key of ['bad', 'good']) {
      const body = text.encode('{}');
      const of = { bucket: 'shoal', key: `guarded.${key}`, expected: 'any', headers: {} } as const;
      await new Promise<void>((done) => ports.store.write([{ ...of, body }], () => done()));
    }
    await eventually(() => seen.includes('guarded.good'), 5_000, 'the value after it');
    expect(reports.length).toBeGreaterThan(0);
    close();
  });

  test('of a stream that is read', async () => {
    const reading = { connection, exchange: ports.exchange, inbox: '_INBOX.y', newId: ports.newId };
    const subject = 'shoal.event.default.node.guarded.ready';
    let calls = 0;
    const close = tailStream(
      reading,
      { stream: 'EVENTS', subjects: [subject], start: { kind: 'all' } },
      {
        message: () => {
          calls++;
          if (calls === 1) fail();
        },
        current: () => undefined,
      },
    );
    const append = (id: string) =>
      new Promise((done) => {
        const message = { subject, body: text.encode('{}'), headers: { 'Nats-Msg-Id': id } };
        ports.bus.append('EVENTS', message, done);
      });
    await append('one');
    await append('two');
    await eventually(() => calls >= 2, 5_000, 'the next event');
    expect(reports.length).toBeGreaterThan(0);
    close();
  });

  test('of what is republished to a device', async () => {
    const keys = { prefix: 'for.n9.', roots: ['for.n9.ledger'], related: () => [] };
    const fanout = natsFanout(connection, { clock: ports.clock, read: ports.store.read }, keys);
    const seen: string[] = [];
    const close = fanout.follow('shoal', [], {
      change: ({ key }) => {
        seen.push(key);
        if (key === 'for.n9.bad') fail();
      },
      current: () => undefined,
    });
    await connection.flush();
    for (const key of ['for.n9.bad', 'for.n9.good']) {
      const of = { bucket: 'shoal', key, expected: 'any', headers: {} } as const;
      const body = text.encode('{}');
      await new Promise<void>((done) => ports.store.write([{ ...of, body }], () => done()));
    }
    await reported('shoal.for.n9.bad');
    await eventually(() => seen.includes('for.n9.good'), 5_000, 'the value after it');
    close();
  });

  test('of an answer to the services protocol', async () => {
    const close = answerServices(connection, {
      ...{ name: 'shoal-guarded', id: 'g1', version: '0.0.1', description: '', metadata: {} },
      endpoints: fail,
      counts: () => ({}),
    });
    say('$SRV.STATS.shoal-guarded.g1');
    await reported('$SRV.STATS.shoal-guarded.g1');
    close();
  });

  test('of an answer that something waits for: a fault that ends the process, in the open', async () => {
    ports.bus.subscribe('test.ask', undefined, (message) => message.reply?.(text.encode('{}'), {}));
    ports.bus.request({ subject: 'test.ask', body: text.encode('{}'), headers: {} }, 1_000, fail);
    await eventually(() => uncaught.length === 1, 2_000, 'the fault');
    expect(uncaught).toMatchObject([{ message: 'planted' }]);
  });

  test('a hundred times within a minute: the process ends, to begin anew', () => {
    for (let count = 0; count < 99; count++) callGuarded(connection, 'test.often', fail);
    return new Promise<void>((done) => setImmediate(done)).then(async () => {
      expect(uncaught).toEqual([]);
      callGuarded(connection, 'test.often', fail);
      await eventually(() => uncaught.length === 1, 2_000, 'the fault');
    });
  });
});

test('of a connection that is lost and back: the other watchers are told', async () => {
  const fixture = await natsFixture([control], { isOpen: true });
  try {
    const connection = await fixture.connect(control);
    const reports: string[] = [];
    const log: Log = { ...silentLog, error: (message) => void reports.push(message) };
    natsPorts(connection, control, { log });
    const told: boolean[] = [];
    watchStatus(connection, fail);
    watchStatus(connection, (isConnected) => void told.push(isConnected));
    await fixture.restart('SIGKILL');
    await eventually(() => told.includes(true), 10_000, 'the return');
    expect(told[0]).toBe(false);
    expect(reports.length).toBeGreaterThanOrEqual(2);
  } finally {
    await fixture[Symbol.asyncDispose]();
  }
});

test('nothing is handed to nats.js anywhere else', async () => {
  const folder = new URL('../../actors/runtime/nats/', import.meta.url);
  const files = await readdir(folder);
  expect(files.length).toBeGreaterThan(12);
  for (const file of files) {
    const source = await readFile(new URL(file, folder), 'utf8');
    if (file === 'guard.ts') expect(source).toMatch(/connection\.subscribe\(/);
    else
      expect([file, source]).not.toEqual([file, expect.stringMatching(/onnection\.subscribe\(/)]);
  }
});
