/** A small fabric, as the gateway's API shows it. */
import type {
  ClaimShape,
  EventShape,
  InstanceShape,
  NodeDetailShape,
  PoolShape,
  WorkloadShape,
} from '../../../cli/shapes.ts';
import { NOW } from './stub-gateway.ts';

export function at(secondsAgo: number): string {
  return new Date(NOW - secondsAgo * 1000).toISOString();
}

export const hello: WorkloadShape = {
  tenant: 'default',
  name: 'hello',
  kind: 'service',
  labels: { app: 'hello' },
  spec: {
    count: 3,
    driver: 'process',
    command: ['node', 'server.mjs'],
    environment: {},
    ports: [{ name: 'http' }],
  },
  generation: 2,
  createdAt: at(190),
  state: 'progressing',
  instances: { wanted: 3, ready: 1, running: 1, pending: 1, parked: 1, failed: 0, succeeded: 0 },
  last: { verb: 'scaled', at: at(12), message: 'from 1 to 3' },
  url: 'http://hello.localhost:8481/',
};

export const helloReady: WorkloadShape = {
  ...hello,
  state: 'ready',
  instances: { ...hello.instances, ready: 3, running: 3, pending: 0, parked: 0 },
};

export const job: WorkloadShape = {
  tenant: 'default',
  name: 'count-to-three',
  kind: 'job',
  labels: {},
  spec: { count: 1, driver: 'process', command: ['sh'] },
  generation: 1,
  createdAt: at(95),
  state: 'succeeded',
  instances: { wanted: 1, ready: 0, running: 0, pending: 0, parked: 0, failed: 0, succeeded: 1 },
  outcome: { result: 'succeeded', at: at(94), message: '1 instance succeeded' },
  last: { verb: 'succeeded', at: at(94), message: '1 instance succeeded' },
};

const instance: InstanceShape = {
  tenant: 'default',
  instance: 'hello-a1b2c',
  workload: 'hello',
  kind: 'service',
  phase: 'ready',
  node: 'n1',
  epoch: 1,
  attempt: 1,
  generation: 1,
  restarts: 0,
  ready: true,
  address: '127.0.0.1',
  ports: { http: 40112 },
  pid: 4711,
  startedAt: at(188),
  createdAt: at(190),
  message: 'running',
};

const {
  node: _node,
  address: _address,
  ports: _ports,
  pid: _pid,
  startedAt: _startedAt,
  ...unbound
} = instance;

export const instances: readonly InstanceShape[] = [
  instance,
  {
    ...unbound,
    instance: 'hello-d3e4f',
    phase: 'pending',
    epoch: 0,
    ready: false,
    createdAt: at(12),
    message: 'created',
    parked: { at: at(11), nodes: 3, removed: { accepts: 1, resources: 2 } },
  },
  {
    ...unbound,
    instance: 'hello-g5h6i',
    phase: 'backing-off',
    node: 'n2',
    epoch: 2,
    restarts: 4,
    ready: false,
    createdAt: at(12),
    message: 'exited with code 1; again in 4s',
  },
];

export const node: NodeDetailShape = {
  node: 'n1',
  state: 'ready',
  class: 'steady',
  labels: { zone: 'garage' },
  architecture: 'x64',
  platform: 'linux',
  hostname: 'box',
  address: '127.0.0.1',
  agentVersion: '0.1.0',
  drivers: { process: { enforces: ['memory'], notEnforced: { cpu: 'no cgroup here' } } },
  capacity: { cpuMilli: 2000, memoryBytes: 2 ** 30, diskBytes: 10 * 2 ** 30 },
  booked: { cpuMilli: 100, memoryBytes: 128 * 2 ** 20, diskBytes: 0 },
  instances: 1,
  incarnation: 1,
  enrolledAt: at(3700),
  last: { verb: 'ready', at: at(3700), message: 'joined' },
  entries: [
    {
      tenant: 'default',
      workload: 'hello',
      instance: 'hello-a1b2c',
      generation: 1,
      epoch: 1,
      attempt: 1,
      cpuMilli: 100,
      memoryBytes: 128 * 2 ** 20,
      diskBytes: 0,
    },
  ],
  snapshot: {
    at: at(4),
    cpuMilli: 312,
    memoryBytes: 400 * 2 ** 20,
    diskBytes: 3 * 2 ** 30,
    loadAverage: 0.4,
    battery: { charge: 0.87, isCharging: true },
    agentMemoryBytes: 61 * 2 ** 20,
  },
};

export const lostNode: NodeDetailShape = {
  ...node,
  node: 'phone',
  state: 'offline',
  class: 'mobile',
  booked: { ...node.booked, cpuMilli: 0, memoryBytes: 0 },
  instances: 0,
  last: { verb: 'offline', at: at(30), message: 'unheard for 90s' },
};

export const events: readonly EventShape[] = [
  {
    sequence: 3,
    tenant: 'default',
    noun: 'workload',
    id: 'hello',
    verb: 'created',
    at: at(190),
    message: 'service of 1',
    workload: 'hello',
  },
  {
    sequence: 7,
    tenant: 'default',
    noun: 'instance',
    id: 'hello-a1b2c',
    verb: 'placed',
    at: at(189),
    message: 'on n1 at epoch 1',
    workload: 'hello',
    node: 'n1',
  },
];

export const nodeEvent: EventShape = {
  sequence: 5,
  tenant: 'shoal',
  noun: 'node',
  id: 'phone',
  verb: 'offline',
  at: at(30),
  message: 'unheard for 90s',
  node: 'phone',
};

export const pool: PoolShape = {
  ...{ tenant: 'default', name: 'demo', labels: {}, generation: 3, createdAt: at(190) },
  spec: { template: { command: ['serve'] }, ready: 5, maximum: 20, ttl: '30m' },
  state: 'refilling',
  slots: { warming: 2, ready: 3, claimed: 1, draining: 0 },
  last: { verb: 'updated', at: at(12), message: 'generation 3: slots stay' },
};

export const claim: ClaimShape = {
  ...{ id: 'demo-4f2abk9x0w', tenant: 'default', pool: 'demo', state: 'held', by: 'checkout' },
  ...{ at: at(10), until: new Date(NOW + 110_000).toISOString(), extended: 0 },
  ...{ node: 'n1', address: '127.0.0.1', ports: { http: 28_524 } },
};
