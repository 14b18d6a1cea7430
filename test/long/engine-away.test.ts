/**
 * The engine of one node dies, or stands still, below a running fabric, and comes back: what its containers
 * and the node show meanwhile, which of them are called, that all else goes on, that nothing is begun a
 * second time, and nothing is left.
 */
import { request } from 'node:http';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Instance, nodeState, type Observed } from '../../subjects/index.ts';
import { holdingsOf } from '../support/container-engine.ts';
import { DockerEngine, IMAGE } from '../support/docker.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';

/** By node. */
const engines: Record<string, DockerEngine> = {};
const before: Record<string, readonly string[]> = {};
let under: FabricUnderTest;

beforeAll(async () => {
  for (const node of ['n1', 'n2']) {
    const engine = await DockerEngine.start();
    engines[node] = engine;
    before[node] = await holdingsOf(engine);
  }
  under = await fabricUnderTest(['n1', 'n2'], {
    nodeEnvironment: (node) => ({
      ...{ SHOAL_DOCKER: engineOf(node).socket, SHOAL_LABELS: `is=${node}` },
    }),
  });
  for (const node of ['n1', 'n2']) {
    const offers = () => under.nodes.get({ node })?.drivers['docker'] !== undefined;
    await eventually(offers, 20_000, `docker on ${node}`);
  }
});
/** What one test left dead or standing still is no trouble to the next. */
afterEach(async () => {
  for (const each of Object.values(engines)) await each.revive();
});
afterAll(async () => {
  try {
    await under?.[Symbol.asyncDispose]();
  } finally {
    for (const each of Object.values(engines)) await each[Symbol.asyncDispose]();
  }
});

function engineOf(node: string): DockerEngine {
  const engine = engines[node];
  if (!engine) throw new Error(`there is no engine of ${node}`);
  return engine;
}

const of = (workload: string): readonly Instance[] =>
  [...under.instances.by('workload', `default.${workload}`)]
    .map(({ value }) => value)
    .filter((each) => !each.outcome);
const on1 = (workload: string) => of(workload).find(({ node }) => node === 'n1');
const seen = (workload: string): Observed | undefined => {
  const one = on1(workload);
  return one && under.seen(one);
};
/** Ends its process on n1, below its engine. */
const endProcessOf = (workload: string): void => {
  const pid = seen(workload)?.pid;
  if (pid === undefined) throw new Error(`nobody knows a process of ${workload} on n1`);
  process.kill(pid, 'SIGKILL');
};
/** All of it that must not change while the engine is away. */
const whole = (workload: string) =>
  of(workload)
    .map((each) => ({ each, seen: under.seen(each) }))
    .map(({ each, seen: at }) => [each.instance, each.node, each.epoch, at?.pid, at?.restarts])
    .sort();
/** Containers of a node's engine, by workload. */
const containers = async (node: string): Promise<readonly string[]> => {
  const all = await engineOf(node).client.listContainers({ all: true });
  return all.map(({ Id: id, Labels: labels }) => `${labels['shoal.workload']} ${id}`).sort();
};
const phase = async (id: string): Promise<Readonly<Record<string, unknown>>> => {
  const answer = await fetch(`${under.fabric.gatewayUrl}/api/v1/instances/${id}`);
  return (await answer.json()) as Readonly<Record<string, unknown>>;
};
const state = (node: string) => {
  const record = under.nodes.get({ node });
  return record && nodeState(record);
};

const service = (name: string, spec: object, count = 1) =>
  JSON.stringify({
    ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name } },
    spec: { count, grace: '200ms', resources: { cpu: '50m', memory: '32Mi' }, ...spec },
  });
const container = { driver: 'docker', image: IMAGE, command: ['sleep', '300'] };
const onlyOn1 = { placement: { labels: { is: 'n1' } } };
const why = /the engine at .* does not answer/;
/** Something that takes calls at a host name of its own. */
const page = (name: string) => ({
  ...container,
  command: [
    'sh',
    '-c',
    'mkdir /www; echo hi > /www/index.html; exec busybox httpd -f -p 80 -h /www',
  ],
  ports: [{ name: 'http', container: 80 }],
  ingress: { host: `${name}.localhost` },
});
/** Status of a call of it through the ingress. */
const called = (name: string): Promise<number> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(under.fabric.ingressUrl);
    const headers = { host: `${name}.localhost` };
    const asked = request({ hostname, port, headers, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asked.on('error', () => resolve(0));
    asked.end();
  });
/** Why the driver of a node's engine starts nothing now. */
const away = (node: string) => under.nodes.get({ node })?.drivers['docker']?.away;

test('an engine that dies costs its node what is begun there meanwhile, and what dies with it, and nothing else', async () => {
  await under.run('apply -f - --wait', service('web', container, 2));
  await under.run('apply -f - --wait', service('plain', { command: ['sleep', '300'] }, 2));
  for (const name of ['dies', 'ends'])
    await under.run('apply -f - --wait', service(name, { ...container, ...onlyOn1 }));
  const [web, plain] = [whole('web'), whole('plain')];
  const [here, there] = [await containers('n1'), await containers('n2')];
  expect([here.length, there.length]).toEqual([3, 1]);
  const isReady = () => under.ready('dies').length > 0;

  await engineOf('n1').kill('SIGKILL');
  await eventually(() => why.test(away('n1') ?? ''), 10_000, 'its node to say so');
  // Nothing new is begun there: it waits, or goes where it can be begun.
  await under.run('apply -f -', service('late', { ...container, ...onlyOn1 }));
  await under.run('apply -f - --wait', service('elsewhere', container));
  expect(of('elsewhere').map(({ node }) => node)).toEqual(['n2']);
  await eventually(() => of('late')[0]?.parked !== undefined, 10_000, 'it to wait');
  const late = of('late')[0];
  expect(late).toMatchObject({ epoch: 0, parked: { removed: { engine: 1, labels: 1 } } });
  expect((await phase(late?.instance ?? ''))['message']).toMatch(/1 by engine/);
  // One that ends while the engine cannot say so: the kernel does.
  endProcessOf('dies');
  await eventually(() => !isReady(), 5_000, 'it not to be ready');
  const { instance = '' } = on1('dies') ?? {};
  const told = await phase(instance);
  expect([told['phase'], told['message']]).toEqual([
    'backing-off',
    expect.stringMatching(/^its process has ended, and the engine at .* does not answer$/),
  ]);
  // More than the time after which a silent node is offline, and several sweeps.
  const until = Date.now() + 20_000;
  while (Date.now() < until) {
    expect([state('n1'), state('n2')]).toEqual(['ready', 'ready']);
    expect([whole('web'), whole('plain')]).toEqual([web, plain]);
    expect([under.ready('web').length, under.ready('plain').length]).toEqual([2, 2]);
    expect([under.ready('ends').length, isReady()]).toEqual([1, false]);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  expect([...of('dies'), ...of('ends')].map(({ epoch }) => epoch)).toEqual([1, 1]);

  await engineOf('n1').start();
  await eventually(() => away('n1') === undefined, 60_000, 'its node to say so');
  for (const name of ['late', 'dies', 'web', 'plain', 'ends']) {
    const count = of(name).length;
    await eventually(() => under.ready(name).length === count, 60_000, `${name} to be ready`);
  }
  expect(seen('dies')).toMatchObject({ restarts: 1, lastEnd: { message: 'ended by SIGKILL' } });
  expect([whole('web'), whole('plain')]).toEqual([web, plain]);
  // Each once: what ran before is the same container.
  const after = await containers('n1');
  expect(after.map((each) => each.split(' ')[0])).toEqual(['dies', 'ends', 'late', 'web']);
  expect(after.filter((each) => each.startsWith('web '))).toEqual(
    here.filter((each) => each.startsWith('web ')),
  );

  for (const name of ['late', 'dies', 'ends', 'elsewhere', 'web', 'plain'])
    await under.run(`delete workload ${name} --wait`);
  for (const node of ['n1', 'n2']) {
    const isClean = async () => (await engineOf(node).remains()).length === 0;
    await eventually(isClean, 30_000, `nothing left on ${node}`);
    expect(await holdingsOf(engineOf(node))).toEqual(before[node]);
  }
});

test('what an engine that stands still runs is called, until it does not run any more', async () => {
  await under.run('apply -f - --wait', service('shop', { ...page('shop'), ...onlyOn1 }));
  await eventually(async () => (await called('shop')) === 200, 10_000, 'it to be called');
  const before = whole('shop');
  engineOf('n1').pause();
  try {
    await eventually(() => why.test(away('n1') ?? ''), 60_000, 'its node to say so');
    for (let call = 0; call < 20; call++) expect(await called('shop')).toBe(200);
    expect(whole('shop')).toEqual(before);
    endProcessOf('shop');
    await eventually(() => under.ready('shop').length === 0, 5_000, 'it not to be ready');
    await eventually(async () => (await called('shop')) === 503, 5_000, 'nobody to be called');
    expect(whole('shop')).toEqual(before);
  } finally {
    engineOf('n1').resume();
  }
  await eventually(() => under.ready('shop').length === 1, 60_000, 'it to be ready again');
  expect(seen('shop')).toMatchObject({ restarts: 1, lastEnd: { message: 'ended by SIGKILL' } });
  expect(of('shop').map(({ epoch }) => epoch)).toEqual([1]);
  await under.run('delete workload shop --wait');
});

test('what its engine has in its hands to be called is not called without it, and again with it', async () => {
  await under.run('apply -f - --wait', service('kiosk', { ...page('kiosk'), ...onlyOn1 }));
  await eventually(async () => (await called('kiosk')) === 200, 10_000, 'it to be called');
  const before = whole('kiosk');
  // With it goes what takes calls for its containers, where no rules of the kernel do.
  await engineOf('n1').kill('SIGKILL');
  await eventually(() => under.ready('kiosk').length === 0, 5_000, 'it not to be ready');
  expect(seen('kiosk')).toMatchObject({ state: 'running', message: expect.stringMatching(why) });
  await engineOf('n1').start();
  await eventually(() => under.ready('kiosk').length === 1, 60_000, 'it to be ready again');
  await eventually(async () => (await called('kiosk')) === 200, 10_000, 'it to be called');
  expect(whole('kiosk')).toEqual(before);
  await under.run('delete workload kiosk --wait');
});

test('what has waited for its engine for a minute is served elsewhere', async () => {
  await eventually(() => away('n1') === undefined, 60_000, 'its node to take work again');
  await under.run('apply -f - --wait', service('moves', container, 2));
  const moved = on1('moves');
  await engineOf('n1').kill('SIGKILL');
  endProcessOf('moves');
  await eventually(() => under.ready('moves').length === 1, 5_000, 'it not to be ready');
  const isElsewhere = () =>
    of('moves').every(({ node }) => node === 'n2') && under.ready('moves').length === 2;
  await eventually(isElsewhere, 120_000, 'both to be ready elsewhere');
  expect(of('moves').find(({ instance }) => instance === moved?.instance)).toMatchObject({
    ...{ epoch: 2, last: { verb: 'placed' } },
  });
  await engineOf('n1').start();
  await under.run('delete workload moves --wait');
  for (const node of ['n1', 'n2']) {
    const isClean = async () => (await engineOf(node).remains()).length === 0;
    await eventually(isClean, 30_000, `nothing left on ${node}`);
    expect(await holdingsOf(engineOf(node))).toEqual(before[node]);
  }
});
