/**
 * Sidecars in containers, on a real fabric: one network, each part restarted alone, all of them adopted,
 * reached one by one, begun anew with their network, and nothing left of them.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentProgram } from '../../local/fabric.ts';
import type { Observed } from '../../subjects/index.ts';
import { holdingsOf } from '../support/container-engine.ts';
import { DockerEngine, IMAGE } from '../support/docker.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';

let engine: DockerEngine;
let under: FabricUnderTest;
let before: readonly string[];

beforeAll(async () => {
  engine = await DockerEngine.start();
  before = await holdingsOf(engine);
  const environment = { SHOAL_DOCKER: engine.socket };
  under = await fabricUnderTest(['n1'], { environment, nodeClass: 'gateway' });
});
afterAll(async () => {
  try {
    const processes = under?.processes;
    await under?.[Symbol.asyncDispose]();
    if (processes) expect(await processes()).toEqual([]);
    if (before) expect(await holdingsOf(engine)).toEqual(before);
  } finally {
    await engine?.[Symbol.asyncDispose]();
  }
});

const one = () =>
  [...under.instances.by('workload', 'default.web')].map((each) => each.value).at(0);
const seen = (): Observed | undefined => {
  const instance = one();
  return instance && under.seen(instance);
};
const isReady = () => under.ready('web').length === 1;
/** Ids of the containers of the instance, by their names in labels; `network`: what they share. */
const containers = async (): Promise<Readonly<Record<string, string>>> => {
  const label = ['shoal.workload=web'];
  const all = await engine.client.listContainers({ filters: { label } });
  const nameOf = (of: Readonly<Record<string, string>>) =>
    of['shoal.role'] ?? of['shoal.name']?.split('.')[2] ?? 'program';
  expect(new Set(all.map(({ Labels: of }) => nameOf(of))).size).toBe(all.length);
  return Object.fromEntries(all.map(({ Id: id, Labels: of }) => [nameOf(of), id]));
};
const page = 'busybox mkdir -p /www; echo "from $SHOAL_INSTANCE" > /www/index.html';
/** Whether somebody takes connections at the port of callers. */
const knock = 'busybox nc -w 1 127.0.0.1 80 < /dev/null';
/** Callers' port is the proxy's, which passes on to the program's. */
const service = `
apiVersion: shoal/v1
kind: service
metadata: {name: web}
spec:
  driver: docker
  image: ${IMAGE}
  command: [sh, -c, '${page}; echo "program says"; exec busybox httpd -f -p 8080 -h /www']
  init: [{command: [sh, -c, '${knock}']}]
  ports: [{name: http, container: 80}]
  volumes: [{name: shared, path: /shared}]
  resources: {cpu: 100m, memory: 32Mi}
  grace: 200ms
  sidecars:
    - name: proxy
      command: [sh, -c, 'echo "proxy says"; echo mine > /own; echo ours > /shared/file; exec busybox nc -ll -p 80 -e busybox nc 127.0.0.1 8080 2>/dev/null']
      resources: {cpu: 50m, memory: 16Mi}
      grace: 200ms
      probes: {startup: {exec: {command: [sh, -c, '${knock}']}, initialDelay: 0s, period: 500ms}}
`;

test('a service of two containers, from its manifest to nothing left of it', async () => {
  const offers = () => under.nodes.get({ node: 'n1' })?.drivers['docker'];
  await eventually(() => offers()?.heeds?.includes('sidecars') === true, 20_000, 'sidecars');
  await under.run('apply -f - --wait', service);
  const id = one()?.instance ?? '';
  const port = seen()?.ports['http'];
  const get = async () => (await fetch(`http://127.0.0.1:${port}/`)).text();
  expect(await get()).toBe(`from ${id}\n`);
  expect(under.ledgers.get({ node: 'n1' })?.sums).toMatchObject({ cpuMilli: 150 });

  // One by one.
  expect(await under.run('logs web --sidecar proxy')).toBe('proxy says\n');
  expect(await under.run(`logs ${id}`)).toContain(`${id} | program says`);
  expect(await under.run('exec web --sidecar proxy -- cat /own')).toBe('mine\n');
  expect(await under.run('exec web -- cat /shared/file')).toBe('ours\n');
  expect(await under.run('cp --sidecar proxy web:/own -')).toContain('mine\n');
  const used = async () =>
    JSON.parse(await under.run('top instances --workload web -o json')).items[0];
  await eventually(async () => ((await used()).memoryBytes ?? 0) > 0, 30_000, 'what it uses');
  expect(await used()).toMatchObject({ booked: { cpuMilli: 150, memoryBytes: 48 * 2 ** 20 } });

  // A sidecar's end is its own.
  const [first, program] = [await containers(), seen()?.pid];
  expect(Object.keys(first).sort()).toEqual(['network', 'program', 'proxy']);
  await engine.client.getContainer(first['proxy'] ?? '').kill({ signal: 'SIGKILL' });
  const isBack = () => seen()?.sidecars?.[0]?.restarts === 1 && seen()?.isReady === true;
  await eventually(isBack, 20_000, 'the sidecar to be restarted');
  expect(seen()).toMatchObject({ pid: program, restarts: 0 });
  const second = await containers();
  expect([second['program'], second['network']]).toEqual([first['program'], first['network']]);
  expect(await get()).toBe(`from ${id}\n`);

  // An agent that was killed adopts all of them.
  await under.fabric.child(agentProgram('n1')).stop('SIGKILL');
  const { changedAt = 0 } = seen() ?? {};
  await under.fabric.startAgent('n1');
  await eventually(() => (seen()?.changedAt ?? 0) > changedAt && isReady(), 20_000, 'the agent');
  expect(await containers()).toEqual(second);

  // Their network ends: all of them begin anew, in order, and it is said why.
  await engine.client.getContainer(second['network'] ?? '').kill({ signal: 'SIGKILL' });
  await eventually(() => seen()?.restarts === 1 && isReady(), 30_000, 'all to be started anew');
  const why = 'ended by its agent: the container that held its network is gone';
  expect(seen()).toMatchObject({ lastEnd: { message: why }, ports: { http: port } });
  expect(seen()?.sidecars?.[0]).toMatchObject({ lastEnd: { message: why } });
  expect(await get()).toBe(`from ${id}\n`);

  await under.run('delete workload web --wait');
  await eventually(async () => (await engine.remains()).length === 0, 30_000, 'nothing left');
});

test.each([150, 500, 900, 1_500])(
  'an agent killed %i ms after it was asked leaves one of each, and one network',
  async (afterMs) => {
    await under.run('apply -f -', service);
    await eventually(() => one()?.node !== undefined, 20_000, 'a node');
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    await under.fabric.child(agentProgram('n1')).stop('SIGKILL');
    await under.fabric.startAgent('n1');
    await eventually(isReady, 30_000, 'it to be ready');
    expect(Object.keys(await containers()).sort()).toEqual(['network', 'program', 'proxy']);
    await under.run('delete workload web --wait');
    await eventually(async () => (await engine.remains()).length === 0, 30_000, 'nothing left');
  },
);
