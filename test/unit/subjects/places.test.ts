/** Files, volumes, mounts and ports of a spec: what may be asked for, and each sentence why not. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  allowsMount,
  fixedPorts,
  type Wanted,
  wantedSchema,
  workloadRecord,
} from '../../../subjects/index.ts';

const parsed = (more: object) =>
  wantedSchema.safeParse({ kind: 'service', spec: { command: ['serve'], ...more } });
const box = { driver: 'docker', image: 'app:1' };
/** What is wrong, by its place. */
const faults = (more: object): readonly string[] =>
  (parsed(more).error?.issues ?? []).map(
    ({ path, message }) => `${path.slice(1).join('.')}: ${message}`,
  );

test('files, volumes and mounts have defaults that are safe', () => {
  const found = parsed({
    ...box,
    files: [{ path: '/etc/a', text: 'x' }],
    volumes: [{ name: 'data', path: '/data' }],
    mounts: [{ source: '/srv/m', path: '/m' }],
  });
  expect(found.data?.spec).toMatchObject({
    files: [{ mode: '0444' }],
    volumes: [{ medium: 'disk' }],
    mounts: [{ readOnly: true }],
  });
});

describe('is refused with a sentence at its place', () => {
  const file = { path: 'a', text: '' };
  const volume = { name: 'a', path: 'a' };
  const twice = { ports: ['a', 'b'].map((name) => ({ name, host: 80 })) };
  const udp = [{ name: 'dns', protocol: 'udp' }];
  const asked = { startup: { tcp: { port: 'dns' } } };
  test.each<[string, object, RegExp]>([
    ['a file of nothing', { files: [{ path: 'a' }] }, /^files\.0: needs exactly one of/],
    ['a file of both', { files: [{ ...file, base64: '' }] }, /^files\.0: needs exactly one of/],
    ['no base64', { files: [{ path: 'a', base64: 'abc' }] }, /^files\.0\.base64: /],
    ['a file that can be written', { files: [{ ...file, mode: '0644' }] }, /^files\.0\.mode: /],
    ['a path that leads out', { files: [{ ...file, path: 'a/../../b' }] }, /^files\.0\.path: /],
    ['a path of a process from the root', { files: [{ ...file, path: '/a' }] }, /leave out the f/],
    [
      'a path in a container that is relative',
      { ...box, files: [file] },
      /^files\.0\.path: in a c/,
    ],
    ['the same path twice', { files: [file], volumes: [volume] }, /^volumes\.0\.path: a is there/],
    ['a name twice', { volumes: [volume, { ...volume, path: 'b' }] }, /^volumes\.1\.name: each/],
    ['a size on disk', { volumes: [{ ...volume, size: '1Gi' }] }, /^volumes\.0\.size: nothing enf/],
    ['memory of any size', { volumes: [{ ...volume, medium: 'memory' }] }, /needs a size/],
    ['a mount of a process', { mounts: [{ source: '/a', path: 'a' }] }, /only for driver docker/],
    ['a relative source', { ...box, mounts: [{ source: 'a', path: '/a' }] }, /^mounts\.0\.source/],
    ['a source with ..', { ...box, mounts: [{ source: '/a/../b', path: '/a' }] }, /^mounts\.0\.s/],
    ['a port of the node twice', twice, /^ports\.1\.host: 80\/tcp is another port of this/],
    ['a port inside a process', { ports: [{ name: 'a', container: 1 }] }, /^ports\.0\.container/],
    ['a process without network', { network: 'none' }, /^network: network none is only for/],
    ['ports without network', { ...box, network: 'none', ports: udp }, /^ports: with network none/],
    [
      'an ingress of udp',
      { ports: udp, ingress: { host: 'a.b' } },
      /^ingress\.port: port dns is u/,
    ],
    [
      'a probe of udp',
      { ports: udp, probes: asked },
      /^probes\.startup\.tcp\.port: port dns is udp/,
    ],
    ['the whole node', { ...box, mounts: [{ source: '/', path: '/a' }] }, /^mounts\.0\.source/],
  ])('%s', (_, more, why) => {
    expect(faults(more)).toEqual([expect.stringMatching(why)]);
  });

  test('more than all files together may take', () => {
    const files = ['a', 'b'].map((path) => ({ path, text: 'x'.repeat(40_000) }));
    expect(faults({ files })).toEqual([
      expect.stringMatching(/^files: take 80\d+ bytes, of 65536/),
    ]);
    expect(faults({ files: files.slice(1) })).toEqual([]);
  });
});

test('what a spec may hold in files fits into the record of its workload', () => {
  fc.assert(
    fc.property(fc.constantFrom('x', '\u0001', '"', 'é', '💧'), fc.integer({ min: 1 }), (of, n) => {
      const text = of.repeat(Math.min(n, 65_536));
      const wanted = parsed({ files: [{ path: 'a', text }] });
      fc.pre(wanted.success);
      const last = { verb: 'created', at: 1, message: '' };
      const held = { tenant: 't', name: 'w', generation: 1, templateGeneration: 1, createdAt: 1 };
      const record = workloadRecord.schema.parse({ ...(wanted.data as Wanted), ...held, last });
      expect(Buffer.byteLength(JSON.stringify(record))).toBeLessThan(workloadRecord.bytesMax);
    }),
    // Each reads 64 KiB several times.
    { numRuns: 20 },
  );
});

test('one number may be a port of tcp and one of udp', () => {
  const ports = (['tcp', 'udp'] as const).map((protocol) => ({
    name: protocol,
    host: 53,
    protocol,
  }));
  expect(faults({ ports })).toEqual([]);
  expect(fixedPorts([...ports, { name: 'free' }])).toEqual(['53/tcp', '53/udp']);
});

test('a mount is allowed below a folder, not beside it', () => {
  const allowed = [{ path: '/srv/data', readOnly: true }];
  const may = (source: string, readOnly = true) => allowsMount(allowed, { source, readOnly });
  expect(may('/srv/data')).toBe(true);
  expect(may('/srv/data/in')).toBe(true);
  expect(may('/srv/database')).toBe(false);
  expect(may('/srv')).toBe(false);
  expect(may('/srv/data', false)).toBe(false);
  expect(may('/srv/data', true)).toBe(true);
});
