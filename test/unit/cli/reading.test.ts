import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { events, hello, instances, job, node, nodeEvent } from './fabric.ts';
import { refused, StubGateway, shoal } from './stub-gateway.ts';

const empty = { body: { items: [], revision: 4 } };

describe('get', () => {
  test('workloads, for people and, unchanged, for programs', async () => {
    const body = { items: [job, hello], revision: 9 };
    await using stub = await StubGateway.start({ 'GET /api/v1/workloads': { body } });
    const { code, out, err } = await shoal(stub, 'get workloads');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^NAME +KIND +STATE/);
    expect(JSON.parse((await shoal(stub, 'get wl -o json')).out)).toEqual(body);
    expect(parse((await shoal(stub, '-o yaml get workload')).out)).toEqual(body);
    expect(stub.lines).toEqual(Array(3).fill('GET /api/v1/workloads?tenant=default'));
  });

  test('one instance, of the tenant asked for', async () => {
    const path = '/api/v1/instances/hello-a1b2c';
    await using stub = await StubGateway.start({ [`GET ${path}`]: { body: instances[0] } });
    const { out } = await shoal(stub, 'get inst hello-a1b2c --tenant other');
    expect(out.split('\n')).toHaveLength(3);
    const { out: json } = await shoal(stub, 'get inst hello-a1b2c -o json', {
      environment: { SHOAL_TENANT: 'third' },
    });
    expect(JSON.parse(json)).toEqual(instances[0]);
    expect(stub.lines).toEqual([`GET ${path}?tenant=other`, `GET ${path}?tenant=third`]);
  });

  test('what narrows a list is passed on, and what does not is refused', async () => {
    await using stub = await StubGateway.start({
      'GET /api/v1/instances': empty,
      'GET /api/v1/workloads': empty,
    });
    const { err } = await shoal(stub, 'get instances --workload hello --phase ready');
    expect(err).toBe('no instances in tenant default with workload hello and phase ready\n');
    await shoal(stub, 'get workloads --kind job -l a=b');
    expect(stub.lines).toEqual([
      'GET /api/v1/instances?tenant=default&workload=hello&phase=ready',
      'GET /api/v1/workloads?tenant=default&kind=job&label=a%3Db',
    ]);
    expect(await shoal(stub, 'get nodes --phase ready')).toMatchObject({
      code: 2,
      err: 'error: --phase does not narrow nodes\n',
    });
  });

  test('nothing is said to be nothing', async () => {
    await using stub = await StubGateway.start({
      'GET /api/v1/workloads': empty,
      'GET /api/v1/nodes': empty,
      'GET /api/v1/events': empty,
    });
    expect(await shoal(stub, 'get workloads')).toEqual({
      code: 0,
      out: '',
      err: 'no workloads in tenant default\n',
    });
    expect((await shoal(stub, 'node ls')).err).toContain('no nodes have joined');
    expect((await shoal(stub, 'events')).err).toBe('no events in the last day\n');
    expect(JSON.parse((await shoal(stub, 'get nodes -o json')).out)).toEqual(empty.body);
  });

  test.each([
    ['get workload helo', 'GET /api/v1/workloads/helo'],
    ['describe workload helo', 'GET /api/v1/workloads/helo'],
    ['logs helo', 'GET /api/v1/workloads/helo'],
  ])('`%s` of what is not there', async (words, key) => {
    const detail = 'there is no workload helo of tenant default';
    const none = refused('instance-not-found', 'there is no instance helo of tenant default');
    await using stub = await StubGateway.start({
      [key]: refused('workload-not-found', detail),
      'GET /api/v1/instances/helo': none,
    });
    const { code, out, err } = await shoal(stub, words);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatchInlineSnapshot(`
      "error: There is no workload of this name; \`shoal get workloads\` lists them.
        there is no workload helo of tenant default
        code workload-not-found, id r-1
        next: give --tenant if it is of another tenant
      "
    `);
  });
});

describe('describe', () => {
  test('a workload with its instances and events', async () => {
    await using stub = await StubGateway.start({
      'GET /api/v1/workloads/hello': { body: hello },
      'GET /api/v1/instances': { body: { items: instances, revision: 9 } },
      'GET /api/v1/events': { body: { items: events, revision: 9 } },
    });
    const { code, out } = await shoal(stub, 'describe workload hello');
    expect(code).toBe(0);
    expect(out).toMatch(/State +progressing[\s\S]*Instances\n {2}INSTANCE[\s\S]*Events\n {2}AGE/);
    expect(stub.lines).toContain('GET /api/v1/events?tenant=default&workload=hello&limit=20');
    // A gateway that knows of no rollouts says nothing of one.
    expect(out).not.toContain('Rollout');
    const { out: json } = await shoal(stub, 'describe wl hello -o json');
    expect(JSON.parse(json)).toEqual({ ...hello, events });
  });

  test('a workload whose new version waits for somebody, with that', async () => {
    const rollout = {
      ...{ name: 'hello', state: 'paused', strategy: 'canary', generation: 2, version: 2, from: 1 },
      ...{ wanted: 3, updated: 1, ready: 1, available: 3, outdated: 2 },
      waitsFor: 'somebody to promote or abort it',
    };
    await using stub = await StubGateway.start({
      'GET /api/v1/workloads/hello': { body: hello },
      'GET /api/v1/workloads/hello/rollout': { body: rollout },
      'GET /api/v1/instances': { body: { items: instances, revision: 9 } },
      'GET /api/v1/events': { body: { items: events, revision: 9 } },
    });
    const { out } = await shoal(stub, 'describe workload hello');
    expect(out).toMatch(/Rollout +paused: version 2, .*; waiting: somebody to promote or abort it/);
    const { out: json } = await shoal(stub, 'describe wl hello -o json');
    expect(JSON.parse(json)).toEqual({ ...hello, rollout, events });
  });

  test("a node, whose events are the fabric's", async () => {
    await using stub = await StubGateway.start({
      'GET /api/v1/nodes/n1': { body: node },
      'GET /api/v1/instances': { body: { items: instances, revision: 9 } },
      'GET /api/v1/events': { body: { items: [nodeEvent], revision: 9 } },
    });
    const { out } = await shoal(stub, 'node describe n1');
    expect(out).toContain('unheard for 90s');
    expect(stub.lines).toContain('GET /api/v1/events?tenant=shoal&noun=node&id=n1&limit=20');
  });
});

describe('events', () => {
  test("the tenant's and the nodes', in their order", async () => {
    await using stub = await StubGateway.start({
      'GET /api/v1/events': ({ query }) => ({
        body: { items: query['tenant'] === 'shoal' ? [nodeEvent] : events, revision: 9 },
      }),
    });
    const { out } = await shoal(stub, 'events');
    expect(out).toMatchInlineSnapshot(`
      "AGE    WHAT      NAME         VERB     MESSAGE
      3m10s  workload  hello        created  service of 1
      30s    node      phone        offline  unheard for 90s
      3m9s   instance  hello-a1b2c  placed   on n1 at epoch 1
      "
    `);
    const { out: json } = await shoal(stub, 'events --limit 2 -o json');
    expect(JSON.parse(json).items.map((each: { sequence: number }) => each.sequence)).toEqual([
      5, 7,
    ]);
    expect(await shoal(stub, 'events --node n1 --workload hello')).toMatchObject({ code: 2 });
  });
});

describe('logs', () => {
  const line = { node: 'n1', epoch: 1, line: 1, at: '2026-11-21T09:59:00.000Z', stream: 'stdout' };
  const items = [
    { ...line, instance: 'hello-a1b2c', text: 'GET /' },
    { ...line, instance: 'hello-d3e4f', text: 'GET /more' },
  ];
  const workload = { 'GET /api/v1/workloads/hello': { body: hello } };

  test('several instances are told apart, one speaks for itself', async () => {
    await using stub = await StubGateway.start({
      ...workload,
      'GET /api/v1/workloads/hello/logs': ({ query }) => ({
        body: { items: query['tail'] === '1' ? items.slice(0, 1) : items },
      }),
    });
    expect((await shoal(stub, 'logs hello')).out).toBe(
      'hello-a1b2c | GET /\nhello-d3e4f | GET /more\n',
    );
    expect((await shoal(stub, 'logs hello --tail 1 --since 10m')).out).toBe('GET /\n');
    expect(stub.lines.at(-1)).toBe(
      'GET /api/v1/workloads/hello/logs?tenant=default&since=10m&tail=1',
    );
  });

  test('an instance by its id', async () => {
    const id = 'hello-a1b2c';
    await using stub = await StubGateway.start({
      [`GET /api/v1/workloads/${id}`]: refused('workload-not-found', 'no'),
      [`GET /api/v1/instances/${id}`]: { body: instances[0] },
      [`GET /api/v1/instances/${id}/logs`]: { body: { items: [] } },
    });
    expect(await shoal(stub, `logs ${id}`)).toEqual({
      code: 0,
      out: '',
      err: `${id} has printed nothing\n`,
    });
  });
});

describe('version', () => {
  test('of everything that runs, to go by in an upgrade', async () => {
    const bus = { connected: true, server: 'nats://127.0.0.1:4222', version: '2.15.1' };
    const durability = { level: 'process', survives: 'survives the death of any process' };
    await using stub = await StubGateway.start({
      'GET /health': { body: { status: 'ok', version: '0.1.0', uptimeSeconds: 190, durability } },
      'GET /ready': { status: 503, body: { status: 'unready', bus } },
      'GET /version': {
        body: {
          gateway: { version: '0.1.0', protocol: 1 },
          control: [
            { copy: 'control-A', version: '0.1.0', protocol: 1, acts: false },
            { copy: 'control-B', version: '0.2.0', protocol: 2, acts: true },
          ],
          agents: [
            { version: '0.2.0', protocol: 2, nodes: 1, offline: 0 },
            { version: '0.1.0', protocol: 1, nodes: 7, offline: 2 },
          ],
        },
      },
    });
    expect((await shoal(stub, 'version')).out).toBe(
      [
        'shoal       0.1.0, protocol 1',
        `gateway     0.1.0, protocol 1 at ${stub.url}, up 3m10s`,
        'control     0.1.0, protocol 1: control-A, stands by',
        'control     0.2.0, protocol 2: control-B, acts',
        'agents      0.2.0, protocol 2: 1 node',
        'agents      0.1.0, protocol 1: 7 nodes, 2 offline',
        'bus         nats-server 2.15.1',
        'durability  process: an acknowledged write survives the death of any process\n',
      ].join('\n'),
    );
    expect(JSON.parse((await shoal(stub, 'version -o json')).out)).toMatchObject({
      bus,
      durability,
    });
  });

  test('of a gateway that is older than this call', async () => {
    await using stub = await StubGateway.start({
      'GET /health': { body: { status: 'ok', version: '0.0.9', uptimeSeconds: 60 } },
      'GET /ready': { body: { status: 'ready', bus: { connected: true, version: '2.15.1' } } },
      'GET /version': refused('route-unknown', 'GET /version'),
    });
    expect((await shoal(stub, 'version')).out).toBe(
      `shoal    0.1.0, protocol 1\ngateway  0.0.9 at ${stub.url}, up 1m\nbus      nats-server 2.15.1\n`,
    );
  });

  test('of the command line alone, when nobody answers', async () => {
    const world = { environment: { SHOAL_GATEWAY: 'http://127.0.0.1:1' } };
    const { code, out } = await shoal(undefined, 'version', world);
    expect([code, out]).toEqual([
      0,
      'shoal    0.1.0, protocol 1\ngateway  none at http://127.0.0.1:1\n',
    ]);
  });
});
