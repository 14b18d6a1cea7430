/** One example of each thing the API takes and gives, by the title of its schema. */
import { poolSpec } from '../../subjects/index.ts';

const workload = {
  ...{ tenant: 'default', name: 'hello', kind: 'service', labels: { app: 'hello' } },
  spec: {
    ...{ count: 2, driver: 'process', command: ['node', 'server.mjs'], environment: {} },
    resources: { cpu: '100m', memory: '64Mi', disk: 0 },
    ...{ limits: {}, placement: { labels: {} }, grace: '10s', priority: 'normal' },
    ...{ ports: [{ name: 'http' }], ingress: { host: 'hello.localhost' } },
    restart: { policy: 'always', attempts: 5, window: '10m' },
  },
  ...{ generation: 1, createdAt: '2026-11-21T04:00:00.000Z', state: 'ready' },
  instances: { wanted: 2, ready: 2, running: 2, pending: 0, parked: 0, failed: 0, succeeded: 0 },
  last: { verb: 'placed', at: '2026-11-21T04:00:00.120Z', message: '1 on n1, 1 on n2' },
  url: 'http://hello.localhost:8481/',
};

const instance = {
  ...{ tenant: 'default', instance: 'hello-5pytj', workload: 'hello', kind: 'service' },
  ...{ phase: 'ready', node: 'n1', epoch: 1, attempt: 1, generation: 1, restarts: 0, ready: true },
  ...{ address: '127.0.0.1', ports: { http: 28524 }, pid: 7931 },
  ...{ startedAt: '2026-11-21T04:00:00.300Z', createdAt: '2026-11-21T04:00:00.100Z' },
  message: 'on n1',
};

const drain = {
  since: '2026-11-21T04:20:00.000Z',
  ...{ deadline: '2026-11-21T04:25:00.000Z', left: 1 },
  waits: [
    {
      ...{ tenant: 'default', workload: 'hello', instance: 'hello-5pytj' },
      for: 'another one in its place: hello-qx41k on n2 (starting) is not ready',
    },
  ],
};

const node = {
  ...{ node: 'n1', state: 'ready', class: 'steady', labels: { zone: 'hall-2' } },
  ...{ architecture: 'x64', platform: 'linux', hostname: 'n1.example', address: '10.0.0.11' },
  agentVersion: '0.1.0',
  drivers: { process: { version: 'v20.20.2', enforces: ['cpu', 'memory'], notEnforced: {} } },
  capacity: {
    ...{ cpuMilli: 4_000, memoryBytes: 8_589_934_592, diskBytes: 107_374_182_400 },
    ...{ bandwidthBps: 1_000_000_000, devices: { gpu: 2 } },
  },
  booked: { cpuMilli: 100, memoryBytes: 67_108_864, diskBytes: 0, devices: { gpu: 1 } },
  iops: 'high',
  ...{ instances: 1, incarnation: 1, enrolledAt: '2026-11-20T18:30:00.000Z' },
  last: { verb: 'ready', at: '2026-11-20T18:30:00.020Z', message: 'takes work' },
};

export const examples: Readonly<Record<string, unknown>> = {
  DeadLetter: {
    ...{ actor: 'scheduler', letter: '1x2y3z', at: '2026-11-21T04:00:00.000Z', deliveries: 5 },
    ...{ contract: 'work.place', about: 'shoal.work.place.normal.default.hello' },
    reason: { code: 'actor-fault', detail: 'TypeError: x is undefined' },
    payload: { reason: 'instances want a node' },
  },
  Durability: {
    ...{ level: 'process', replicas: 1, syncInterval: '10s' },
    survives: 'survives the death of any process; a loss of power may cost the last 10s',
  },
  Endpoint: {
    ...{ instance: 'hello-5pytj', node: 'n1', address: '10.0.0.11', ports: { http: 28524 } },
  },
  Manifest: {
    ...{ apiVersion: 'shoal/v1', kind: 'service' },
    metadata: { name: 'hello', labels: { app: 'hello' } },
    spec: {
      ...{ count: 2, command: ['node', 'server.mjs'], ports: [{ name: 'http' }] },
      ...{ ingress: { host: 'hello.localhost' }, resources: { cpu: '100m', memory: '64Mi' } },
    },
  },
  OpenedSession: {
    ...{ session: 'g-8Q2Z6N4WJ1', tenant: 'default', instance: 'hello-5pytj', node: 'n1' },
    ...{ kind: 'exec', what: 'sh -i', caller: '127.0.0.1' },
    ...{ openedAt: '2026-11-21T04:00:00.000Z', saidBytes: 1_204, toldBytes: 37 },
  },
  Problem: {
    type: 'urn:shoal:problem:workload-not-found',
    title: 'There is no workload of this name; `shoal get workloads` lists them.',
    ...{ status: 404, detail: 'there is no workload helo of tenant default' },
    ...{ code: 'workload-not-found', id: 'CDY1K9QQCTR0JR5XCDYJ2C', retry: 'never' },
  },
  Versions: {
    gateway: { version: '0.1.0', protocol: 1 },
    control: [{ copy: 'control-KM6CHSBU', version: '0.1.0', protocol: 1, acts: true }],
    agents: [{ version: '0.1.0', protocol: 1, nodes: 3, offline: 0 }],
  },
  Drain: drain,
  Rollout: {
    ...{ tenant: 'default', name: 'hello', state: 'paused', strategy: 'canary' },
    ...{ generation: 4, version: 4, from: 3, wanted: 2, updated: 1, ready: 1, available: 3 },
    ...{ outdated: 2, minAvailable: 2, maxSurge: 1, startedAt: '2026-11-21T04:10:00.000Z' },
    waitsFor: 'promote or abort: 1 of the new version ready',
  },
  Version: {
    ...{ version: 3, state: 'complete', spec: workload.spec },
    completedAt: '2026-11-21T04:00:00.900Z',
    replacedAt: '2026-11-21T04:10:00.000Z',
  },
  Workload: workload,
  Instance: instance,
  Node: node,
  NodeDetail: {
    ...node,
    entries: [
      {
        ...{ tenant: 'default', instance: 'hello-5pytj', workload: 'hello', epoch: 1 },
        ...{ generation: 1, attempt: 1, cpuMilli: 100, memoryBytes: 67_108_864, diskBytes: 0 },
      },
    ],
  },
  NodeUse: {
    ...{ node: 'n1', state: 'ready', capacity: node.capacity },
    ...{ at: '2026-11-21T04:00:15.000Z', cpuMilli: 730, memoryBytes: 1_503_238_553 },
  },
  InstanceUse: {
    ...{ tenant: 'default', instance: 'hello-5pytj', workload: 'hello', node: 'n1' },
    booked: { cpuMilli: 100, memoryBytes: 67_108_864 },
    ...{ at: '2026-11-21T04:00:15.000Z', cpuMilli: 12, memoryBytes: 41_943_040 },
  },
  Event: {
    ...{ tenant: 'default', noun: 'instance', id: 'hello-5pytj', verb: 'ready' },
    ...{ at: '2026-11-21T04:00:00.512Z', message: 'on n1, http 127.0.0.1:28524' },
    ...{ node: 'n1', workload: 'hello', sequence: 20 },
  },
  LogLine: {
    ...{ instance: 'hello-5pytj', node: 'n1', epoch: 1, line: 1, at: '2026-11-21T04:00:00.440Z' },
    ...{ stream: 'stdout', text: 'listening on 28524' },
  },
  Applied: { name: 'hello', generation: 1, change: 'created' },
  DryRun: {
    ...{ name: 'hello', change: 'created' },
    explanation: {
      ...{ nodes: 1, feasible: 1, possible: 1, removed: {}, impossible: {}, drivers: ['process'] },
      ...{ placed: 2, choice: [{ node: 'n1', count: 2 }], table: [{ node: 'n1', score: 0.192 }] },
    },
  },
  ClaimReleased: {
    claim: {
      ...{ id: 'demo-4f2abk9x0w', tenant: 'default', pool: 'demo', state: 'over', by: 'checkout' },
      ...{ at: '2026-11-21T04:00:00.000Z', until: '2026-11-21T04:30:00.000Z', extended: 0 },
      remainingSeconds: 0,
      ...{ node: 'n1', address: '127.0.0.1', ports: { http: 28_524 } },
      url: 'http://demo-4f2abk9x0w.demo.example.com:8481/',
    },
    wasOver: false,
  },
  Scale: { count: 3 },
  Schedule: {
    ...{ tenant: 'default', name: 'nightly', labels: {}, generation: 1 },
    spec: {
      when: { cron: '0 3 * * *', timeZone: 'Europe/Berlin' },
      ...{ paused: false, overlap: 'skip', keep: 3 },
      action: { scale: { workload: 'hello', count: 5 } },
    },
    ...{ createdAt: '2026-11-20T04:00:00.000Z', state: 'active' },
    ...{ next: '2026-11-22T02:00:00.000Z', runs: [] },
    history: [
      {
        ...{ firing: '2026-11-21T02:00:00.000Z', at: '2026-11-21T02:00:00.140Z' },
        ...{ result: 'scaled', workload: 'hello', message: 'hello to 5' },
      },
    ],
    last: { verb: 'scaled', at: '2026-11-21T02:00:00.140Z', message: 'hello to 5' },
  },
  Pool: {
    ...{ tenant: 'default', name: 'demo', labels: {}, generation: 1, state: 'full' },
    spec: poolSpec.parse({
      template: { command: ['node', 'server.mjs'], ports: [{ name: 'http' }] },
      ...{ ready: 5, maximum: 20, ttl: '30m', maximumTtl: '4h', maximumAge: '1d' },
      route: { domain: 'demo.example.com' },
    }),
    ...{ slots: { warming: 0, ready: 5, claimed: 1, draining: 0 }, waiting: 0 },
    createdAt: '2026-11-20T04:00:00.000Z',
    last: { verb: 'created', at: '2026-11-20T04:00:00.000Z', message: '5 to be ready, 20 at most' },
  },
  PoolPurged: { name: 'demo', generation: 2, slots: 5 },
  PoolApplied: { name: 'demo', generation: 1, change: 'created' },
  Claim: {
    ...{ id: 'demo-4f2abk9x0w', tenant: 'default', pool: 'demo', state: 'held', by: 'checkout' },
    ...{ at: '2026-11-21T04:00:00.000Z', until: '2026-11-21T04:30:00.000Z', extended: 0 },
    remainingSeconds: 1_800,
    ...{ node: 'n1', address: '127.0.0.1', ports: { http: 28_524 } },
    url: 'http://demo-4f2abk9x0w.demo.example.com:8481/',
    handOff: { state: 'done', exitCode: 0, output: 'ready\n' },
  },
  ScheduleApplied: { name: 'nightly', generation: 1, change: 'created' },
  Outside: {
    ...{ what: 'caddy', address: 'http://127.0.0.1:2019', state: 'failed' },
    ...{ message: 'connect ECONNREFUSED 127.0.0.1:2019', since: '2026-11-20T08:00:00.000Z' },
  },
  Retention: {
    ...{ tenant: 'default', generation: 1 },
    retention: {
      instances: { count: 2_000, age: '7d', bytes: '4Mi' },
      jobs: { count: 500, age: '7d', bytes: '4Mi' },
      events: { count: 5_000, age: '6h', bytes: '8Mi' },
      decisions: { count: 10_000, age: '1d', bytes: '8Mi' },
      logs: { count: 50_000, age: '1d', bytes: '64Mi' },
      revisions: { count: 1_000, age: '90d', bytes: '8Mi' },
    },
    set: { events: { count: 5_000, age: '6h' } },
  },
  RetentionSettings: { events: { count: 5_000, age: '6h' } },
  Store: { state: 'well', message: 'the store takes writes' },
};
