/** The settings of a local fabric: each with its default, and a sentence for each that is not valid. */
import { cpus, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { durabilityIn } from '../../../actors/runtime/durability-setting.ts';
import { StartError } from '../../../actors/runtime/start-error.ts';
import { agentSettings } from '../../../edge-agent/settings.ts';
import { Layout, root } from '../../../local/layout.ts';
import { capacityOf, portIn, upSettings } from '../../../local/settings.ts';

describe('without any', () => {
  test('there are three nodes on the usual ports, in the checkout', () => {
    expect(upSettings({}, '/bin/nats-server')).toEqual({
      ...{ folder: join(root, '.shoal/up'), server: '/bin/nats-server', nodes: ['n1', 'n2', 'n3'] },
      ...{ capacity: capacityOf(3), copies: 1, isKept: true, durability: durabilityIn({}) },
      servers: [{ nats: 4222, monitor: 8222, cluster: 6222 }],
      ports: { gateway: 8480, ingress: 8481, grpc: 8482 },
    });
  });
});

test.each([
  ['NODES', '1', { nodes: ['n1'] }],
  ['STATE', 'here', { folder: resolve('here') }],
  ['SHOAL_CAPACITY', 'cpu=1', { capacity: 'cpu=1' }],
  ['DURABILITY', 'power', { durability: { level: 'power', replicas: 1, syncInterval: 'always' } }],
  ['SERVERS', '3', { durability: { level: 'server', replicas: 3, syncInterval: '10s' } }],
  ['COPIES', '5', { copies: 5 }],
  ['SHOAL_NATS_PORT', '1', { servers: [{ nats: 1 }] }],
  ['SHOAL_MONITOR_PORT', '65535', { servers: [{ monitor: 65_535 }] }],
  ['SHOAL_CLUSTER_PORT', '7', { servers: [{ cluster: 7 }] }],
  ['SHOAL_GATEWAY_PORT', '8', { ports: { gateway: 8 } }],
  ['SHOAL_GRPC_PORT', '9', { ports: { grpc: 9 } }],
])('%s=%s', (name, value, expected) => {
  expect(upSettings({ [name]: value }, '')).toMatchObject(expected);
});

test.each([
  ['NODES', '0'],
  ['COPIES', '6'],
  ['NODES', '51'],
  ['NODES', '1.5'],
  ['NODES', 'three'],
  ['SHOAL_NATS_PORT', '0'],
  ['SHOAL_GATEWAY_PORT', '65536'],
  ['SHOAL_INGRESS_PORT', '-1'],
])('%s=%s is refused in one sentence that names it', (name, value) => {
  expect(() => upSettings({ [name]: value }, '')).toThrow(StartError);
  expect(() => upSettings({ [name]: value }, '')).toThrow(
    new RegExp(`^${name} is ${value}; give a whole number from 1 to \\d+$`),
  );
});

test.each([
  ['DURABILITY', 'always', 'DURABILITY is always; set it to process, server or power'],
  ['DURABILITY', 'server', 'DURABILITY=server needs three servers and there is one; start three'],
  ['SERVERS', '2', 'SERVERS is 2; set it to 1 or 3'],
  ['SHOAL_SYNC', 'always', 'SHOAL_SYNC is no longer read; unset it, for `always` set DURABILITY'],
])('%s=%s is refused with what to set instead', (name, value, told) => {
  expect(() => upSettings({ [name]: value }, '')).toThrow(StartError);
  expect(() => upSettings({ [name]: value }, '')).toThrow(told);
});

test('three servers take the ports that follow the chosen ones', () => {
  const { servers } = upSettings({ SERVERS: '3', SHOAL_NATS_PORT: '5000' }, '');
  expect(servers).toEqual([
    { nats: 5000, monitor: 8222, cluster: 6222 },
    { nats: 5001, monitor: 8223, cluster: 6223 },
    { nats: 5002, monitor: 8224, cluster: 6224 },
  ]);
});

test('a port that nobody chose is the usual one, or none', () => {
  expect(portIn({}, 'P', undefined)).toBeUndefined();
  expect(portIn({ P: '' }, 'P', 7)).toBe(7);
  expect(portIn({ P: '8' }, 'P', 7)).toBe(8);
});

test('however many nodes share this machine, together they promise no more than it has', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), (nodes) => {
      const { capacity } = agentSettings({ SHOAL_CAPACITY: capacityOf(nodes) }, []);
      const { cpuMilli = 0, memoryBytes = 0 } = capacity;
      expect(cpuMilli).toBeGreaterThanOrEqual(100);
      expect(cpuMilli * nodes).toBeLessThanOrEqual(Math.max(cpus().length * 1_000, nodes * 100));
      expect(memoryBytes).toBeGreaterThan(0);
      expect(memoryBytes * nodes).toBeLessThanOrEqual(totalmem());
    }),
  );
});

test('every part of a fabric has its place in its folder', () => {
  const layout = new Layout('/f');
  expect([layout.keys, layout.nats, layout.run, layout.logs, layout.record]).toEqual([
    ...['/f/keys', '/f/nats', '/f/run', '/f/logs', '/f/fabric.json'],
  ]);
  expect([layout.log('nats'), layout.agent('n1')]).toEqual(['/f/logs/nats.log', '/f/agents/n1']);
});
