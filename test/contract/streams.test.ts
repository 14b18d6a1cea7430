/** The streams are set up as the contracts say, again and again, and what they hold stays. */
import type { NatsConnection } from 'nats';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ensureStreams } from '../../actors/runtime/nats/streams.ts';
import { messages, records } from '../../subjects/index.ts';
import type { Identity } from '../../subjects/permissions.ts';
import { STORE_BYTES_MAX, streamConfigs } from '../../subjects/streams.ts';
import { type NatsFixture, natsFixture } from '../support/nats.ts';

const identity: Identity = { role: 'control', name: 'test' };
const names = streamConfigs({ replicas: 1 }).map((config) => config.name);

let fixture: NatsFixture;
let connection: NatsConnection;

beforeEach(async () => {
  fixture = await natsFixture([identity], { isOpen: true });
  connection = await fixture.connect(identity);
});
afterEach(async () => fixture?.[Symbol.asyncDispose]());

async function api<T>(verb: string, body: object | string = ''): Promise<T> {
  const payload = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = (await connection.request(`$JS.API.${verb}`, payload)).json<
    T & { readonly error?: { readonly description: string } }
  >();
  if (answer.error) throw new Error(`${verb}: ${answer.error.description}`);
  return answer;
}

interface Info {
  readonly config: Readonly<Record<string, unknown>>;
  readonly state: { readonly messages: number; readonly last_seq: number };
}

describe('ensureStreams', () => {
  test('has set up every stream, each with every setting', async () => {
    for (const wanted of streamConfigs({ replicas: 1 })) {
      const { config } = await api<Info>(`STREAM.INFO.${wanted.name}`);
      for (const [name, value] of Object.entries(wanted)) {
        if (value) expect(config[name], `${wanted.name} ${name}`).toEqual(value);
      }
    }
  });

  test('changes nothing the second time', async () => {
    expect(await ensureStreams(connection, { replicas: 1 })).toEqual([]);
    expect(await ensureStreams(connection, { replicas: 1 })).toEqual([]);
  });

  test('takes no subject away that a program of another version speaks on', async () => {
    const { config } = await api<Info>('STREAM.INFO.EVENTS');
    const subjects = ['shoal.of-tomorrow.*', ...(config['subjects'] as string[])];
    await api('STREAM.UPDATE.EVENTS', { ...config, subjects });
    expect(await ensureStreams(connection, { replicas: 1 })).toEqual([]);
    await api('STREAM.UPDATE.EVENTS', { ...config, subjects: ['shoal.event.shoal.node.*.*'] });
    expect(await ensureStreams(connection, { replicas: 1 })).toEqual(['EVENTS']);
    const after = await api<Info>('STREAM.INFO.EVENTS');
    expect(after.config['subjects']).toEqual(config['subjects']);
  });

  test('puts right what was changed, and what the stream holds stays', async () => {
    await connection.request('shoal.event.default.workload.a.created', 'x');
    const { config, state } = await api<Info>('STREAM.INFO.EVENTS');
    const changed = { ...config, max_bytes: 1_048_576, max_age: 3600e9, description: 'mine' };
    await api('STREAM.UPDATE.EVENTS', changed);
    expect(await ensureStreams(connection, { replicas: 1 })).toEqual(['EVENTS']);
    const after = await api<Info>('STREAM.INFO.EVENTS');
    expect(after.config).toEqual(config);
    expect(after.state).toMatchObject({ messages: 1, last_seq: state.last_seq });
    expect(await ensureStreams(connection, { replicas: 1 })).toEqual([]);
  });

  test('leaves settings alone that the contracts do not speak of', async () => {
    const { config } = await api<Info>('STREAM.INFO.LOGS');
    await api('STREAM.UPDATE.LOGS', { ...config, metadata: { owner: 'me' } });
    await api('STREAM.UPDATE.EVENTS', { ...(await api<Info>('STREAM.INFO.EVENTS')).config });
    expect(await ensureStreams(connection, { replicas: 1 })).toEqual([]);
    const after = await api<Info>('STREAM.INFO.LOGS');
    expect(after.config['metadata']).toMatchObject({ owner: 'me' });
  });

  test('makes a missing one, and touches no other', async () => {
    await connection.request('$KV.shoal.workload.default.a', 'kept');
    await api('STREAM.DELETE.DECISIONS');
    await api('STREAM.CREATE.OTHERS', { name: 'OTHERS', subjects: ['others.>'] });
    expect(await ensureStreams(connection, { replicas: 1 })).toEqual(['DECISIONS']);
    const list = await api<{ readonly streams: readonly string[] }>('STREAM.NAMES');
    expect([...list.streams].sort()).toEqual([...names, 'OTHERS'].sort());
    expect((await api<Info>('STREAM.INFO.KV_shoal')).state.messages).toBe(1);
  });

  test('says in one sentence what it could not set up, and where to look', async () => {
    await api('STREAM.DELETE.DECISIONS');
    const overlapping = { name: 'FOREIGN', subjects: ['shoal.decision.>'] };
    await api('STREAM.CREATE.FOREIGN', overlapping);
    await expect(ensureStreams(connection, { replicas: 1 })).rejects.toMatchObject({
      name: 'StartError',
      message: expect.stringMatching(
        /^nats-server would not set up a stream \(.*overlap.*\); look/,
      ),
    });
  });
});

describe('the configurations', () => {
  const configs = streamConfigs({ replicas: 3 });

  test('hold every stored contract in exactly one stream', () => {
    for (const contract of messages) {
      const holding = configs.filter((each) => each.subjects.includes(contract.subject.pattern));
      const stream = contract.kind === 'request' ? undefined : contract.stream;
      expect(
        holding.map((each) => each.name),
        contract.name,
      ).toEqual(stream ? [stream] : []);
    }
    for (const record of records) {
      expect(configs.map((each) => each.name)).toContain(`KV_${record.bucket}`);
    }
  });

  test('reserve no more than half of what the store may take', () => {
    const reserved = configs.reduce((sum, each) => sum + Number(each['max_bytes']), 0);
    expect(reserved * 2).toBeLessThanOrEqual(STORE_BYTES_MAX);
  });

  test('have a limit in bytes and one copy or three', () => {
    for (const config of configs) {
      expect(config['max_bytes'], config.name).toBeGreaterThan(0);
      expect(config['num_replicas']).toBe(3);
      expect(config['storage']).toBe('file');
    }
    expect(streamConfigs({ replicas: 1 }).every((each) => each['num_replicas'] === 1)).toBe(true);
  });

  test('republish what is for nodes, and nothing else', () => {
    const republished = configs.filter((each) => each['republish']);
    expect(republished.map((each) => [each.name, each['republish']])).toEqual([
      ['KV_shoal', { src: '$KV.shoal.for.>', dest: 'shoal.for.>' }],
    ]);
  });
});
