import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DryRunShape } from '../../../cli/shapes.ts';
import { hello, helloReady, job } from './fabric.ts';
import { refused, StubGateway, shoal } from './stub-gateway.ts';

const HELLO =
  'apiVersion: shoal/v1\nkind: service\nmetadata: {name: hello}\nspec: {count: 3, command: [a]}\n';
const JOB =
  'apiVersion: shoal/v1\nkind: job\nmetadata: {name: count-to-three}\nspec: {command: [a]}\n';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-test-cli-'));
  await writeFile(join(folder, 'b.yaml'), `${HELLO}---\n${JOB}`);
  await writeFile(
    join(folder, 'a.json'),
    '{"apiVersion":"shoal/v1","kind":"job","metadata":{"name":"first"},"spec":{"command":["a"]}}',
  );
  await writeFile(join(folder, 'notes.txt'), 'not a manifest');
  await writeFile(join(folder, 'bad.txt'), HELLO.replace('count', 'cout'));
  await writeFile(join(folder, 'again.txt'), HELLO);
});
afterAll(() => rm(folder, { recursive: true }));

const helloPath = '/api/v1/workloads/hello';
const jobPath = '/api/v1/workloads/count-to-three';
const applied = (name: string, change = 'created', generation = 1) => ({
  status: change === 'created' ? 201 : 200,
  headers: { 'Shoal-Revision': '41' },
  body: { name, generation, change },
});
const both = {
  [`PUT ${helloPath}`]: applied('hello', 'scaled', 2),
  [`PUT ${jobPath}`]: applied('count-to-three'),
};

describe('apply', () => {
  test('sends each manifest whole, in its order, and tells what came of it', async () => {
    await using stub = await StubGateway.start({
      ...both,
      'PUT /api/v1/workloads/first': applied('first'),
    });
    const ran = await shoal(stub, `apply -f ${folder} --tenant mine`);
    expect(ran).toEqual({
      code: 0,
      err: '',
      out: `job first of tenant mine created (generation 1)
service hello of tenant mine scaled (generation 2)
job count-to-three of tenant mine created (generation 1)
`,
    });
    expect(stub.lines[1]).toBe(`PUT ${helloPath}?tenant=mine`);
    expect(stub.asked[1]!.body).toMatchObject({
      kind: 'service',
      metadata: { name: 'hello', tenant: 'mine', labels: {} },
      spec: { count: 3, grace: '10s' },
    });
  });

  test('reads stdin, and answers programs', async () => {
    await using stub = await StubGateway.start(both);
    const { out } = await shoal(stub, 'apply -f - -o json', { stdin: HELLO });
    expect(JSON.parse(out)).toEqual({
      items: [
        { tenant: 'default', kind: 'service', name: 'hello', generation: 2, change: 'scaled' },
      ],
    });
  });

  test('a manifest that is not understood: exit 2 with its line, and nothing is sent', async () => {
    await using stub = await StubGateway.start(both);
    const bad = join(folder, 'bad.txt');
    const ran = await shoal(stub, `apply -f ${folder} -f ${bad}`);
    expect(ran).toEqual({
      code: 2,
      out: '',
      err: `${bad}:4:8: spec.cout: unknown key, did you mean "count"?\nerror: 1 problem in the manifests; nothing was sent\n`,
    });
    expect(stub.asked).toEqual([]);
  });

  test('a name in two files, a file that is not there, nothing at all: exit 2', async () => {
    await using stub = await StubGateway.start({});
    const twice = await shoal(stub, `apply -f ${folder} -f ${join(folder, 'again.txt')}`);
    expect(twice).toMatchObject({
      code: 2,
      err: expect.stringContaining('again.txt:1:1: metadata.name: "hello" is here twice, first in'),
    });
    expect(await shoal(stub, 'apply -f none.yaml')).toMatchObject({
      code: 2,
      err: 'error: cannot read none.yaml: it does not exist\n',
    });
    expect(await shoal(stub, 'apply -f -')).toMatchObject({
      code: 2,
      err: 'error: no manifest in -\n',
    });
    expect(await shoal(stub, 'apply')).toMatchObject({ code: 2 });
    expect(stub.asked).toEqual([]);
  });

  test('a refusal does not keep the others from being applied: exit 1', async () => {
    const detail = 'n1: offers process';
    await using stub = await StubGateway.start({
      ...both,
      [`PUT ${helloPath}`]: refused('driver-unknown', detail),
    });
    const { code, out, err } = await shoal(stub, `apply -f ${join(folder, 'b.yaml')}`);
    expect([code, out]).toEqual([1, 'job count-to-three created (generation 1)\n']);
    expect(err).toMatchInlineSnapshot(`
      "service hello was refused
      error: No node offers this driver; the details list those there are.
        n1: offers process
        code driver-unknown, id r-1
        next: \`shoal describe node NAME\` shows what a node offers
      "
    `);
  });

  test('--wait tells progress, reads what was written, and ends when all is well', async () => {
    await using stub = await StubGateway.start({
      ...both,
      [`GET ${helloPath}`]: (_asked, times) => ({ body: times < 3 ? hello : helloReady }),
      [`GET ${jobPath}`]: (_asked, times) =>
        times === 1
          ? refused('overloaded', 'too much')
          : { body: { ...job, ...(times < 4 ? { state: 'ready', outcome: undefined } : {}) } },
    });
    const { code, err } = await shoal(stub, `apply -f ${join(folder, 'b.yaml')} --wait 1m`);
    expect(code).toBe(0);
    expect(err).toMatchInlineSnapshot(`
      "hello: progressing: 1 of 3 ready, 1 pending, 1 waiting for a node (0ms)
      hello: 3 of 3 ready (400ms)
      the gateway does not answer at the moment (400ms)
      count-to-three: 1 of 1 done (600ms)
      count-to-three: succeeded: 1 instance succeeded (1s)
      "
    `);
    expect(stub.lines).toContain(`GET ${helloPath}?tenant=default&minRevision=41`);
  });

  test('--wait that runs out: exit 4; what failed: exit 1; what is being deleted: exit 1', async () => {
    const routes = (body: unknown) => ({
      ...both,
      [`GET ${helloPath}`]: { body },
      [`GET ${jobPath}`]: { body },
    });
    const file = join(folder, 'again.txt');
    await using slow = await StubGateway.start(routes(hello));
    const late = await shoal(slow, `apply -f ${file} --wait 500ms`);
    expect(late.code).toBe(4);
    expect(late.err).toMatchInlineSnapshot(`
      "hello: progressing: 1 of 3 ready, 1 pending, 1 waiting for a node (0ms)
      error: hello is not ready after 500ms; nothing is taken back
        hello: progressing: 1 of 3 ready, 1 pending, 1 waiting for a node
        next: shoal describe workload hello
      "
    `);
    const failed = {
      ...job,
      state: 'failed',
      outcome: { ...job.outcome, result: 'failed', message: '3 retries used up' },
    };
    await using broken = await StubGateway.start(routes(failed));
    const { code, err } = await shoal(broken, 'apply -f - --wait', { stdin: JOB });
    expect(code).toBe(1);
    expect(err).toMatchInlineSnapshot(`
      "error: count-to-three: failed: 3 retries used up
        next: shoal describe workload count-to-three
      "
    `);
    await using going = await StubGateway.start(routes({ ...hello, state: 'deleting' }));
    expect(await shoal(going, `apply -f ${file} --wait`)).toMatchObject({ code: 1 });
  });

  const explanation: DryRunShape['explanation'] = {
    nodes: 1,
    feasible: 1,
    possible: 1,
    removed: {},
    impossible: {},
    drivers: ['process'],
    placed: 3,
    choice: [{ node: 'n1', count: 3 }],
    table: [{ node: 'n1', score: 0.5 }],
  };

  test('--dry-run and explain ask, and change nothing', async () => {
    const body: DryRunShape = { name: 'hello', change: 'created', explanation };
    await using stub = await StubGateway.start({ [`PUT ${helloPath}`]: { body } });
    const file = join(folder, 'again.txt');
    expect((await shoal(stub, `apply --dry-run -f ${file}`)).out).toBe(
      'service hello: would be created; 3 of 3 instances would be placed now: n1 ×3\n',
    );
    expect((await shoal(stub, `explain -f ${file}`)).out).toContain('n1    0.500     3');
    expect(JSON.parse((await shoal(stub, `explain -f ${file} -o json`)).out)).toEqual({
      items: [body],
    });
    expect(new Set(stub.lines)).toEqual(new Set([`PUT ${helloPath}?tenant=default&dryRun=true`]));
  });

  test('--dry-run of what is there already says only that', async () => {
    const body: DryRunShape = { name: 'hello', change: 'unchanged', explanation };
    await using stub = await StubGateway.start({ [`PUT ${helloPath}`]: { body } });
    const ran = await shoal(stub, `apply --dry-run -f ${join(folder, 'again.txt')}`);
    expect(ran).toEqual({ code: 0, err: '', out: 'service hello: would be unchanged\n' });
  });

  test('--dry-run of what no node could hold: exit 1, as applying it would', async () => {
    const nowhere = { ...explanation, feasible: 0, possible: 0, placed: 0, choice: [], table: [] };
    const body: DryRunShape = { name: 'hello', change: 'created', explanation: nowhere };
    await using stub = await StubGateway.start({ [`PUT ${helloPath}`]: { body } });
    const ran = await shoal(stub, `apply --dry-run -f ${join(folder, 'again.txt')}`);
    const out = 'service hello: would be refused: no node could ever hold one instance\n';
    expect(ran).toEqual({ code: 1, err: '', out });
  });

  test('a refusal does not keep the others from being explained: exit 1', async () => {
    const body: DryRunShape = { name: 'count-to-three', change: 'created', explanation };
    await using stub = await StubGateway.start({
      [`PUT ${helloPath}`]: refused('host-taken', 'a.localhost is served by mine/a'),
      [`PUT ${jobPath}`]: { body },
    });
    for (const words of ['explain', 'apply --dry-run']) {
      const { code, out, err } = await shoal(stub, `${words} -f ${join(folder, 'b.yaml')}`);
      expect(code).toBe(1);
      expect(err).toMatch(/^service hello would be refused\nerror: Another workload serves/);
      expect(out).toMatch(/^job count-to-three: /);
    }
  });
});

describe('scale', () => {
  test('by a word as by an option', async () => {
    await using stub = await StubGateway.start({
      [`POST ${helloPath}/scale`]: { body: { name: 'hello', generation: 3, count: 3 } },
    });
    for (const words of ['scale hello 3', 'scale hello --count 3', 'scale hello 3 --count 3']) {
      expect(await shoal(stub, words)).toMatchObject({ code: 0 });
    }
    expect(stub.asked.map((each) => each.body)).toEqual([{ count: 3 }, { count: 3 }, { count: 3 }]);
  });

  test('and wait', async () => {
    await using stub = await StubGateway.start({
      [`POST ${helloPath}/scale`]: {
        headers: { 'Shoal-Revision': '7' },
        body: { name: 'hello', generation: 3, count: 3 },
      },
      [`GET ${helloPath}`]: { body: helloReady },
    });
    const ran = await shoal(stub, 'scale hello --count 3 --wait 5s');
    expect(ran).toEqual({
      code: 0,
      out: 'workload hello scaled to 3 (generation 3)\n',
      err: 'hello: 3 of 3 ready (0ms)\n',
    });
    expect(stub.asked[0]!.body).toEqual({ count: 3 });
    expect(stub.lines[1]).toBe(`GET ${helloPath}?tenant=default&minRevision=7`);
  });

  test.each([
    'scale hello',
    'scale hello 3 --count 4',
    'scale hello -- -1',
    'scale hello --count many',
    'scale hello --count -1',
    'scale hello --count 3 --wait soon',
  ])('wrong usage: %s', async (words) => {
    await using stub = await StubGateway.start({});
    expect(await shoal(stub, words)).toMatchObject({ code: 2, out: '' });
    expect(stub.asked).toEqual([]);
  });
});

describe('delete', () => {
  test('workloads by name, until they are gone', async () => {
    await using stub = await StubGateway.start({
      [`DELETE ${helloPath}`]: { status: 202, body: { name: 'hello', instances: 3 } },
      [`GET ${helloPath}`]: (_asked, times) =>
        times === 1
          ? { body: { ...hello, state: 'deleting' } }
          : refused('workload-not-found', 'gone'),
    });
    const { code, out, err } = await shoal(stub, 'delete workload hello --wait');
    expect([code, out]).toEqual([0, 'workload hello is being deleted: 3 instances to stop\n']);
    expect(err).toMatch(/^hello: deleting[^\n]*\nworkload hello: gone \(200ms\)\n$/);
  });

  test('what a file names, last first; one that is missing is told: exit 1', async () => {
    await using stub = await StubGateway.start({
      [`DELETE ${helloPath}`]: { status: 202, body: { name: 'hello', instances: 0 } },
      [`DELETE ${jobPath}`]: refused('workload-not-found', 'there is no workload count-to-three'),
    });
    const { code, out, err } = await shoal(stub, `delete -f ${join(folder, 'b.yaml')}`);
    expect(code).toBe(1);
    expect(out).toBe('workload hello is being deleted: nothing runs\n');
    expect(err).toContain('code workload-not-found');
    expect(stub.lines[0]).toBe(`DELETE ${jobPath}?tenant=default`);
  });

  test('an instance, until it has ended', async () => {
    const path = '/api/v1/instances/hello-a1b2c';
    await using stub = await StubGateway.start({
      [`DELETE ${path}`]: { status: 202, body: { instance: 'hello-a1b2c', workload: 'hello' } },
      [`GET ${path}`]: (_asked, times) => ({
        body:
          times === 1
            ? { phase: 'stopping' }
            : { phase: 'stopped', outcome: { result: 'stopped' } },
      }),
    });
    const { code, out, err } = await shoal(stub, 'delete instance hello-a1b2c --wait');
    expect([code, out]).toEqual([
      0,
      'instance hello-a1b2c is being stopped; its workload makes another\n',
    ]);
    expect(err).toBe(
      'instance hello-a1b2c: stopping (0ms)\ninstance hello-a1b2c: stopped (200ms)\n',
    );
  });

  test.each([
    ['delete', 'name what to delete'],
    ['delete workload', 'name what to delete'],
    ['delete node n1', 'nodes are not deleted'],
    ['delete workloda hello', 'did you mean "workload"?'],
    ['delete workload hello -f x.yaml', 'not both'],
  ])('wrong usage: %s', async (words, why) => {
    await using stub = await StubGateway.start({});
    expect(await shoal(stub, words)).toMatchObject({ code: 2, err: expect.stringContaining(why) });
    expect(stub.asked).toEqual([]);
  });
});

describe('node', () => {
  test.each([
    ['cordon', 'cordoned', 'node n1 is cordoned: it gets no new work, what runs there stays\n'],
    [
      'drain',
      'draining',
      'node n1 is draining: it gets no new work, and what runs there moves elsewhere\n',
    ],
    ['uncordon', 'ready', 'node n1 is ready: it may get new work\n'],
    ['cordon', 'offline', 'node n1 is offline: the order is kept and holds when it is back\n'],
    [
      'cordon',
      'failed',
      'node n1 is failed: it needs a person; `shoal node uncordon` takes it back\n',
    ],
  ])('%s of a node that is %s then', async (order, state, out) => {
    await using stub = await StubGateway.start({
      [`POST /api/v1/nodes/n1/${order}`]: { body: { node: 'n1', state } },
    });
    expect(await shoal(stub, `node ${order} n1 --reason tests`)).toEqual({ code: 0, out, err: '' });
    expect(stub.asked[0]!.body).toEqual({ reason: 'tests' });
  });
});
