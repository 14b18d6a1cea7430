/** One realistic sample of each contract: its tokens, its value, and what answers it. */
import {
  busDisconnected,
  busPulse,
  type Contract,
  deadDrop,
  deadRecord,
  deadReplay,
  debugFrame,
  debugSwitch,
  endpointsRecord,
  eventNoticed,
  type Instance,
  instanceRecord,
  instanceStop,
  jobSpec,
  leaseProbe,
  leaseRecord,
  ledgerRecord,
  logFrame,
  type NodeFacts,
  nodeBeat,
  nodeCordon,
  nodeDrain,
  nodeJoin,
  nodePrompt,
  nodeRecord,
  nodeSnapshot,
  nodeUncordon,
  nodeUsage,
  observedRecord,
  type PayloadOf,
  placementDecided,
  placementExplain,
  placeWork,
  type ReplyOf,
  type RequestContract,
  revisionRecord,
  rolloutAbort,
  rolloutPromote,
  rolloutUndo,
  routeRecord,
  scheduleApply,
  scheduleDelete,
  scheduleFire,
  schedulePause,
  scheduleRecord,
  scheduleResume,
  scheduleSpec,
  scheduleTrigger,
  serviceSpec,
  sessionControl,
  sessionIn,
  sessionOpen,
  sessionOut,
  sidecarLogFrame,
  specRecord,
  type TokensOf,
  tenantRecord,
  tenantRetain,
  workloadApply,
  workloadDelete,
  workloadRecord,
  workloadScale,
} from '../../subjects/index.ts';

export interface Sample {
  readonly contract: Contract;
  readonly tokens: Readonly<Record<string, string>>;
  readonly value: unknown;
  /** Of a request: what is answered. */
  readonly reply: unknown;
}

function said<C extends Contract>(contract: C, tokens: TokensOf<C>, value: PayloadOf<C>): Sample {
  return { contract, tokens: tokens as Sample['tokens'], value, reply: undefined };
}

function asked<C extends RequestContract>(
  contract: C,
  tokens: TokensOf<C>,
  value: PayloadOf<C>,
  reply: ReplyOf<C>,
): Sample {
  return { ...said(contract, tokens, value), reply };
}

const at = 1_790_000_000_000;
const node = 'garage-1';
const mine = { tenant: 'default', workload: 'hello' };
const one = { tenant: 'default', instance: 'hello-4f2ab' };
const amounts = { cpuMilli: 250, memoryBytes: 134_217_728, diskBytes: 0 };
const capacity = { cpuMilli: 4_000, memoryBytes: 8_589_934_592, diskBytes: 107_374_182_400 };

const facts: NodeFacts = {
  identity: '6f1c3f0e-8a53-4a3b-9d5e-0c6c2d9f1b7a',
  class: 'steady',
  labels: { zone: 'garage', 'shoal.dev/disk': 'ssd' },
  architecture: 'x64',
  platform: 'linux',
  hostname: 'garage-1.lan',
  address: '192.168.1.20',
  agentVersion: '0.1.0',
  protocol: 1,
  drivers: {
    process: { version: '1', enforces: ['cpu'], notEnforced: { memory: 'no cgroup to write to' } },
  },
  capacity: { ...capacity, bandwidthBps: 1_000_000_000, devices: { gpu: 2, '/dev/kvm': 1_000 } },
  iops: 'high',
};

const service = serviceSpec.parse({
  count: 3,
  command: ['node', 'server.mjs'],
  environment: { GREETING: 'Grüße' },
  resources: { cpu: '250m', bandwidth: '10M', devices: { gpu: 1 }, iops: 'medium' },
  limits: { disk: '1Gi' },
  priorityValue: 75,
  ports: [{ name: 'http' }],
  ingress: { host: 'hello.localhost' },
});
const rolling = serviceSpec.parse({
  ...service,
  update: { strategy: 'canary', canary: { count: 1 }, maxSurge: 1, minAvailable: '67%' },
});
const job = jobSpec.parse({ command: ['sh', '-c', 'exit 0'], deadline: '5m' });

const instance: Instance = {
  ...one,
  workload: 'hello',
  kind: 'service',
  generation: 2,
  intent: 'run',
  epoch: 3,
  attempt: 1,
  node,
  avoid: ['phone-7'],
  failures: 1,
  createdAt: at,
  last: { verb: 'placed', at: at + 40, message: 'on garage-1' },
};

/** A sample of every contract. */
const nightly = { tenant: 'default', schedule: 'nightly' };
const nightlySpec = scheduleSpec.parse({
  when: { cron: '0 3 * * *', timeZone: 'Europe/Berlin' },
  ...{ startWithin: '10m', keep: 2 },
  action: { run: { command: ['backup', '--all'], retries: 1 } },
});

export const samples: readonly Sample[] = [
  said(
    nodeBeat,
    { node },
    { incarnation: 4, applied: 812, connection: { server: 'NCX7', client: 31 } },
  ),
  said(
    nodeSnapshot,
    { node },
    {
      at,
      cpuMilli: 1_310,
      memoryBytes: 3_221_225_472,
      diskBytes: 42_949_672_960,
      receivedBytesPerSecond: 1_204.5,
      sentBytesPerSecond: 88,
      loadAverage: 0.71,
      battery: { charge: 0.83, isCharging: true },
      instances: 2,
      agentMemoryBytes: 71_303_168,
      applied: 812,
    },
  ),
  said(
    nodeUsage,
    { node },
    {
      at,
      cpuMilli: 1_310,
      memoryBytes: 3_221_225_472,
      instances: [['default.web-a1b2c', 12, 4_096]],
    },
  ),
  asked(nodeJoin, { node }, facts, { incarnation: 4, beatMs: 1_000 }),
  said(nodePrompt, { node }, { want: 'ledger' }),
  asked(nodeCordon, { node }, { reason: 'new disk' }, { state: 'cordoned' }),
  asked(nodeUncordon, { node }, {}, { state: 'ready' }),
  asked(nodeDrain, { node }, { reason: 'moving house' }, { state: 'draining' }),
  said(
    busDisconnected,
    {},
    {
      server: { id: 'NCX7' },
      client: { id: 31, name: 'agent:garage-1' },
      reason: 'Client Closed',
    },
  ),
  said(busPulse, {}, { servers: ['NCX7', 'NDA4'], of: 3 }),
  asked(
    workloadApply,
    mine,
    {
      wanted: { kind: 'service', labels: { app: 'hello' }, spec: service },
      mode: 'put',
      ifGeneration: 1,
    },
    { generation: 2, change: 'updated' },
  ),
  asked(workloadScale, mine, { count: 5 }, { generation: 3, count: 5 }),
  asked(workloadDelete, mine, { ifGeneration: 3 }, { instances: 5 }),
  asked(rolloutPromote, mine, { ifGeneration: 4 }, { generation: 4, templateGeneration: 4 }),
  asked(rolloutAbort, mine, {}, { generation: 5, templateGeneration: 2 }),
  asked(rolloutUndo, mine, { to: 2 }, { generation: 5, templateGeneration: 2 }),
  said(
    revisionRecord,
    { ...mine, generation: '2' },
    {
      ...{ ...mine, generation: 2, spec: rolling, createdAt: at },
      ...{ completedAt: at + 900, replacedAt: at + 60_000 },
    },
  ),
  said(endpointsRecord, mine, {
    ...mine,
    ready: [{ instance: 'hello-7k2pf', node: 'n1', address: '10.0.0.7', ports: { http: 31_007 } }],
  }),
  asked(instanceStop, one, {}, { workload: 'hello' }),
  said(placeWork, { priority: 'normal', ...mine }, { reason: 'three instances want a node' }),
  asked(
    placementExplain,
    {},
    { ...mine, wanted: { kind: 'job', labels: {}, spec: job } },
    {
      nodes: 3,
      feasible: 1,
      possible: 2,
      removed: { accepts: 1, resources: 1 },
      impossible: { driver: 1 },
      drivers: ['process'],
      devices: ['/dev/kvm', 'gpu'],
      placed: 1,
      choice: [{ node, count: 1 }],
      table: [
        { node, score: 0.42 },
        { node: 'phone-7', removedBy: 'accepts', detail: 'cordoned' },
      ],
    },
  ),
  said(placementDecided, mine, {
    at,
    generation: 2,
    revision: 811,
    nodes: 3,
    feasible: 1,
    removed: { labels: 2 },
    placed: [{ instance: 'hello-4f2ab', node, epoch: 3, score: [0, 0.25], avoid: ['n3'] }],
    parked: ['hello-9c01d'],
    next: [{ node: 'n2', score: [1, 0.125], held: true }],
  }),
  said(
    eventNoticed,
    { tenant: 'default', noun: 'workload', id: 'hello', verb: 'failed' },
    {
      tenant: 'default',
      noun: 'workload',
      id: 'hello',
      verb: 'failed',
      at,
      message: 'its host is taken',
      node,
      workload: 'hello',
      refusal: { code: 'host-taken', detail: 'hello.localhost is served by other' },
    },
  ),
  said(
    logFrame,
    { ...mine, instance: 'hello-4f2ab' },
    {
      node,
      epoch: 3,
      stream: 'stdout',
      first: 17,
      lines: [
        { at, text: 'listening on 41230' },
        { at: at + 5, text: 'Grüße 👋' },
      ],
    },
  ),
  said(
    sidecarLogFrame,
    { ...mine, instance: 'hello-4f2ab', sidecar: 'proxy' },
    { node, epoch: 3, stream: 'stderr', first: 1, lines: [{ at, text: 'ready' }] },
  ),
  said(
    nodeRecord,
    { node },
    {
      ...facts,
      node,
      liveness: 'ready',
      administered: 'cordoned',
      enrolledAt: at - 86_400_000,
      offlineAt: [at - 3_600_000],
      last: { verb: 'cordoned', at, message: 'new disk' },
    },
  ),
  said(
    ledgerRecord,
    { node },
    {
      node,
      capacity: facts.capacity,
      accepts: 'yes',
      incarnation: 4,
      entries: {
        'default.hello-4f2ab': {
          ...one,
          workload: 'hello',
          generation: 2,
          epoch: 3,
          attempt: 1,
          ...amounts,
          bandwidthBps: 10_000_000,
          devices: { gpu: 1 },
          isStopping: true,
        },
      },
      sums: amounts,
    },
  ),
  said(
    specRecord,
    { node, ...mine, generation: '2' },
    {
      ...mine,
      generation: 2,
      kind: 'service',
      spec: service,
    },
  ),
  said(workloadRecord, mine, {
    kind: 'job',
    labels: {},
    spec: job,
    tenant: 'default',
    name: 'hello',
    generation: 2,
    templateGeneration: 1,
    createdAt: at,
    outcome: { result: 'succeeded', at: at + 9_000, message: 'all instances succeeded' },
    last: { verb: 'succeeded', at: at + 9_000, message: 'all instances succeeded' },
  }),
  said(instanceRecord, one, instance),
  said(
    routeRecord,
    { tenant: 'default', host: 'hello.localhost' },
    {
      tenant: 'default',
      host: 'hello.localhost',
      workload: 'hello',
      port: 'http',
    },
  ),
  said(
    observedRecord,
    { node, ...one },
    {
      node,
      ...one,
      workload: 'hello',
      epoch: 3,
      attempt: 1,
      state: 'running',
      isReady: true,
      address: '192.168.1.20',
      ports: { http: 41_230 },
      pid: 4_711,
      restarts: 1,
      startedAt: at,
      changedAt: at + 60,
    },
  ),
  said(
    deadRecord,
    { actor: 'scheduler', letter: '1x2y3z' },
    {
      ...{ actor: 'scheduler', letter: '1x2y3z', at, contract: 'work.place' },
      about: 'shoal.work.place.normal.default.hello',
      reason: { code: 'actor-fault', detail: 'Error: a step threw' },
      deliveries: 5,
      payload: { reason: 'instances want a node' },
    },
  ),
  asked(deadReplay, { actor: 'scheduler', letter: '1x2y3z' }, {}, { letter: '1x2y3z' }),
  asked(deadDrop, { actor: 'scheduler', letter: '1x2y3z' }, {}, { letter: '1x2y3z' }),
  said(scheduleRecord, nightly, {
    ...{ tenant: 'default', name: 'nightly', labels: { team: 'data' }, spec: nightlySpec },
    ...{ generation: 2, createdAt: at, since: at, handled: at + 60_000 },
    pending: { firing: at + 60_000, since: at + 60_140 },
    triggered: { id: 'TRG1', firing: at + 1_000 },
    history: [
      {
        ...{ firing: at + 1_000, at: at + 1_020, result: 'started' },
        ...{ workload: 'nightly-20261121-040001', message: 'nightly-20261121-040001' },
      },
    ],
    last: { verb: 'started', at: at + 1_020, message: 'nightly-20261121-040001' },
  }),
  said(scheduleFire, nightly, { generation: 2, firing: at + 60_000 }),
  asked(
    scheduleApply,
    nightly,
    { wanted: { labels: { team: 'data' }, spec: nightlySpec }, mode: 'put', ifGeneration: 1 },
    { generation: 2, change: 'updated' },
  ),
  asked(scheduleDelete, nightly, { ifGeneration: 2 }, { runs: 1 }),
  asked(schedulePause, nightly, {}, { generation: 3 }),
  asked(scheduleResume, nightly, {}, { generation: 4 }),
  asked(scheduleTrigger, nightly, {}, { generation: 4, workload: 'nightly-20261121-040001' }),
  said(
    leaseRecord,
    { actor: 'membership', shard: '0' },
    { actor: 'membership', shard: '0', holder: 'control-L1H4LFPY', fence: 17, renewals: 41 },
  ),
  said(
    tenantRecord,
    { tenant: 'default' },
    {
      ...{ tenant: 'default', retention: { events: { count: 5_000, age: '6h' } }, generation: 1 },
      last: { verb: 'changed', at, message: 'of its own: events' },
    },
  ),
  asked(
    tenantRetain,
    { tenant: 'default' },
    { retention: { events: { count: 5_000, age: '6h' } }, ifGeneration: 0 },
    { generation: 1, change: 'changed' },
  ),
  asked(leaseProbe, { actor: 'membership', holder: 'control-L1H4LFPY' }, {}, { fence: 17 }),
  asked(
    debugSwitch,
    { actor: 'membership' },
    { forMs: 60_000 },
    { copy: 'control-L1H4LFPY', isActing: true, recording: '8Q2Z6N4WJ1' },
  ),
  said(
    debugFrame,
    { actor: 'membership' },
    {
      ...{ recording: '8Q2Z6N4WJ1', copy: 'control-L1H4LFPY', seq: 4, at: 1_767_225_600_250 },
      entry: {
        ...{ kind: 'step', label: 'listen', about: '', id: 'control-L1H4LFPY-listen-9' },
        ...{ attempts: 0, message: { key: '' }, now: 1_767_225_600_250, revision: 71, fence: 17 },
        ...{ seed: 2_871_563_990, values: [], reads: { nodes: { all: 'same' } } },
        ...{ held: [], mine: [], effects: [] },
      },
    },
  ),
  asked(
    sessionOpen,
    { node },
    {
      ...{ session: 'g-8Q2Z6N4WJ1', ...one, windowBytes: 262_144 },
      exec: { command: ['sh'], terminal: { type: 'xterm', size: { columns: 80, rows: 24 } } },
    },
    { node, windowBytes: 262_144 },
  ),
  said(
    sessionIn,
    { node, session: 'g-8Q2Z6N4WJ1' },
    { sequence: 1, bytes: Buffer.from('date\n'), size: { columns: 80, rows: 24 } },
  ),
  said(
    sessionOut,
    { node, session: 'g-8Q2Z6N4WJ1' },
    { sequence: 3, bytes: Buffer.from('Grüße\n'), isError: true },
  ),
  said(
    sessionControl,
    { node, session: 'g-8Q2Z6N4WJ1' },
    { from: 'carrier', takenBytes: 65_536, sequence: 3 },
  ),
];
