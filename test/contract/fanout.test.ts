/**
 * What a device sees of the store with an agent's permissions: values are republished to it as
 * they are written, what it missed it reads, and the server keeps nothing for it.
 */
import type { NatsConnection } from 'nats';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FanoutKeys } from '../../actors/runtime/fanout.ts';
import { silentLog } from '../../actors/runtime/log.ts';
import { readHeaders } from '../../actors/runtime/nats/headers.ts';
import { type NatsPorts, natsPorts } from '../../actors/runtime/nats/ports.ts';
import type { Close, Stored, WriteResult } from '../../actors/runtime/ports.ts';
import type { Identity } from '../../subjects/permissions.ts';
import { type NatsFixture, natsFixture } from '../support/nats.ts';
import { whileAway } from '../support/outage.ts';
import { eventually } from '../support/ports.ts';

const control: Identity = { role: 'control', name: 'test' };
const agent: Identity = { role: 'agent', name: 'n1' };
const ledger = 'for.n1.ledger';
const spec = (workload: string): string => `for.n1.spec.default.${workload}.1`;

/** A root's value is the list of the keys it speaks of. */
const keys: FanoutKeys = {
  prefix: 'for.n1.',
  roots: [ledger],
  related: (root) => JSON.parse(text(root.body) ?? '[]') as string[],
};

function text(body: Uint8Array | null): string | null {
  return body && new TextDecoder().decode(body);
}

/** What a follower was told, folded into what it knows. */
class Told {
  readonly values = new Map<string, string | null>();
  readonly changes: Stored[] = [];
  currents: ReadonlySet<string>[] = [];
  change = (stored: Stored): void => {
    this.changes.push(stored);
    this.values.set(stored.key, text(stored.body));
  };
  current = (keys: ReadonlySet<string>): void => {
    this.currents.push(new Set(keys));
  };
}

let fixture: NatsFixture;
let writer: NatsPorts & { readonly connection: NatsConnection };
let device: NatsPorts & { readonly connection: NatsConnection };
let told: Told;
let close: Close;

beforeEach(async () => {
  fixture = await natsFixture([control, agent]);
  writer = await fixture.ports(control);
  device = await fixture.ports(agent, { fanout: keys });
  told = new Told();
  close = () => undefined;
});
afterEach(async () => {
  close?.();
  await fixture?.[Symbol.asyncDispose]();
});

async function put(
  key: string,
  value: unknown,
  by: Pick<NatsPorts, 'store'> = writer,
): Promise<number> {
  const body = value === null ? null : new TextEncoder().encode(JSON.stringify(value));
  const write = { bucket: 'shoal', key, body, expected: 'any', headers: {} } as const;
  for (;;) {
    const [result] = await new Promise<readonly WriteResult[]>((resolve) =>
      by.store.write([write], resolve),
    );
    if (result?.kind === 'stored') return result.revision;
    // The writer may itself still be on its way back.
    if (result?.kind !== 'unanswered') throw new Error(JSON.stringify(result));
  }
}

function follow(): void {
  close = device.store.follow('shoal', ['for.n1.>'], told);
}

const knows = (key: string, value: unknown) => (): boolean =>
  told.values.get(key) === (value === null ? null : JSON.stringify(value));

/** Consumers on the store, as soon as the server says. */
async function consumers(): Promise<number> {
  for (;;) {
    const answer = await writer.connection
      .request('$JS.API.STREAM.INFO.KV_shoal')
      .catch(() => undefined);
    const info = answer?.json<{ readonly state?: { readonly consumer_count: number } }>();
    if (info?.state) return info.state.consumer_count;
  }
}

describe('the republished message', () => {
  test('carries the revision, the one before it, and the writer’s headers', async () => {
    const heard: { subject: string; headers: Readonly<Record<string, string>> }[] = [];
    device.connection.subscribe('shoal.for.n1.>', {
      callback: (_error, message) => {
        heard.push({ subject: message.subject, headers: readHeaders(message) });
      },
    });
    await device.connection.flush();
    const first = await put(ledger, []);
    await put('for.n2.ledger', []);
    await put('workload.default.hello', {});
    const second = await put(ledger, [spec('a')]);
    const third = await put(ledger, null);
    await eventually(() => heard.length >= 3, 2_000, 'three messages');
    expect(heard.map(({ subject }) => subject)).toEqual(Array(3).fill(`shoal.${ledger}`));
    expect(heard.map(({ headers }) => Number(headers['Nats-Sequence']))).toEqual([
      first,
      second,
      third,
    ]);
    expect(heard.map(({ headers }) => Number(headers['Nats-Last-Sequence']))).toEqual([
      0,
      first,
      second,
    ]);
    expect(heard[2]?.headers['KV-Operation']).toBe('DEL');
    for (const { headers } of heard) {
      expect(Date.parse(headers['Nats-Time-Stamp'] ?? '')).toBeGreaterThan(0);
    }
  });
});

describe('a device', () => {
  test('is current at once when there is nothing for it', async () => {
    follow();
    await eventually(() => told.currents.length > 0, 2_000, 'current');
    expect(told.currents).toEqual([new Set()]);
    expect(told.changes).toEqual([]);
  });

  test('begins with what is there, the keys its roots speak of among it', async () => {
    const revision = await put(spec('a'), 'a');
    await put(spec('other'), 'not spoken of');
    await put(ledger, [spec('a')]);
    follow();
    await eventually(() => told.currents.length > 0, 2_000, 'current');
    expect(told.currents).toEqual([new Set([ledger, spec('a')])]);
    expect(told.values.get(spec('a'))).toBe('"a"');
    const stored = told.changes.find((each) => each.key === spec('a'));
    expect(stored).toMatchObject({ revision });
    expect(stored?.at).toBeGreaterThan(Date.now() - 60_000);
  });

  test('sees what is written from then on, and what is deleted', async () => {
    follow();
    await eventually(() => told.currents.length > 0, 2_000, 'current');
    await put(spec('a'), 'a');
    const revision = await put(ledger, [spec('a')]);
    await eventually(knows(ledger, [spec('a')]), 2_000, 'the ledger');
    expect(told.values.get(spec('a'))).toBe('"a"');
    expect(told.changes.at(-1)).toMatchObject({ key: ledger, revision });
    await put(spec('a'), null);
    await eventually(knows(spec('a'), null), 2_000, 'the deletion');
  });

  test('reads a related key that was written before it was there', async () => {
    await put(spec('a'), 'a');
    follow();
    await eventually(() => told.currents.length > 0, 2_000, 'current');
    expect(told.values.has(spec('a'))).toBe(false);
    await put(ledger, [spec('a')]);
    await eventually(knows(spec('a'), 'a'), 2_000, 'the spec');
  });

  test('sees nothing of its neighbour', async () => {
    await put('for.n2.ledger', [spec('a')]);
    follow();
    await eventually(() => told.currents.length > 0, 2_000, 'current');
    await put('for.n2.ledger', []);
    await put(ledger, []);
    await eventually(knows(ledger, []), 2_000, 'its own');
    expect([...told.values.keys()]).toEqual([ledger]);
  });

  test('never goes back: revisions of a key only rise', async () => {
    follow();
    for (let count = 0; count < 200; count++) {
      void put(ledger, Array(count).fill(spec('a')));
      if (count % 20 === 0) device.fanout?.reread();
    }
    await eventually(knows(ledger, Array(199).fill(spec('a'))), 5_000, 'the last one');
    const revisions = told.changes
      .filter((each) => each.key === ledger)
      .map((each) => each.revision);
    expect(revisions).toEqual([...new Set(revisions)].sort((one, other) => one - other));
  });

  test('leaves nothing behind on the server', async () => {
    await put(spec('a'), 'a');
    await put(ledger, [spec('a')]);
    follow();
    await eventually(() => told.currents.length > 0, 2_000, 'current');
    expect(await consumers()).toBe(0);
    close();
    await put(ledger, []);
    await device.connection.flush();
    expect(told.values.get(ledger)).toBe(JSON.stringify([spec('a')]));
    expect(device.exchange.inFlight).toBe(0);
  });
});

describe('after an outage', () => {
  const missing = async (act: (by: Pick<NatsPorts, 'store'>) => Promise<unknown>): Promise<void> =>
    whileAway(fixture, device.connection, control, async (connection) => {
      await act(natsPorts(connection, control, { log: silentLog }));
    });

  test('what was written meanwhile is read, the related keys too', async () => {
    await put(ledger, []);
    follow();
    await eventually(() => told.currents.length > 0, 2_000, 'current');
    await missing(async (by) => {
      await put(spec('a'), 'a', by);
      await put(ledger, [spec('a')], by);
    });
    await eventually(knows(ledger, [spec('a')]), 5_000, 'the ledger');
    await eventually(knows(spec('a'), 'a'), 5_000, 'the spec');
    // It is current as often as it is reconnected: only the last one counts.
    const both = () => told.currents.at(-1)?.has(spec('a')) && told.currents.at(-1)?.has(ledger);
    await eventually(() => told.currents.length > 1 && both() === true, 5_000, 'current again');
    expect(told.currents.at(-1)?.size).toBe(2);
    expect(await consumers()).toBe(0);
  });

  test('a related key that went and came back meanwhile is read', async () => {
    await put(spec('a'), 'first');
    await put(ledger, [spec('a')]);
    follow();
    await eventually(knows(spec('a'), 'first'), 2_000, 'the spec');
    await put(ledger, []);
    await put(spec('a'), null);
    await eventually(knows(spec('a'), null), 2_000, 'the deletion');
    await eventually(() => told.currents.length > 0, 5_000, 'current');
    await missing(async (by) => {
      await put(spec('a'), 'second', by);
      await put(ledger, [spec('a')], by);
    });
    await eventually(knows(spec('a'), 'second'), 5_000, 'the spec of now');
    await eventually(() => told.currents.length > 1, 5_000, 'current again');
    expect(told.currents.at(-1)).toEqual(new Set([ledger, spec('a')]));
  });

  test('a related key that came later than its root is found when the device looks again', async () => {
    await put(ledger, [spec('a')]);
    follow();
    await eventually(knows(ledger, [spec('a')]), 2_000, 'the ledger');
    await eventually(() => told.currents.length > 0, 5_000, 'current');
    await missing((by) => put(spec('a'), 'late', by));
    await eventually(() => told.currents.length > 1, 5_000, 'current again');
    device.fanout?.reread();
    await eventually(knows(spec('a'), 'late'), 5_000, 'the spec');
  });

  test('what is written after it is seen as before', async () => {
    follow();
    await eventually(() => told.currents.length > 0, 2_000, 'current');
    await missing((by) => put(ledger, [], by));
    await eventually(knows(ledger, []), 5_000, 'what was missed');
    await put(ledger, ['for.n1.spec.default.b.1']);
    await eventually(knows(ledger, ['for.n1.spec.default.b.1']), 5_000, 'what came after');
  });

  test('a server that dies while a device begins to follow is waited for', async () => {
    await put(ledger, []);
    const failures: unknown[] = [];
    const note = (error: unknown): void => void failures.push(error);
    process.on('unhandledRejection', note);
    const killed = fixture.kill('SIGKILL');
    follow();
    await killed;
    await fixture.restart();
    await eventually(knows(ledger, []), 5_000, 'the ledger');
    process.off('unhandledRejection', note);
    expect(failures).toEqual([]);
  });
});
