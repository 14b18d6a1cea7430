import { describe, expect, test } from 'vitest';
import { hello, helloReady, instances, node } from './fabric.ts';
import { refused, StubGateway, shoal } from './stub-gateway.ts';

const PATH = '/api/v1/workloads/hello';
const MANIFEST = `apiVersion: shoal/v1
kind: service
metadata: {name: hello}
spec: {count: 3, command: [node, server.mjs]}
`;

/** What the gateway stores of the manifest: with every default. */
async function stored(manifest = MANIFEST): Promise<object> {
  await using stub = await StubGateway.start({
    [`PUT ${PATH}`]: { body: { name: 'hello', generation: 1, change: 'created' } },
  });
  await shoal(stub, 'apply -f -', { stdin: manifest });
  const { metadata, kind, spec } = stub.asked[0]!.body as {
    readonly metadata: { readonly labels: object };
    readonly kind: string;
    readonly spec: object;
  };
  return { ...hello, kind, spec, labels: metadata.labels, generation: 7 };
}

describe('diff', () => {
  test('what is stored as it is wanted is no difference, defaults or not', async () => {
    await using stub = await StubGateway.start({ [`GET ${PATH}`]: { body: await stored() } });
    const ran = await shoal(stub, 'diff -f -', { stdin: MANIFEST });
    expect(ran).toEqual({ code: 0, out: '', err: 'service hello: unchanged\n' });
    expect(stub.lines).toEqual([`GET ${PATH}?tenant=default`]);
  });

  test('tells each line that would change, and ends with 1', async () => {
    await using stub = await StubGateway.start({ [`GET ${PATH}`]: { body: await stored() } });
    const wanted = MANIFEST.replace('count: 3', 'count: 4, environment: {MODE: x}');
    const ran = await shoal(stub, 'diff -f -', { stdin: wanted });
    expect(ran.code).toBe(1);
    const lines = ran.out.split('\n').filter((each) => /^[-+=]/.test(each));
    expect(lines).toEqual([
      '--- stored/default/hello',
      '+++ wanted/default/hello',
      '-  count: 3',
      '+  count: 4',
      '-  environment: {}',
      '+  environment:',
      '+    MODE: x',
    ]);
  });

  test('what is not there would be created, all of it', async () => {
    await using stub = await StubGateway.start({
      [`GET ${PATH}`]: refused('workload-not-found', 'no workload hello'),
    });
    const ran = await shoal(stub, 'diff -f - --json', { stdin: MANIFEST });
    expect(ran.code).toBe(1);
    const { items } = JSON.parse(ran.out);
    expect(items).toMatchObject([{ kind: 'service', name: 'hello', change: 'created' }]);
    expect(items[0].patch).toContain('--- /dev/null');
    expect(items[0].patch).toContain('+kind: service');
  });

  test('a refusal of another kind is no difference', async () => {
    await using stub = await StubGateway.start({
      [`GET ${PATH}`]: refused('actor-unavailable', 'nobody answers'),
    });
    const ran = await shoal(stub, 'diff -f -', { stdin: MANIFEST });
    expect(ran).toMatchObject({ code: 2, out: '' });
    expect(ran.err).toContain('nobody answers');
  });
});

describe('edit', () => {
  const routes = async () => ({
    [`GET ${PATH}`]: { body: await stored() },
    [`PUT ${PATH}`]: { body: { name: 'hello', generation: 8, change: 'scaled' } },
  });

  test('applies what a person makes of it, over nothing else than what was opened', async () => {
    await using stub = await StubGateway.start(await routes());
    const ran = await shoal(stub, 'edit wl hello', {
      edit: (text) => text.replace('count: 3', 'count: 5'),
    });
    expect(ran).toEqual({
      code: 0,
      out: 'service hello scaled (generation 8)\n',
      err: '(workload-hello.yaml is removed)\n',
    });
    expect(stub.asked[1]!.headers['if-match']).toBe('"7"');
    expect(stub.asked[1]!.body).toMatchObject({ spec: { count: 5 } });
  });

  test('a text that is left as it is, or emptied, is not sent', async () => {
    for (const edit of [(text: string) => text, () => ' \n']) {
      await using stub = await StubGateway.start(await routes());
      const ran = await shoal(stub, 'edit workload hello', { edit });
      expect(ran).toMatchObject({ code: 0, out: '' });
      expect(ran.err).toContain('nothing was changed');
      expect(stub.lines).toHaveLength(1);
    }
  });

  test.each([
    ['cannot be read', (text: string) => text.replace('count', 'cout'), 'cout'],
    [
      'names something else',
      (text: string) => text.replace('name: hello', 'name: bye'),
      'does not rename',
    ],
    [
      'is two manifests',
      (text: string) => `${text}---\n${text.replace('hello', 'bye')}`,
      'one manifest',
    ],
  ])('a text that %s is kept, and not sent', async (_what, edit, why) => {
    await using stub = await StubGateway.start(await routes());
    const ran = await shoal(stub, 'edit workload hello', { edit });
    expect(ran).toMatchObject({ code: 2, out: '' });
    expect(ran.err).toContain(why);
    expect(ran.err).toContain('shoal apply -f /edited/workload-hello.yaml');
    expect(ran.err).not.toContain('is removed');
    expect(stub.lines).toHaveLength(1);
  });

  test('who changed it meanwhile is not overwritten', async () => {
    await using stub = await StubGateway.start({
      ...(await routes()),
      [`PUT ${PATH}`]: refused('generation-stale', 'it is at generation 9'),
    });
    const ran = await shoal(stub, 'edit workload hello', {
      edit: (text) => text.replace('count: 3', 'count: 5'),
    });
    expect(ran.code).toBe(1);
    expect(ran.err).toContain('it is at generation 9');
    expect(ran.err).toContain('your text is kept');
  });

  test('of what no manifest names there is nothing to edit', async () => {
    const ran = await shoal(undefined, 'edit node n1');
    expect(ran).toMatchObject({
      code: 2,
      err: 'error: no manifest names a node; give a workload, a schedule or a pool\n',
    });
  });
});

describe('wait', () => {
  test('for a workload to be ready', async () => {
    await using stub = await StubGateway.start({
      [`GET ${PATH}`]: (_asked, times) => ({ body: times < 3 ? hello : helloReady }),
    });
    const ran = await shoal(stub, 'wait wl hello');
    expect(ran.code).toBe(0);
    expect(stub.lines).toHaveLength(3);
  });

  test('for an instance to be gone, or in a phase; one that is over is not waited for', async () => {
    const [ready] = instances;
    const path = '/api/v1/instances/hello-a1b2c';
    await using stub = await StubGateway.start({
      [`GET ${path}`]: (_asked, times) =>
        times < 3 ? { body: ready } : refused('instance-not-found', 'no such instance'),
    });
    expect(await shoal(stub, 'wait inst hello-a1b2c')).toMatchObject({ code: 0 });
    expect(await shoal(stub, 'wait inst hello-a1b2c --for gone')).toMatchObject({ code: 0 });
    await using over = await StubGateway.start({
      [`GET ${path}`]: {
        body: { ...ready, phase: 'failed', outcome: { result: 'failed', at: '', message: '' } },
      },
    });
    const ran = await shoal(over, 'wait inst hello-a1b2c --for ready');
    expect(ran.code).toBe(1);
    expect(ran.err).toContain('it will not be ready any more');
  });

  test('for a node to be drained', async () => {
    await using stub = await StubGateway.start({
      'GET /api/v1/nodes/n1': (_asked, times) => ({
        body: { ...node, state: 'draining', entries: times < 2 ? node.entries : [] },
      }),
    });
    const ran = await shoal(stub, 'wait node n1 --for drained');
    expect(ran.code).toBe(0);
    expect(stub.lines).toHaveLength(2);
  });

  test('at most so long: then with 4', async () => {
    await using stub = await StubGateway.start({ [`GET ${PATH}`]: { body: hello } });
    const ran = await shoal(stub, 'wait wl hello --timeout 1s');
    expect(ran.code).toBe(4);
    expect(ran.err).toContain('hello is not ready after 1s');
  });

  test('not for what never is', async () => {
    const ran = await shoal(undefined, 'wait node n1 --for gone');
    expect(ran.code).toBe(2);
    expect(ran.err).toContain('a node is never "gone"; one can wait for');
  });
});
