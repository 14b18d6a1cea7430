/** What is said about durability is what a real server does, whatever was chosen. */
import { describe, expect, test } from 'vitest';
import { startControl } from '../../actors/main.ts';
import type { LogFields } from '../../actors/runtime/log.ts';
import { silentLog } from '../../actors/runtime/log.ts';
import { durabilityInForce } from '../../actors/runtime/nats/in-force.ts';
import type { Identity } from '../../subjects/permissions.ts';
import { natsFixture } from '../support/nats.ts';

const control: Identity = { role: 'control', name: 'c' };
const gateway: Identity = { role: 'gateway', name: 'g' };
const agent: Identity = { role: 'agent', name: 'n1' };
const streams = ['KV_shoal', 'EVENTS'];

describe('a server that flushes', () => {
  test.each([
    ['10s', { level: 'process', syncInterval: '10s', replicas: 1 }],
    ['2m', { level: 'process', syncInterval: '2m', replicas: 1 }],
    ['always', { level: 'power', syncInterval: 'always', replicas: 1 }],
  ])('%s says so to control planes and gateways', async (syncInterval, expected) => {
    await using nats = await natsFixture([control, gateway], { syncInterval });
    for (const identity of [control, gateway]) {
      const connection = await nats.connect(identity);
      expect(await durabilityInForce(connection, streams)).toMatchObject(expected);
    }
  });
});

test('who may not ask, or finds no streams, is told nothing', async () => {
  await using nats = await natsFixture([control, agent]);
  const connection = await nats.connect(agent);
  expect(await durabilityInForce(connection, streams)).toBeUndefined();
  expect(await durabilityInForce(await nats.connect(control), ['NONE'])).toBeUndefined();
});

test('a control plane says at its start what is in force, and warns where it is not what was chosen', async () => {
  await using nats = await natsFixture([control], { syncInterval: '2m' });
  const lines: [string, LogFields | undefined][] = [];
  const tell = (message: string, fields?: LogFields): void => void lines.push([message, fields]);
  const environment = {
    ...{ SHOAL_NATS: nats.url, SHOAL_SEED: `${nats.folder}/keys/control-c.nk`, SHOAL_COPY: 'c' },
    DURABILITY: 'power',
  };
  const stop = await startControl({ ...silentLog, info: tell, warn: tell }, environment);
  await stop();
  const warned = lines.find(([message]) => message.startsWith('durability is'));
  expect(warned?.[0]).toBe('durability is process, not power as DURABILITY says');
  expect(warned?.[1]?.reason).toMatch(/^found 1 copy .*sync_interval 2m; wanted .* always: set/);
  expect(lines.map(([message]) => message)).toContain(
    'control plane ready: durability process, an acknowledged write survives the death of any process; a loss of power may cost the last 2m',
  );
});
