/**
 * A service that is called all the time, through the gateway's ingress, while it comes to another
 * version, goes back, and loses its node to a drain: no call fails, by any method, although its
 * program ends at once when it is told to. When a node dies, only what was under way there can fail.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import type { Reply } from '../support/gateway-calls.ts';
import { Load } from '../support/load.ts';
import { eventually } from '../support/ports.ts';

const HOST = 'web.localhost';
/** Answers after a moment, and does not listen for SIGTERM. */
const program = `
  const http = require('http');
  http.createServer((request, response) => {
    request.resume();
    setTimeout(() => response.end(process.env.VERSION), 20);
  }).listen(process.env.PORT);
`;

let under: FabricUnderTest;
beforeAll(async () => {
  // A node is not taken for dead because its machine is given to others for a few seconds.
  under = await fabricUnderTest(['n1', 'n2'], { nodeClass: 'gateway' });
});
afterAll(async () => {
  await under?.[Symbol.asyncDispose]();
});

/** Asks for what is not refused. */
async function call(method: string, path: string, body?: object): Promise<Reply['body']> {
  const { body: answer } = await under.call(method, path, body ? { body } : {});
  expect(answer, `${method} ${path}`).not.toHaveProperty('code');
  return answer;
}

const apply = (version: string, update: object, command = ['node', '-e', program]) =>
  call('PUT', 'workloads/web', {
    ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name: 'web' } },
    spec: {
      ...{ count: 3, command, environment: { VERSION: version } },
      ...{ ports: [{ name: 'http' }], ingress: { host: HOST }, update },
    },
  });
const rollout = () => call('GET', 'workloads/web/rollout');
const until = (state: string) =>
  eventually(async () => (await rollout())['state'] === state, 20_000, `the rollout is ${state}`);

/**
 * What ends at once has half a second for calls under way (actors/workload/settle.ts): too little while
 * the machine of all of them is given to others for longer, so it may be tried again.
 */
const again = { retry: 3 };

test(
  'a rolling update, a canary that is aborted and a drain: not one call fails',
  again,
  async () => {
    await call('POST', 'nodes/n1/uncordon');
    const rolling = { strategy: 'rolling', maxSurge: 1, minAvailable: '100%' };
    await apply('a', rolling);
    await until('complete');
    const load = new Load(under.fabric.ingressUrl, HOST, 8);
    for (const version of ['b', 'c', 'd']) {
      await apply(version, rolling);
      await until('complete');
      await load.until(`200 ${version}`);
    }
    const before = (await rollout())['version'];
    await apply('e', { ...rolling, strategy: 'canary' });
    await until('paused');
    await load.until('200 e');
    await call('POST', 'workloads/web/rollout/abort');
    await until('complete');
    await call('POST', 'nodes/n1/drain', { deadline: '1m' });
    const left = async () => {
      const { drain } = await call('GET', 'nodes/n1');
      return (drain as { readonly left: number }).left;
    };
    await eventually(async () => (await left()) === 0, 20_000, 'n1 is empty');
    await load.stop();
    expect(load.failed).toEqual([]);
    expect([...load.answers.keys()].sort()).toEqual(
      ['a', 'b', 'c', 'd', 'e'].map((each) => `200 ${each}`),
    );
    expect(under.ready('web').map(({ node }) => node)).toEqual(['n2', 'n2', 'n2']);
    expect((await rollout())['version']).toBe(before);
  },
);

test('a version that cannot run is given up, with the instance and why, and no call fails', async () => {
  const before = (await rollout())['version'];
  const load = new Load(under.fabric.ingressUrl, HOST, 4);
  const update = { strategy: 'rolling', deadline: '2s' };
  await apply('f', update, ['sh', '-c', 'exit 7']);
  await until('rolled-back');
  await eventually(async () => (await rollout())['outdated'] === 0, 20_000, 'all as before');
  await load.stop();
  expect(load.failed).toEqual([]);
  expect([...load.answers.keys()]).toEqual(['200 d']);
  const { version, failed } = await rollout();
  expect(version).toBe(before);
  const { message } = failed as { readonly message: string };
  expect(message).toMatch(/^version \d+ made no progress for 2s: web-\w{5} .*exited with 7/);
  const { items } = await call('GET', 'events?workload=web&limit=100');
  const verbs = (items as { readonly verb: string }[]).map((each) => each.verb);
  expect(verbs).toEqual(expect.arrayContaining(['updated', 'complete', 'aborted', 'rolled-back']));
});

test('a node dies: only calls fail that were under way there, and none that can be tried again', async () => {
  await call('POST', 'nodes/n1/uncordon');
  await apply('g', { strategy: 'recreate' });
  await until('complete');
  const of = (node: string) => under.ready('web').filter((each) => each.node === node);
  expect(of('n1').length).toBeGreaterThan(0);
  const load = new Load(under.fabric.ingressUrl, HOST, 8);
  await load.until('200 g');
  const instances = of('n1').map(({ instance }) => instance);
  const fromMs = performance.now();
  await under.fabric.killNode('n1');
  const untilMs = performance.now();
  await eventually(() => of('n2').length === 3, 30_000, 'replacements on the other node');
  await load.until('200 g');
  await load.stop();
  // What the dead node's instances had in hand is lost: at most a call of each caller.
  expect(load.failedBeside({ instances, fromMs, untilMs })).toEqual([]);
  expect(load.failed.length).toBeLessThanOrEqual(8);
  expect([...load.answers.keys()].filter((each) => each.startsWith('200'))).toEqual(['200 g']);
});
