/** What may be asked of an instance: the defaults, the ranges, and what is wrong taken together. */
import { describe, expect, test } from 'vitest';
import { probesSpec, serviceSpec, wantedSchema, workloadRecord } from '../../../subjects/index.ts';

const ports = [{ name: 'http' }, { name: 'admin' }];
const spec = (more: object) => ({ command: ['serve'], ports, ...more });
const readiness = (probe: object) => spec({ probes: { readiness: probe } });

/** What a spec is refused with: each fault with its path. */
function faults(of: object): readonly string[] {
  const read = wantedSchema.safeParse({ kind: 'service', spec: of });
  if (read.success) return [];
  return read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test('the defaults are those of the systems people come from', () => {
  const parsed = probesSpec.parse({ liveness: { http: { port: 'http' } } });
  expect(parsed.liveness).toEqual({
    http: {
      ...{ path: '/', port: 'http', scheme: 'http', headers: {} },
      status: { from: 200, to: 399 },
    },
    ...{ initialDelay: '10s', period: '10s', timeout: '3s' },
    ...{ successThreshold: 1, failureThreshold: 3 },
  });
});

test('a spec without probes is written as ever: nothing that runs is replaced', () => {
  const keys = Object.keys(serviceSpec.parse({ command: ['serve'] }));
  expect(keys).not.toContain('probes');
  expect(keys).not.toContain('preStop');
});

test('each way of asking is taken, and what is done before an end', () => {
  for (const way of [
    { http: { port: 'http', path: '/ready?full=1', headers: { 'X-Probe': '1' } } },
    { tcp: { port: 'admin' } },
    { exec: { command: ['test', '-f', 'ready'] } },
    { grpc: { port: 'http', service: 'shop.Cart' } },
  ]) {
    expect(faults(readiness(way))).toEqual([]);
  }
  expect(faults(spec({ preStop: { command: ['drain'] } }))).toEqual([]);
  expect(faults(spec({ preStop: { http: { port: 'http', path: '/drain' } } }))).toEqual([]);
});

const tcp = { tcp: { port: 'http' } };
describe('refused, with the place and what is right', () => {
  test.each<[string, object, string]>([
    [
      'no way of asking',
      readiness({}),
      'spec.probes.readiness: needs exactly one of http, tcp, exec, grpc; none is there',
    ],
    [
      'two of them',
      readiness({ ...tcp, exec: { command: ['true'] } }),
      'spec.probes.readiness: needs exactly one of http, tcp, exec, grpc; there is tcp and exec',
    ],
    [
      'a port nobody listed',
      readiness({ http: { port: 'web' } }),
      'spec.probes.readiness.http.port: no port is called web; there is http, admin',
    ],
    [
      'a port where there are none',
      { command: ['serve'], probes: { startup: { tcp: { port: 'web' } } } },
      'spec.probes.startup.tcp.port: no port is called web; the spec lists no ports',
    ],
    [
      'a period that is too short',
      readiness({ ...tcp, period: '100ms' }),
      'spec.probes.readiness.period: from 500ms to 1h',
    ],
    [
      'a timeout that is too long',
      readiness({ ...tcp, timeout: '6m' }),
      'spec.probes.readiness.timeout: from 100ms to 5m',
    ],
    [
      'several successes for a liveness probe',
      spec({ probes: { liveness: { ...tcp, successThreshold: 2 } } }),
      'spec.probes.liveness.successThreshold: of a liveness probe it is 1: one success is enough',
    ],
    [
      'a range of statuses upside down',
      readiness({ http: { port: 'http', status: { from: 400 } } }),
      'spec.probes.readiness.http.status: from 400 is above to 399',
    ],
    [
      'a header that would be two',
      readiness({ http: { port: 'http', headers: { A: 'b\r\nC: d' } } }),
      'spec.probes.readiness.http.headers.A: one line of plain characters',
    ],
    [
      'a path that is none',
      readiness({ http: { port: 'http', path: 'healthz' } }),
      'spec.probes.readiness.http.path: a path, e.g. /healthz',
    ],
    [
      'both kinds of preStop',
      spec({ preStop: { command: ['a'], http: { port: 'http' } } }),
      'spec.preStop: needs exactly one of command, http',
    ],
    [
      'a preStop without time',
      spec({ preStop: { command: ['a'] }, grace: '0s' }),
      'spec.grace: with a preStop at least 1s',
    ],
    [
      'a preStop to a port nobody listed',
      spec({ preStop: { http: { port: 'web' } } }),
      'spec.preStop.http.port: no port is called web; there is http, admin',
    ],
  ])('%s', (_, of, fault) => {
    expect(faults(of)).toEqual([fault]);
  });

  test('of a job: it is over when it ends', () => {
    const job = { kind: 'job', spec: { command: ['work'], probes: {} } };
    expect(wantedSchema.safeParse(job).success).toBe(false);
  });
});

test('what a later version stored is read: a way of asking, and a key, that are not known here', () => {
  const stored = serviceSpec.parse(readiness(tcp));
  const later = { ...stored.probes?.readiness, tcp: undefined, udp: { port: 'http' }, cost: 2 };
  const last = { verb: 'created', at: 1, message: '' };
  const held = { generation: 1, templateGeneration: 1, createdAt: 1, last };
  const record = {
    ...{ tenant: 'default', name: 'web', kind: 'service', labels: {}, ...held },
    spec: { ...stored, probes: { readiness: later } },
  };
  const read = workloadRecord.schema.parse(record);
  expect(read.spec).toMatchObject({ probes: { readiness: { udp: { port: 'http' }, cost: 2 } } });
});
