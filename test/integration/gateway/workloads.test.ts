/** Workloads and instances through the API: written, read, changed and removed. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { problemSchema } from '../../../gateway/http/problem.ts';
import { instanceShape } from '../../../gateway/present/instance.ts';
import { listOf } from '../../../gateway/present/list.ts';
import { workloadShape } from '../../../gateway/present/workload.ts';
import { eventually } from '../../support/ports.ts';
import { Fabric, type Reply, service } from './fabric.ts';

let fabric: Fabric;
beforeAll(async () => {
  fabric = await Fabric.start(2);
});
afterAll(async () => {
  await fabric?.[Symbol.asyncDispose]();
});

/** An answer holds what its schema says, and nothing else. */
function conforms(schema: z.ZodType, body: unknown): void {
  expect(schema.parse(body)).toEqual(body);
}

function refused(reply: Reply, status: number, code: string): void {
  expect({ status: reply.status, code: reply.body.code }).toEqual({ status, code });
  expect(reply.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  conforms(problemSchema, reply.body);
  expect(reply.headers.get('x-request-id')).toBe(reply.body.id);
}

const gone = (name: string) =>
  eventually(async () => (await fabric.get(`workloads/${name}`)).status === 404, 15_000, 'gone');

describe('a service', () => {
  test('is created, and can be read back at once', async () => {
    const ingress = { host: 'web.localhost' };
    const made = await fabric.put('web', service('web', { ports: [{ name: 'http' }], ingress }));
    expect(made.status).toBe(201);
    expect(made.body).toEqual({ name: 'web', generation: 1, change: 'created' });
    expect(made.headers.get('location')).toBe('/api/v1/workloads/web?tenant=default');
    expect(Number(made.headers.get('shoal-revision'))).toBeGreaterThan(0);
    const read = await fabric.get('workloads/web');
    expect(read.headers.get('etag')).toBe('"1"');
    conforms(workloadShape, read.body);
    expect(read.body.url).toBe(`http://web.localhost:${new URL(fabric.gateway.ingressUrl).port}/`);
  });

  test('becomes ready, with an instance on each node', async () => {
    await fabric.until('web', 'ready');
    const { body } = await fabric.get('workloads/web');
    expect(body.instances).toMatchObject({ wanted: 2, ready: 2, running: 2, pending: 0 });
    const { body: list } = await fabric.get('instances?workload=web&phase=ready');
    conforms(listOf(instanceShape), list);
    expect(list.items.map((each: { node: string }) => each.node).sort()).toEqual(['n1', 'n2']);
    const [first] = list.items;
    expect((await fabric.get(`instances/${first.instance}`)).body).toEqual(first);
    expect((await fabric.get(`instances?node=${first.node}`)).body.items).toContainEqual(first);
    expect((await fabric.get('instances?phase=failed')).body.items).toEqual([]);
  });

  test('is listed by tenant, kind and label', async () => {
    const labelled = {
      ...service('red', { count: 0 }),
      metadata: { name: 'red', labels: { a: 'b' } },
    };
    await fabric.put('red', labelled);
    await fabric.put('other', service('other', { count: 0 }), {});
    const names = async (query: string): Promise<string[]> => {
      const { body } = await fabric.get(`workloads${query}`);
      conforms(listOf(workloadShape), body);
      return body.items.map((each: { name: string }) => each.name);
    };
    expect(await names('')).toEqual(['other', 'red', 'web']);
    expect(await names('?kind=job')).toEqual([]);
    expect(await names('?label=a=b')).toEqual(['red']);
    expect(await names('?label=a=b&label=a=c')).toEqual([]);
    expect(await names('?tenant=nobody')).toEqual([]);
  });

  test('is not changed by the same manifest, and changed by another', async () => {
    const ingress = { host: 'web.localhost' };
    const spec = { ports: [{ name: 'http' }], ingress };
    const same = await fabric.put('web', service('web', spec));
    expect([same.status, same.body.change, same.body.generation]).toEqual([200, 'unchanged', 1]);
    const more = await fabric.put('web', service('web', { ...spec, count: 3 }));
    expect([more.status, more.body.change, more.body.generation]).toEqual([200, 'scaled', 2]);
    expect(more.headers.get('etag')).toBe('"2"');
    await fabric.until('web', 'ready');
  });

  test('is created by YAML and by POST, once', async () => {
    const yaml =
      'apiVersion: shoal/v1\nkind: service\nmetadata: { name: posted }\nspec: { count: 0, command: [x] }\n';
    const post = () =>
      fabric.call('POST', 'workloads', {
        body: yaml,
        headers: { 'content-type': 'application/yaml' },
      });
    const made = await post();
    expect([made.status, made.body.change]).toEqual([201, 'created']);
    refused(await post(), 409, 'workload-exists');
  });

  test('belongs to the tenant its manifest or the query names', async () => {
    const body = service('mine', { count: 0 });
    const made = await fabric.call('PUT', 'workloads/mine?tenant=acme', { body });
    expect(made.headers.get('location')).toBe('/api/v1/workloads/mine?tenant=acme');
    expect((await fabric.get('workloads/mine')).status).toBe(404);
    expect((await fabric.get('workloads/mine?tenant=acme')).body.tenant).toBe('acme');
    const named = { ...body, metadata: { name: 'mine', tenant: 'acme' } };
    expect((await fabric.put('mine', named)).body.change).toBe('unchanged');
    const twice = await fabric.call('PUT', 'workloads/mine?tenant=else', { body: named });
    refused(twice, 422, 'manifest-malformed');
  });

  test('is scaled, bound to its generation', async () => {
    const stale = { body: { count: 1 }, headers: { 'if-match': '"1"' } };
    refused(await fabric.call('POST', 'workloads/web/scale', stale), 412, 'generation-stale');
    const right = { body: { count: 1 }, headers: { 'if-match': '"2"' } };
    const scaled = await fabric.call('POST', 'workloads/web/scale', right);
    expect(scaled.body).toEqual({ tenant: 'default', name: 'web', generation: 3, count: 1 });
    const stalePut = await fabric.put('web', service('web'), { 'if-match': '"2"' });
    refused(stalePut, 412, 'generation-stale');
    const staleDelete = { headers: { 'if-match': '"2"' } };
    refused(await fabric.call('DELETE', 'workloads/web', staleDelete), 412, 'generation-stale');
  });

  test('gets another instance in place of one that is stopped', async () => {
    await fabric.until('web', 'ready');
    const { items } = (await fabric.get('instances?workload=web&phase=ready')).body;
    const [one] = items;
    const stopped = await fabric.call('DELETE', `instances/${one.instance}`);
    expect([stopped.status, stopped.body]).toEqual([
      202,
      { instance: one.instance, workload: 'web' },
    ]);
    await eventually(
      async () => {
        const { body } = await fabric.get('instances?workload=web&phase=ready');
        return body.items.length === 1 && body.items[0].instance !== one.instance;
      },
      10_000,
      'another instance',
    );
  });

  test('is deleted with its instances', async () => {
    const deleted = await fabric.call('DELETE', 'workloads/web');
    expect(deleted.status).toBe(202);
    expect(deleted.body.name).toBe('web');
    const { status, body } = await fabric.get('workloads/web');
    expect(status === 404 || body.state === 'deleting').toBe(true);
    await gone('web');
    refused(await fabric.get('workloads/web'), 404, 'workload-not-found');
    refused(await fabric.call('DELETE', 'workloads/web'), 404, 'workload-not-found');
  });
});

describe('a job', () => {
  test('ends, and says how', async () => {
    const manifest = { ...service('work', { command: ['work'] }), kind: 'job' };
    expect((await fabric.put('work', manifest)).status).toBe(201);
    await fabric.until('work', 'succeeded');
    const { body } = await fabric.get('workloads/work');
    conforms(workloadShape, body);
    expect(body.outcome.result).toBe('succeeded');
    expect(body.instances.succeeded).toBe(2);
    const { items } = (await fabric.get('instances?workload=work')).body;
    for (const each of items) conforms(instanceShape, each);
    expect(items.map((each: { phase: string }) => each.phase)).toEqual(['succeeded', 'succeeded']);
    refused(await fabric.put('work', service('work')), 409, 'workload-kind-fixed');
  });
});

describe('a dry run', () => {
  test('explains the placement and changes nothing', async () => {
    const body = service('dry', { count: 3 });
    for (const [method, path] of [
      ['PUT', 'workloads/dry'],
      ['POST', 'workloads'],
    ] as const) {
      const dry = await fabric.call(method, `${path}?dryRun=true`, { body });
      expect(dry.status).toBe(200);
      expect(dry.body).toMatchObject({ name: 'dry', change: 'created' });
      expect(dry.body.explanation).toMatchObject({ nodes: 2, feasible: 2, possible: 2, placed: 3 });
    }
    expect((await fabric.get('workloads/dry')).status).toBe(404);
  });

  test('says what would change', async () => {
    await fabric.put('there', service('there', { count: 0 }));
    const change = async (more: Record<string, unknown>): Promise<string> => {
      const body = service('there', more);
      return (await fabric.call('PUT', 'workloads/there?dryRun=true', { body })).body.change;
    };
    expect(await change({ count: 0 })).toBe('unchanged');
    expect(await change({ count: 1 })).toBe('scaled');
    expect(await change({ count: 0, command: ['else'] })).toBe('updated');
  });

  test('is refused as the call itself would be', async () => {
    const host = (name: string) => ({
      ...{ count: 0, ports: [{ name: 'http' }], ingress: { host: `${name}.localhost` } },
    });
    await fabric.put('real', service('real', host('real')));
    const dry = (path: string, body: unknown, headers = {}): Promise<Reply> =>
      fabric.call(path === '' ? 'POST' : 'PUT', `workloads${path}?dryRun=true`, { body, headers });
    const stale = { 'if-match': '"7"' };
    refused(await dry('/real', service('real'), stale), 412, 'generation-stale');
    refused(await dry('', service('real')), 409, 'workload-exists');
    refused(await dry('/real', { ...service('real'), kind: 'job' }), 409, 'workload-kind-fixed');
    refused(await dry('/twin', service('twin', host('real'))), 409, 'host-taken');
    expect((await fabric.get('workloads/real')).body).toMatchObject({ kind: 'service' });
    expect((await fabric.get('workloads/twin')).status).toBe(404);
  });

  test('shows why nothing fits', async () => {
    const body = service('huge', { resources: { memory: '100Gi' } });
    const dry = await fabric.call('PUT', 'workloads/huge?dryRun=true', { body });
    expect(dry.body.explanation).toMatchObject({ possible: 0, impossible: { resources: 2 } });
    refused(await fabric.put('huge', body), 422, 'spec-unplaceable');
    const unknown = service('odd', { driver: 'teleport' });
    refused(await fabric.put('odd', unknown), 422, 'driver-unknown');
  });
});

describe('refusals', () => {
  test('a host that is taken', async () => {
    const spec = { count: 0, ports: [{ name: 'http' }], ingress: { host: 'taken.localhost' } };
    expect((await fabric.put('first', service('first', spec))).status).toBe(201);
    refused(await fabric.put('second', service('second', spec)), 409, 'host-taken');
  });

  test('an instance that is not there', async () => {
    refused(await fabric.get('instances/web-zzzzz'), 404, 'instance-not-found');
    refused(await fabric.call('DELETE', 'instances/web-zzzzz'), 404, 'instance-not-found');
  });
});

describe('revisions', () => {
  test('a read waits for the revision of a write, and answers without one that never comes', async () => {
    const made = await fabric.put('fresh', service('fresh', { count: 0 }));
    const revision = Number(made.headers.get('shoal-revision'));
    const { body } = await fabric.get(`workloads?minRevision=${revision}`);
    expect(body.revision).toBeGreaterThanOrEqual(revision);
    const began = performance.now();
    const late = await fabric.get(`workloads/fresh?minRevision=${revision + 1_000_000}`);
    expect(late.status).toBe(200);
    expect(performance.now() - began).toBeGreaterThan(1_500);
    expect(performance.now() - began).toBeLessThan(4_000);
  });
});
