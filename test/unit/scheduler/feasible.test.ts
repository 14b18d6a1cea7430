/** One node and one need: the first filter that removes it, in one order. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  explainFilter,
  impossibleBy,
  type Need,
  needOf,
  removedBy,
} from '../../../actors/scheduler/feasible.ts';
import type { Row } from '../../../actors/scheduler/table.ts';
import {
  type Amounts,
  acceptance,
  allowsMount,
  type Filter,
  filters,
  fits,
  iopsClasses,
  isFastEnough,
  lackingDevices,
} from '../../../subjects/index.ts';
import { oneCore } from '../../support/records.ts';
import { service } from '../../support/specs.ts';

const row: Row = {
  id: 'n1',
  accepts: 'yes',
  capacity: oneCore,
  free: oneCore,
  architecture: 'x64',
  labels: { zone: 'garage', disk: 'ssd' },
  drivers: new Set(['process', 'docker']),
  heeds: { process: ['probes'] },
  isWhole: true,
};
const need: Need = {
  amounts: { cpuMilli: 500, memoryBytes: 2 ** 29, diskBytes: 0 },
  driver: 'process',
  features: [],
  architecture: 'x64',
  labels: [['zone', 'garage']],
};
const half = { ...oneCore, cpuMilli: 499 };

test('a need is what the spec asks for, in numbers', () => {
  const { spec } = service(1, {
    ...{ driver: 'docker', image: 'app:1' },
    resources: { cpu: '250m', memory: '64Mi', disk: '1Gi' },
    placement: { labels: { zone: 'garage' }, architecture: 'arm64' },
  });
  expect(needOf(spec)).toEqual({
    amounts: { cpuMilli: 250, memoryBytes: 64 * 2 ** 20, diskBytes: 2 ** 30 },
    driver: 'docker',
    features: [],
    architecture: 'arm64',
    labels: [['zone', 'garage']],
  });
  const probes = { startup: { exec: { command: ['true'] } } };
  const preStop = { command: ['true'] };
  expect(needOf(service(1, { probes, preStop }).spec).features).toEqual(['probes', 'pre-stop']);
  expect(needOf(service(1, { probes: {} }).spec).features).toEqual([]);
});

describe('a node that is right is removed by nothing', () => {
  test.each<[string, Partial<Need>]>([
    ['as asked', {}],
    ['exactly filled', { amounts: oneCore }],
    ['of any architecture', { architecture: undefined }],
    ['without labels asked', { labels: [] }],
    ['another driver it has', { driver: 'docker' }],
    ['a feature its agent heeds', { features: ['probes'] }],
  ])('%s', (_, more) => {
    expect(removedBy({ ...need, ...more }, row, [])).toBeUndefined();
    expect(impossibleBy({ ...need, ...more }, row)).toBeUndefined();
  });
});

/** What is wrong, the filter that says so now, and the one that says so of an empty, ready node. */
const wrongs: readonly [string, Partial<Row>, Filter, Filter | undefined][] = [
  ['cordoned', { accepts: 'cordoned' }, 'accepts', undefined],
  ['suspect', { accepts: 'suspect' }, 'accepts', undefined],
  ['offline', { accepts: 'offline' }, 'accepts', undefined],
  ['half known', { isWhole: false, drivers: new Set() }, 'accepts', undefined],
  ['no such driver', { drivers: new Set(['wasm']) }, 'driver', 'driver'],
  ['another architecture', { architecture: 'arm64' }, 'architecture', 'architecture'],
  ['a label missing', { labels: { disk: 'ssd' } }, 'labels', 'labels'],
  ['a label with another value', { labels: { zone: 'attic' } }, 'labels', 'labels'],
  ['full', { free: half }, 'resources', undefined],
  ['too small', { free: half, capacity: half }, 'resources', 'resources'],
  ['overbooked', { free: { ...oneCore, memoryBytes: -1 } }, 'resources', undefined],
];

describe('a node is removed by what is wrong with it', () => {
  test.each(wrongs)('%s', (_, more, now, ever) => {
    expect(removedBy(need, { ...row, ...more }, [])).toBe(now);
    expect(impossibleBy(need, { ...row, ...more })).toBe(ever);
    const sentence = explainFilter(now, need, { ...row, ...more });
    expect(sentence.length).toBeGreaterThan(5);
    expect(sentence).not.toContain('undefined');
  });

  test('an agent that would ignore what the spec asks for', () => {
    const asked = { ...need, features: ['probes', 'pre-stop'] };
    for (const heeds of [undefined, {}, { docker: asked.features }, { process: ['probes'] }]) {
      expect(removedBy(asked, { ...row, heeds }, [])).toBe('features');
      expect(impossibleBy(asked, { ...row, heeds })).toBe('features');
    }
    expect(removedBy(asked, { ...row, heeds: { process: asked.features } }, [])).toBeUndefined();
  });

  test('a part of the node that its operator does not allow, or not for writing', () => {
    const mount = { source: '/srv/data', path: '/data', readOnly: true };
    const asked = { ...need, mounts: [mount] };
    const allowed = (path: string, readOnly = true) => ({
      ...{ ...row, mounts: { process: [{ path, readOnly }] } },
    });
    for (const path of ['/srv', '/srv/data']) {
      expect(removedBy(asked, allowed(path), [])).toBeUndefined();
    }
    for (const other of [row, allowed('/srv/dat'), allowed('/srv/data/in')]) {
      expect(removedBy(asked, other, [])).toBe('mounts');
      expect(impossibleBy(asked, other)).toBe('mounts');
    }
    const written = { ...need, mounts: [{ ...mount, readOnly: false }] };
    expect(removedBy(written, allowed('/srv'), [])).toBe('mounts');
    expect(removedBy(written, allowed('/srv', false), [])).toBeUndefined();
    expect(removedBy({ ...asked, driver: 'docker' }, allowed('/srv'), [])).toBe('mounts');
  });

  test('a port that is another instance’s there', () => {
    const asked = { ...need, ports: ['80/tcp', '53/udp'] };
    expect(removedBy(asked, { ...row, ports: ['53/tcp', '80/udp'] }, [])).toBeUndefined();
    const taken = { ...row, ports: ['53/udp'] };
    expect(removedBy(asked, taken, [])).toBe('ports');
    expect(impossibleBy(asked, taken)).toBeUndefined();
    expect(removedBy(need, taken, [])).toBeUndefined();
  });

  test('devices: that it has none of, or too few of that are free', () => {
    const gpus = (of: Amounts, count: number): Amounts => ({ ...of, devices: { gpu: count } });
    const asked = { ...need, amounts: gpus(need.amounts, 2) };
    const with2 = { ...row, capacity: gpus(oneCore, 2) };
    expect(removedBy(asked, { ...with2, free: gpus(oneCore, 2) }, [])).toBeUndefined();
    const busy = { ...with2, free: gpus(oneCore, 1) };
    expect([removedBy(asked, busy, []), impossibleBy(asked, busy)]).toEqual(['devices', undefined]);
    expect(explainFilter('devices', asked, busy)).toBe('has 1 of 2 gpu free, 2 asked');
    expect([removedBy(asked, row, []), impossibleBy(asked, row)]).toEqual(['devices', 'devices']);
    expect(removedBy(need, busy, [])).toBeUndefined();
  });

  test('bandwidth that it has not, or of which nobody knows how much it has', () => {
    const with100 = (of: Amounts) => ({ ...of, bandwidthBps: 100e6 });
    const asked = { ...need, amounts: with100(need.amounts) };
    const enough = { ...row, capacity: with100(oneCore), free: with100(oneCore) };
    expect(removedBy(asked, enough, [])).toBeUndefined();
    const less = { ...enough, free: { ...oneCore, bandwidthBps: 99e6 } };
    expect(removedBy(asked, less, [])).toBe('resources');
    expect(explainFilter('resources', asked, less)).toBe(
      'has 1000m, 1024Mi, 99M bit/s free; 500m, 512Mi, 100M bit/s asked',
    );
    expect([removedBy(asked, row, []), impossibleBy(asked, row)]).toEqual([
      'resources',
      'resources',
    ]);
    expect(explainFilter('resources', asked, row)).toContain(
      '1024Mi, no bandwidth it knows of free',
    );
  });

  test('a disk that is slower than asked, or of which nobody knows', () => {
    const asked: Need = { ...need, iops: 'medium' };
    for (const iops of ['medium', 'high', 'premium'] as const) {
      expect(removedBy(asked, { ...row, iops }, [])).toBeUndefined();
    }
    for (const iops of ['low', undefined] as const) {
      expect(impossibleBy(asked, { ...row, iops })).toBe('iops');
    }
  });

  test('an engine that is away: the node could hold it, but not now', () => {
    const away = { process: 'the engine at /run/e.sock does not answer' };
    expect(removedBy(need, { ...row, away }, [])).toBe('engine');
    expect(impossibleBy(need, { ...row, away })).toBeUndefined();
    expect(removedBy({ ...need, driver: 'docker' }, { ...row, away }, [])).toBeUndefined();
  });

  test('where the instance failed before', () => {
    expect(removedBy(need, row, ['n2', 'n1'])).toBe('avoid');
    expect(removedBy(need, row, ['n2'])).toBeUndefined();
  });

  test('each sentence says what was found and what was asked', () => {
    const arm: Row = { ...row, architecture: 'arm64', labels: {}, free: half, ports: ['53/udp'] };
    const mounts = [{ source: '/srv/data', path: '/data', readOnly: false }];
    const features = ['probes', 'pre-stop'];
    const amounts = { ...need.amounts, devices: { gpu: 1, '/dev/kvm': 1 } };
    const ports = ['53/udp'];
    const asked: Need = { ...need, amounts, features, mounts, ports, iops: 'high' };
    arm.away = { process: 'the engine at /run/e.sock does not answer' };
    arm.capacity = { ...oneCore, devices: { '/dev/kvm': 1 } };
    expect(filters.map((filter) => explainFilter(filter, asked, arm))).toEqual([
      'takes no new work: yes',
      'offers process, docker, not process',
      'its driver process lacks pre-stop: upgrade its agent, or see what it says of them',
      'its operator allows no /srv/data for writing; set SHOAL_MOUNTS there',
      'is arm64, not x64',
      'lacks zone=garage',
      'has a disk of class unknown, below high; SHOAL_IOPS there says it',
      'starts nothing with process now: the engine at /run/e.sock does not answer',
      'the instance failed there before',
      'offers no device gpu',
      'has 499m, 1024Mi free; 500m, 512Mi asked',
      "53/udp is another instance's there",
    ]);
  });
});

const few = fc.constantFrom(0, 1, 2, 3);
const plain = { cpuMilli: few, memoryBytes: few, diskBytes: few };
const devices = fc.constantFrom(undefined, { gpu: 1 }, { gpu: 2, tap: 1 }, { tap: 2 });
const amounts = fc.record({ ...plain, bandwidthBps: fc.option(few, { nil: undefined }), devices });
const iops = fc.constantFrom(undefined, ...iopsClasses);
const anyRow: fc.Arbitrary<Row> = fc.record({
  id: fc.constantFrom('n1', 'n2'),
  accepts: fc.constantFrom(...acceptance.options),
  capacity: amounts,
  free: amounts,
  architecture: fc.constantFrom('x64', 'arm64'),
  labels: fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('1', '2'), {
    noNullPrototype: true,
  }),
  drivers: fc.subarray(['process', 'docker']).map((names) => new Set(names)),
  heeds: fc.constantFrom(undefined, { process: ['probes'] }, { docker: ['probes', 'pre-stop'] }),
  mounts: fc.constantFrom(
    undefined,
    { process: [{ path: '/srv', readOnly: true }] },
    { docker: [{ path: '/srv/a', readOnly: false }] },
  ),
  ports: fc.constantFrom(undefined, ['80/tcp'], ['80/udp', '81/tcp']),
  iops,
  away: fc.constantFrom(undefined, { docker: 'away' }),
  isWhole: fc.boolean(),
});
const anyNeed: fc.Arbitrary<Need> = fc.record({
  amounts,
  driver: fc.constantFrom('process', 'docker'),
  features: fc.subarray(['probes', 'pre-stop']),
  mounts: fc.constantFrom(
    undefined,
    [],
    [{ source: '/srv/a', path: '/a', readOnly: true }],
    [{ source: '/srv/a/b', path: '/a', readOnly: false }],
  ),
  ports: fc.constantFrom(undefined, ['80/tcp'], ['79/tcp', '81/tcp']),
  iops,
  architecture: fc.constantFrom('x64', 'arm64', undefined),
  labels: fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom('1', '2')), {
    selector: ([name]) => name,
  }),
});

test('the filter named is the first, in their order, of those that apply', () => {
  const applies: Record<Filter, (of: Need, to: Row) => boolean> = {
    accepts: (_, to) => !to.isWhole || to.accepts !== 'yes',
    driver: (of, to) => !to.drivers.has(of.driver),
    features: (of, to) => of.features.some((each) => !to.heeds?.[of.driver]?.includes(each)),
    mounts: (of, to) =>
      (of.mounts ?? []).some((each) => !allowsMount(to.mounts?.[of.driver] ?? [], each)),
    architecture: (of, to) => of.architecture !== undefined && of.architecture !== to.architecture,
    labels: (of, to) => of.labels.some(([name, value]) => to.labels[name] !== value),
    avoid: () => false,
    iops: (of, to) => of.iops !== undefined && !isFastEnough(of.iops, to.iops),
    engine: (of, to) => to.away?.[of.driver] !== undefined && fits(of.amounts, to.capacity),
    // Too small for it ever comes before too full now.
    devices: (of, { free, capacity }) =>
      lackingDevices(of.amounts, fits(of.amounts, capacity) ? free : capacity).length > 0,
    resources: (of, to) => !fits(of.amounts, to.free),
    ports: (of, to) => (of.ports ?? []).some((each) => to.ports?.includes(each)),
  };
  fc.assert(
    fc.property(anyNeed, anyRow, (of, to) => {
      // Nothing is free on a node beyond what it has.
      fc.pre(fits(to.free, to.capacity));
      expect(removedBy(of, to, [])).toBe(filters.find((filter) => applies[filter](of, to)));
    }),
    { numRuns: 2_000 },
  );
});
