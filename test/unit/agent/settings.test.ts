/** The agent's settings: each with its default, and a sentence for each that is not valid. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { StartError } from '../../../actors/runtime/start-error.ts';
import { agentSettings } from '../../../edge-agent/settings.ts';

const LOCAL = ['nats://127.0.0.1:4222'];
const read = (environment: NodeJS.ProcessEnv, servers = LOCAL) =>
  agentSettings(environment, servers);

test('without any: a node of its own name, here, with what is measured', () => {
  expect(read({})).toEqual({
    dockerConfig: join(homedir(), '.docker'),
    ...{ node: undefined, class: undefined, labels: {}, capacity: {}, onStop: 'leave' },
    ...{ state: resolve('.shoal/agent'), root: resolve('.'), address: '127.0.0.1' },
    ports: { from: 20_000, to: 29_999 },
    devices: expect.any(Array),
    mounts: [],
    drivers: ['process', 'docker'],
    imageLimits: { highPercent: 85, lowPercent: 80 },
  });
});

test('an empty one is none', () => {
  const empty = { SHOAL_NODE: '', SHOAL_CLASS: '', SHOAL_PORTS: '', SHOAL_ON_STOP: '' };
  expect(read({ ...empty, SHOAL_LABELS: '', SHOAL_CAPACITY: '' })).toEqual(read({}));
});

test.each([
  ['SHOAL_NODE', 'n1', { node: 'n1' }],
  ['SHOAL_CLASS', 'mobile', { class: 'mobile' }],
  [
    'SHOAL_LABELS',
    'zone=garage, disk=fast,empty=,a=b=c',
    { labels: { zone: 'garage', disk: 'fast', empty: '', a: 'b=c' } },
  ],
  ['SHOAL_STATE', '/var/lib/shoal', { state: '/var/lib/shoal' }],
  ['SHOAL_ROOT', 'examples', { root: resolve('examples') }],
  ['SHOAL_ADDRESS', '10.0.0.9', { address: '10.0.0.9' }],
  ['SHOAL_CAPACITY', 'cpu=1.5,memory=1Gi', { capacity: { cpuMilli: 1_500, memoryBytes: 2 ** 30 } }],
  ['SHOAL_CAPACITY', 'cpu=250m,disk=0', { capacity: { cpuMilli: 250, diskBytes: 0 } }],
  ['SHOAL_CAPACITY', 'bandwidth=100M', { capacity: { bandwidthBps: 1e8 } }],
  ['SHOAL_IOPS', 'high', { iops: 'high' }],
  [
    'SHOAL_DEVICES',
    'gpu=/dev/a',
    { devices: expect.arrayContaining([{ name: 'gpu', paths: ['/dev/a'] }]) },
  ],
  ['SHOAL_PORTS', '1-65535', { ports: { from: 1, to: 65_535 } }],
  ['SHOAL_PORTS', '8080-8080', { ports: { from: 8_080, to: 8_080 } }],
  ['SHOAL_ON_STOP', 'end', { onStop: 'end' }],
  [
    'SHOAL_MOUNTS',
    '/srv/models, /srv/in:ro,/srv/data:rw',
    {
      mounts: [
        { path: '/srv/models', readOnly: true },
        { path: '/srv/in', readOnly: true },
        { path: '/srv/data', readOnly: false },
      ],
    },
  ],
  ['SHOAL_IMAGES', 'keep', { imageLimits: undefined }],
  ['SHOAL_IMAGES', '90-50', { imageLimits: { highPercent: 90, lowPercent: 50 } }],
  ['SHOAL_DRIVERS', 'memory, process', { drivers: ['memory', 'process'] }],
  ['SHOAL_DOCKER', 'off', { docker: undefined }],
  ['SHOAL_DOCKER', 'unix:///run/engine.sock', { docker: '/run/engine.sock' }],
  ['SHOAL_DOCKER', '/run/engine.sock', { docker: '/run/engine.sock' }],
  ['DOCKER_CONFIG', '/etc/docker', { dockerConfig: '/etc/docker' }],
  ['SHOAL_DOCKER_CONFIG', '/etc/shoal/docker', { dockerConfig: '/etc/shoal/docker' }],
])('%s=%s', (name, value, expected) => {
  expect(read({ [name]: value })).toMatchObject(expected);
});

describe('is refused in one sentence that names it', () => {
  test.each([
    ['SHOAL_NODE', 'N1'],
    ['SHOAL_NODE', 'a.b'],
    ['SHOAL_CLASS', 'fast'],
    ['SHOAL_LABELS', 'zone'],
    ['SHOAL_LABELS', '=garage'],
    ['SHOAL_LABELS', 'bad key=1'],
    ['SHOAL_CAPACITY', 'cpu=lots'],
    ['SHOAL_CAPACITY', 'gpu=1'],
    ['SHOAL_CAPACITY', 'bandwidth=100Mi'],
    ['SHOAL_IOPS', 'fast'],
    ['SHOAL_DEVICES', 'gpu'],
    ['SHOAL_IMAGES', 'all'],
    ['SHOAL_IMAGES', '80-85'],
    ['SHOAL_IMAGES', '101-80'],
    ['SHOAL_MOUNTS', '/'],
    ['SHOAL_MOUNTS', 'srv'],
    ['SHOAL_MOUNTS', '/srv/../etc'],
    ['SHOAL_CAPACITY', 'memory=-1'],
    ['SHOAL_PORTS', '80'],
    ['SHOAL_PORTS', '90-80'],
    ['SHOAL_PORTS', '0-80'],
    ['SHOAL_PORTS', '80-65536'],
    ['SHOAL_ON_STOP', 'sleep'],
    ['SHOAL_DRIVERS', 'lxd'],
    ['SHOAL_DOCKER', 'tcp://10.0.0.1:2375'],
  ])('%s=%s', (name, value) => {
    let told: unknown;
    try {
      read({ [name]: value });
    } catch (error) {
      told = error;
    }
    expect(told).toBeInstanceOf(StartError);
    expect((told as Error).message).toMatch(
      new RegExp(`^${name}\\b[^\\n]*; (correct it|give .* such as .*)$`),
    );
  });
});

describe('the address', () => {
  test.each([
    [['nats://127.0.0.1:4222', 'localhost:4222'], true],
    [['nats://user@127.0.0.1'], true],
    [['nats://[::1]:4222'], true],
  ])('is loopback where the bus is: %j', (servers, isLocal) => {
    expect(read({}, servers).address === '127.0.0.1').toBe(isLocal);
  });

  test('is one of this machine where the bus is elsewhere', () => {
    expect(read({}, ['nats://bus.example:4222']).address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(read({}, ['nats://notlocalhost.example']).address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  });
});
