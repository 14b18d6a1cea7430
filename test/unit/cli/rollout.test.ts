/** Rollouts and drains on the command line: what is asked, told, waited for, and how it ends. */
import { describe, expect, test } from 'vitest';
import type { DrainShape, RolloutShape, VersionShape } from '../../../cli/shapes.ts';
import { at, helloReady } from './fabric.ts';
import { refused, StubGateway, shoal } from './stub-gateway.ts';

const path = '/api/v1/workloads/hello';
const going: RolloutShape = {
  ...{ name: 'hello', state: 'progressing', strategy: 'rolling', generation: 4, version: 4 },
  ...{ from: 3, wanted: 3, updated: 2, ready: 1, available: 3, outdated: 2 },
  ...{ minAvailable: 3, maxSurge: 1, startedAt: at(20), deadline: at(-40) },
  waitsFor: 'hello-qx41k on n2 (starting) is not ready',
};
const done: RolloutShape = {
  ...{ name: 'hello', state: 'complete', strategy: 'rolling', generation: 4, version: 4, from: 3 },
  ...{ wanted: 3, updated: 3, ready: 3, available: 3, outdated: 0 },
};
const message = 'version 4 made no progress for 1m: hello-qx41k on n2 (backing-off) is not ready';
const back: RolloutShape = {
  ...{ ...done, state: 'rolled-back', generation: 5, version: 3, from: 4 },
  failed: { version: 4, at: at(2), message },
};
const then = (...answers: RolloutShape[]) => ({
  [`GET ${path}/rollout`]: (_asked: unknown, times: number) => ({
    body: answers[Math.min(times, answers.length) - 1],
  }),
});

describe('rollout status', () => {
  test('tells how far it is, what it promises and what it waits for', async () => {
    await using stub = await StubGateway.start(then(going));
    const { code, out } = await shoal(stub, 'rollout status hello');
    expect(code).toBe(0);
    expect(out).toBe(`Service    hello (generation 4)
Rollout    progressing
Strategy   rolling, surge 1
Version    4, before it 3
Updated    2 of 3, 1 ready; 2 of other versions
Available  3 of 3, at least 3
Waiting    hello-qx41k on n2 (starting) is not ready
Begun      20s ago
Deadline   ${at(-40)}
`);
    const json = await shoal(stub, 'rollout status hello -o json');
    expect(JSON.parse(json.out)).toEqual(going);
  });

  test.each([
    ['complete', done, 0],
    ['paused', { ...going, state: 'paused' as const }, 0],
    ['rolled-back', back, 1],
    ['failed', { ...going, state: 'failed' as const, failed: back.failed }, 1],
  ])('--wait follows it; %s ends it with %o', async (state, last, code) => {
    await using stub = await StubGateway.start(then(going, last as RolloutShape));
    const ran = await shoal(stub, 'rollout status hello --wait 5s');
    expect(ran.code).toBe(code);
    expect(ran.err).toContain('hello: progressing: version 4, 1 of 3 ready, 2 of other versions');
    if (code === 0) expect(ran.out).toContain(`Rollout    ${state}`);
    else expect(ran.err).toContain(`error: hello: ${message}\n  next: shoal rollout status hello`);
  });

  test('--wait ends with 4 when the time is over', async () => {
    await using stub = await StubGateway.start(then(going));
    const { code, err } = await shoal(stub, 'rollout status hello --wait 300ms');
    expect(code).toBe(4);
    expect(err).toContain('the rollout of hello is not over after 300ms; nothing is taken back');
  });
});

describe('apply --wait', () => {
  const manifest =
    'apiVersion: shoal/v1\nkind: service\nmetadata: {name: hello}\nspec: {command: [a], update: {strategy: rolling}}\n';
  const applied = (generation: number) => ({
    [`PUT ${path}`]: { body: { name: 'hello', generation, change: 'updated' } },
    [`GET ${path}`]: { body: { ...helloReady, spec: { ...helloReady.spec, update: {} } } },
  });

  test('ends with 1 when what was applied was rolled back', async () => {
    await using stub = await StubGateway.start({ ...applied(4), ...then(going, back) });
    const ran = await shoal(stub, 'apply -f - --wait 5s', { stdin: manifest });
    expect([ran.code, ran.err]).toEqual([1, expect.stringContaining(message)]);
  });

  test('does not mind that another update once was', async () => {
    await using stub = await StubGateway.start({ ...applied(6), ...then(back) });
    const ran = await shoal(stub, 'apply -f - --wait 5s', { stdin: manifest });
    expect(ran.code).toBe(0);
  });
});

describe('rollout history', () => {
  test('lists the versions, the one there is first', async () => {
    const spec = { image: 'hello:2', command: ['serve'] };
    const items: VersionShape[] = [
      { version: 4, state: 'current', spec },
      { version: 3, state: 'complete', completedAt: at(900), replacedAt: at(20), spec },
      { version: 2, state: 'incomplete', replacedAt: at(1000), spec: { command: ['serve', '-v'] } },
    ];
    await using stub = await StubGateway.start({
      [`GET ${path}/versions`]: { body: { items, revision: 7 } },
    });
    const { out } = await shoal(stub, 'rollout history hello --tenant mine');
    expect(stub.lines).toEqual([`GET ${path}/versions?tenant=mine`]);
    expect(out).toBe(`VERSION  STATE       COMPLETE  REPLACED    RUNS
      4  current     -         -           hello:2
      3  complete    15m ago   20s ago     hello:2
      2  incomplete  -         16m40s ago  serve -v
`);
  });
});

describe('rollout orders', () => {
  const answer = { body: { name: 'hello', generation: 5, version: 3 } };

  test.each([
    [
      'promote',
      'promote hello',
      undefined,
      'service hello: version 3 replaces the rest (generation 5)\n',
    ],
    ['abort', 'abort hello', undefined, 'service hello goes back to version 3 (generation 5)\n'],
    ['undo', 'undo hello', {}, 'service hello goes back to version 3 (generation 5)\n'],
    [
      'undo',
      'undo hello --to 3',
      { to: 3 },
      'service hello goes back to version 3 (generation 5)\n',
    ],
  ])('%s: %s', async (order, line, body, out) => {
    await using stub = await StubGateway.start({ [`POST ${path}/rollout/${order}`]: answer });
    expect(await shoal(stub, `rollout ${line}`)).toEqual({ code: 0, err: '', out });
    expect(stub.asked[0]?.body).toEqual(body);
  });

  test('a refusal says why and what next', async () => {
    await using stub = await StubGateway.start({
      [`POST ${path}/rollout/promote`]: refused('rollout-unready', '0 of 1 canaries are ready'),
    });
    const { code, err } = await shoal(stub, 'rollout promote hello');
    expect([code, err]).toEqual([1, expect.stringContaining('0 of 1 canaries are ready')]);
  });
});

describe('node drain', () => {
  const drain = (left: number): DrainShape => ({
    left,
    waits: [
      { tenant: 'default', workload: 'hello', instance: 'hello-a1b2c', for: 'its turn' },
    ].slice(0, left),
  });
  const node = (state: string, more: object) => ({ body: { node: 'n1', state, ...more } });

  test('with a deadline, followed until the node is empty', async () => {
    await using stub = await StubGateway.start({
      'POST /api/v1/nodes/n1/drain': { body: { node: 'n1', state: 'draining' } },
      'GET /api/v1/nodes/n1': (_asked, times) =>
        node('draining', { drain: drain(times < 3 ? 1 : 0) }),
    });
    const ran = await shoal(stub, 'node drain n1 --deadline 5m --wait');
    expect(ran.code).toBe(0);
    expect(stub.asked[0]?.body).toEqual({ deadline: '5m' });
    expect(ran.out).toBe(
      'node n1 is draining: it gets no new work, and what runs there moves elsewhere; what is left after 5m is stopped\n',
    );
    expect(ran.err).toMatch(
      /^node n1: 1 left, hello-a1b2c waits for its turn \(\w+\)\nnode n1: empty \(\w+\)\n$/,
    );
  });

  test('ends with 1 when somebody takes the drain back', async () => {
    await using stub = await StubGateway.start({
      'POST /api/v1/nodes/n1/drain': { body: { node: 'n1', state: 'draining' } },
      'GET /api/v1/nodes/n1': node('ready', {}),
    });
    const { code, err } = await shoal(stub, 'node drain n1 --wait 5s');
    expect([code, err]).toEqual([1, expect.stringContaining('the drain was taken back')]);
  });

  test('--cancel takes it back, where there is one', async () => {
    await using stub = await StubGateway.start({
      'POST /api/v1/nodes/n1/uncordon': { body: { node: 'n1', state: 'ready' } },
      'GET /api/v1/nodes/n1': (_asked, times) =>
        times === 1 ? node('draining', { drain: drain(1) }) : node('cordoned', {}),
    });
    const ran = await shoal(stub, 'node drain n1 --cancel');
    expect(ran).toEqual({ code: 0, err: '', out: 'node n1 is ready: it may get new work\n' });
    const again = await shoal(stub, 'node drain n1 --cancel');
    expect([again.code, again.err]).toEqual([
      1,
      'error: node n1 is cordoned, not being drained\n  next: shoal node describe n1\n',
    ]);
    expect(stub.lines.filter((each) => each.startsWith('POST'))).toHaveLength(1);
  });

  test('a deadline that is none is wrong usage', async () => {
    await using stub = await StubGateway.start({});
    expect((await shoal(stub, 'node drain n1 --deadline soon')).code).toBe(2);
  });
});
