/**
 * An engine as people have it, without live restore, is restarted in order (as its package does at an
 * upgrade): all its containers end with it. They are not ready meanwhile, and run again when it is back,
 * where they were: no try that it could not hear has used up their restarts. Nothing is begun twice, what
 * runs beside is not touched, and nothing is left.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Instance } from '../../subjects/index.ts';
import { holdingsOf } from '../support/container-engine.ts';
import { DockerEngine, IMAGE } from '../support/docker.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';

let engine: DockerEngine;
let before: readonly string[];
let under: FabricUnderTest;

beforeAll(async () => {
  engine = await DockerEngine.start({ isLeaving: false });
  before = await holdingsOf(engine);
  under = await fabricUnderTest(['n1', 'n2'], {
    nodeEnvironment: (node) => (node === 'n1' ? { SHOAL_DOCKER: engine.socket } : {}),
  });
  const offers = () => under.nodes.get({ node: 'n1' })?.drivers['docker'] !== undefined;
  await eventually(offers, 20_000, 'docker on n1');
});
afterAll(async () => {
  try {
    await under?.[Symbol.asyncDispose]();
  } finally {
    await engine?.[Symbol.asyncDispose]();
  }
});

const service = (name: string, spec: object) =>
  JSON.stringify({
    ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name } },
    spec: { count: 2, grace: '1s', resources: { cpu: '50m', memory: '32Mi' }, ...spec },
  });
const of = (workload: string): readonly Instance[] =>
  [...under.instances.by('workload', `default.${workload}`)]
    .map(({ value }) => value)
    .filter((each) => !each.outcome);
const names = (workload: string) =>
  of(workload)
    .map(({ instance, node }) => [instance, node])
    .sort();
const started = (workload: string) => of(workload).map((each) => under.seen(each)?.pid);

test('containers that end with their engine run again when it is back, where they were', async () => {
  const command = ['sh', '-c', 'trap exit TERM; sleep 300 & wait'];
  await under.run('apply -f - --wait', service('web', { driver: 'docker', image: IMAGE, command }));
  await under.run('apply -f - --wait', service('plain', { command: ['sleep', '300'] }));
  const [web, plain] = [names('web'), started('plain')];

  const ran = started('web');
  await engine.kill('SIGTERM');
  // About as long as an upgrade of its package takes.
  await eventually(() => under.ready('web').length === 0, 10_000, 'none to be ready');
  const until = Date.now() + 10_000;
  while (Date.now() < until) {
    expect(started('plain')).toEqual(plain);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  await engine.start();
  const isAnew = () => started('web').every((pid) => pid !== undefined && !ran.includes(pid));
  await eventually(isAnew, 60_000, 'their ends to be known');
  await eventually(() => under.ready('web').length === 2, 60_000, 'both to be ready again');
  expect(names('web')).toEqual(web);
  expect(of('web').map(({ epoch, attempt }) => [epoch, attempt])).toEqual([
    [1, 1],
    [1, 1],
  ]);
  expect(await engine.client.listContainers({ all: true })).toHaveLength(2);
  expect(started('plain')).toEqual(plain);

  for (const name of ['web', 'plain']) await under.run(`delete workload ${name} --wait`);
  await eventually(async () => (await engine.remains()).length === 0, 30_000, 'nothing left');
  expect(await holdingsOf(engine)).toEqual(before);
});
