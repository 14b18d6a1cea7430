/** A real fabric whose agents offer docker: containers from a manifest to nothing left of them. */
import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentProgram } from '../../local/fabric.ts';
import { freePort } from '../../nats/start.ts';
import { nodeState } from '../../subjects/index.ts';
import { DockerEngine, IMAGE } from '../support/docker.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { Load } from '../support/load.ts';
import { eventually } from '../support/ports.ts';

let engine: DockerEngine;
let under: FabricUnderTest;

beforeAll(async () => {
  engine = await DockerEngine.start();
  // An agent that is started again may take its time: gateways are not replaced so soon.
  const environment = { SHOAL_DOCKER: engine.socket };
  under = await fabricUnderTest(['n1', 'n2'], { environment, nodeClass: 'gateway' });
});
afterAll(async () => {
  const processes = under?.processes;
  await under?.[Symbol.asyncDispose]();
  await engine?.[Symbol.asyncDispose]();
  if (processes) expect(await processes()).toEqual([]);
});

const service = `
apiVersion: shoal/v1
kind: service
metadata: {name: web}
spec:
  driver: docker
  image: ${IMAGE}
  count: 2
  command: [sh, -c, 'echo "serving $SHOAL_INSTANCE"; mkdir /www; echo "hello from $SHOAL_INSTANCE" > /www/index.html; exec busybox httpd -f -p 80 -h /www']
  ports: [{name: http, container: 80}]
  ingress: {host: web.localhost}
  resources: {memory: 64Mi}
  grace: 200ms
`;
const job = (name: string, command: string) => `
apiVersion: shoal/v1
kind: job
metadata: {name: ${name}}
spec:
  driver: docker
  image: ${IMAGE}
  command: ${command}
  retries: 0
  resources: {memory: 64Mi}
`;

/** What the ingress answers for a host name. */
const get = (host: string) =>
  new Promise<string>((resolve, reject) => {
    const { hostname, port } = new URL(under.fabric.ingressUrl);
    const one = request({ hostname, port, headers: { host } }, async (response) => {
      let text = '';
      for await (const piece of response) text += piece;
      resolve(text);
    });
    one.once('error', reject);
    one.end();
  });
const containers = async (workload: string): Promise<readonly string[]> => {
  const label = [`shoal.workload=${workload}`];
  const all = await engine.client.listContainers({ filters: { label } });
  return all.map(({ Id: id }) => id).sort();
};
const outcomeOf = (workload: string) =>
  [...under.instances.by('workload', `default.${workload}`)][0]?.value.outcome;

test('a service of containers: applied, reached, followed, adopted, scaled, deleted', async () => {
  for (const node of ['n1', 'n2']) {
    const offers = () => under.nodes.get({ node })?.drivers['docker'];
    await eventually(() => offers() !== undefined, 20_000, `docker on ${node}`);
    const enforces = ['cpu', 'memory', 'pids', 'disk', 'bandwidth'];
    // Disk operations, too, where the kernel can.
    expect(offers()?.enforces).toEqual(expect.arrayContaining(enforces));
  }
  await under.run('apply -f - --wait', service);
  const instances = under.ready('web').map(({ instance }) => instance);
  expect(instances).toHaveLength(2);
  const heard = new Set<string>();
  await eventually(async () => heard.add((await get('web.localhost')).trim()).size === 2, 20_000);
  expect([...heard].sort()).toEqual(instances.map((each) => `hello from ${each}`).sort());
  const logs = async () => under.run('logs web');
  await eventually(async () => {
    const text = await logs();
    return instances.every((each) => text.includes(`serving ${each}`));
  }, 20_000);

  const before = await containers('web');
  await under.fabric.child(agentProgram('n1')).stop('SIGKILL');
  await under.fabric.startAgent('n1');
  const stateOf = () => {
    const node = under.nodes.get({ node: 'n1' });
    return node && nodeState(node);
  };
  await eventually(() => stateOf() === 'ready', 20_000, 'the agent to be back');
  await eventually(() => under.ready('web').length === 2, 20_000, 'both ready');
  expect(await containers('web')).toEqual(before);
  expect(under.ready('web').map((each) => under.seen(each)?.restarts)).toEqual([0, 0]);

  await under.run('scale web 3 --wait');
  const after = await containers('web');
  expect(after).toHaveLength(3);
  expect(before.every((id) => after.includes(id))).toBe(true);
  // Each line is there once: what was sent before the agent was killed is not sent again.
  await eventually(
    async () => (await logs()).match(/serving/g)?.length === 3,
    20_000,
    'a line each',
  );

  const used = async () =>
    JSON.parse(await under.run('top instances --workload web -o json')).items;
  const isBusy = (each: { memoryBytes?: number }) => (each.memoryBytes ?? 0) > 0;
  await eventually(async () => (await used()).some(isBusy), 30_000, 'what they use');
  expect(await used()).toMatchObject([1, 2, 3].map(() => ({ booked: { cpuMilli: 100 } })));
  // A node says what it uses every fifteen seconds, where nothing changes much.
  const isTold = async () => /^n2 +ready +\d+m/m.test(await under.run('top nodes'));
  await eventually(isTold, 30_000, 'what n2 uses');

  await under.run('delete workload web');
  await eventually(async () => (await engine.remains()).length === 0, 30_000, 'nothing left');
});

test('a job of a container succeeds, and one that cannot start says why; nothing is left', async () => {
  await under.run('apply -f - --wait', job('count', `[sh, -c, 'echo 1; echo 2']`));
  expect(outcomeOf('count')).toMatchObject({ result: 'succeeded', exitCode: 0 });
  const isPrinted = async () => /1\n.*2\n/.test(await under.run('logs count'));
  await eventually(isPrinted, 20_000, 'both its lines');
  await under.run('apply -f -', job('odd', '[no-such-program]'));
  await eventually(() => outcomeOf('odd') !== undefined, 20_000, 'its end');
  expect(outcomeOf('odd')).toMatchObject({
    result: 'failed',
    message: expect.stringContaining('no-such-program'),
  });
  for (const name of ['count', 'odd']) await under.run(`delete workload ${name}`);
  await eventually(async () => (await engine.remains()).length === 0, 30_000, 'nothing left');
});

/** A service that answers with its version, and is ended by SIGTERM in the middle of whatever it does. */
const versioned = (version: string) => `
apiVersion: shoal/v1
kind: service
metadata: {name: site}
spec:
  driver: docker
  image: ${IMAGE}
  count: 3
  command: [sh, -c, 'trap exit TERM; busybox httpd -f -p 80 -h /www & wait']
  ports: [{name: http, container: 80}]
  files: [{path: /www/index.html, text: '${version}'}]
  ingress: {host: site.localhost}
  resources: {memory: 32Mi}
  update: {strategy: rolling, maxSurge: 1}
`;

test('rolling updates of containers that are called all the time, and a drain: not one call fails', async () => {
  await under.run('apply -f - --wait', versioned('a'));
  const load = new Load(under.fabric.ingressUrl, 'site.localhost', 6, ['GET']);
  for (const version of ['a', 'b', 'c']) {
    await under.run('apply -f -', versioned(version));
    await under.run('rollout status site --wait 2m');
    await load.until(`200 ${version}`);
  }
  await under.run('node drain n1 --wait 2m');
  expect(under.ready('site').map(({ node }) => node)).toEqual(['n2', 'n2', 'n2']);
  await load.stop();
  expect(load.failed).toEqual([]);
  expect([...load.answers.keys()].sort()).toEqual(['200 a', '200 b', '200 c']);
  await under.run('node uncordon n1');
  await under.run('delete workload site');
  await eventually(async () => (await engine.remains()).length === 0, 60_000, 'nothing left');
});

/** A service with a port of its node, a file, and what else it is given. */
const given = (name: string, host: number, more = '') => `
apiVersion: shoal/v1
kind: service
metadata: {name: ${name}}
spec:
  driver: docker
  image: ${IMAGE}
  command: [busybox, httpd, -f, -p, '80', -h, /www]
  ports: [{name: http, container: 80, host: ${host}}]
  files: [{path: /www/index.html, text: 'hello from a file'}]
  resources: {memory: 64Mi}
  grace: 200ms
${more}`;

test('what containers are given: files, volumes, a port of the node; what nobody can give is said', async () => {
  const host = await freePort();
  const memory = '  volumes: [{name: fast, path: /fast, medium: memory, size: 1Mi}]';
  await under.run('apply -f - --wait', given('web', host, memory));
  expect(await (await fetch(`http://127.0.0.1:${host}/`)).text()).toBe('hello from a file');

  // The other node is on this machine, too: there the port is a stranger's.
  await under.run('apply -f -', given('rival', host));
  const rival = () => [...under.instances.by('workload', 'default.rival')][0]?.value;
  const seen = () => {
    const one = rival();
    return one && under.seen(one);
  };
  const why = `${host}/tcp is taken here by a program that is none of Shoal's`;
  await eventually(() => seen()?.message?.includes(why) === true, 15_000, 'the reason');
  expect(seen()).toMatchObject({ state: 'backing-off', isReady: false });

  // Both nodes have given it: who comes now waits, and starts nothing.
  await under.run('apply -f -', given('late', host));
  const late = () => [...under.instances.by('workload', 'default.late')][0]?.value;
  await eventually(() => late()?.parked !== undefined, 15_000, 'it to wait');
  expect(late()?.parked?.removed).toEqual({ ports: 2 });

  const mounts = '  mounts: [{source: /srv/data, path: /data}]';
  const refused = await under.shoal(['apply', '-f', '-'], given('mounting', host, mounts));
  expect(refused.err).toMatch(/removed 2 by mounts; n\d its operator allows no \/srv\/data; set/);

  for (const name of ['web', 'rival', 'late']) await under.run(`delete workload ${name}`);
  await eventually(async () => (await engine.remains()).length === 0, 30_000, 'nothing left');
});
