/**
 * Probes on a real fabric: what is not ready gets no calls and comes back, what hangs is restarted,
 * a command is a probe, and before an instance is ended its preStop is done. Each with its reason.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask } from '../../actors/runtime/ask.ts';
import { agentProgram } from '../../local/fabric.ts';
import { type Instance, type Observed, workloadDelete } from '../../subjects/index.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';

let under: FabricUnderTest;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-probes-'));
  // An agent that is started again may take its time: gateways are not replaced so soon.
  under = await fabricUnderTest(['n1'], { nodeClass: 'gateway' });
});
afterAll(async () => {
  const processes = under?.processes;
  await under?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
  if (processes) expect(await processes()).toEqual([]);
});

/** Does what its calls say: /unready and /again turn /ready, /hang turns /healthz. */
const program = `
  const right = { '/ready': true, '/healthz': true };
  require('http').createServer((request, response) => {
    const path = request.url;
    if (path === '/unready' || path === '/again') right['/ready'] = path === '/again';
    if (path === '/hang') right['/healthz'] = false;
    response.writeHead(right[path] === false ? 503 : 200).end(process.env.SHOAL_INSTANCE);
  }).listen(process.env.PORT);
`;
const often = { initialDelay: '0s', period: '500ms' };

async function apply(name: string, spec: object): Promise<void> {
  expect(await under.apply(name, spec)).toMatchObject({ ok: true });
}
const isReady = (count: number, name: string) =>
  eventually(() => under.ready(name).length === count, 20_000, `${count} ready of ${name}`);
const all = (name: string): readonly Instance[] =>
  [...under.instances.by('workload', `default.${name}`)].map((each) => each.value);
const seen = (instance: Instance): Observed => {
  const now = under.instances.get({ tenant: 'default', instance: instance.instance });
  const found = now && under.seen(now);
  if (!found) throw new Error(`nothing is seen of ${instance.instance}`);
  return found;
};
/** What an instance answers, asked by itself. */
const told = (instance: Instance, path: string) =>
  fetch(`http://127.0.0.1:${seen(instance).ports['http']}${path}`).then((each) => each.text());
/** What the ingress answers. */
const get = () =>
  new Promise<string>((resolve, reject) => {
    const { hostname, port } = new URL(under.fabric.ingressUrl);
    const one = request(
      { hostname, port, headers: { host: 'web.localhost' } },
      async (response) => {
        let text = '';
        for await (const piece of response) text += piece;
        resolve(text);
      },
    );
    one.once('error', reject);
    one.end();
  });
/** Which instances the ingress leads to, of several calls. */
const heard = async () => [...new Set([await get(), await get(), await get(), await get()])].sort();
const describeInstance = async ({ instance }: Instance) => {
  const ended = await under.shoal(['describe', 'instance', instance]);
  expect(ended.code, ended.err).toBe(0);
  return ended.out;
};

test('readiness gates calls both ways, also while its agent is away; liveness restarts', async () => {
  await apply('web', {
    ...{ count: 2, command: ['node', '-e', program], ports: [{ name: 'http' }] },
    ingress: { host: 'web.localhost' },
    probes: {
      readiness: { http: { port: 'http', path: '/ready' }, ...often, failureThreshold: 1 },
      liveness: { http: { port: 'http', path: '/healthz' }, ...often, failureThreshold: 2 },
    },
    preStop: { command: ['sh', '-c', `echo "$SHOAL_INSTANCE" >> ${join(folder, 'drained')}`] },
  });
  await isReady(2, 'web');
  const [one, other] = under.ready('web') as [Instance, Instance];
  await eventually(async () => (await heard()).length === 2, 10_000, 'calls to both');

  await told(one, '/unready');
  await isReady(1, 'web');
  await eventually(async () => (await heard()).join() === other.instance, 5_000, 'only the other');
  expect(await describeInstance(one)).toMatch(
    /Phase +running: readiness probe failed: HTTP 503 from \/ready\n/,
  );

  await under.fabric.child(agentProgram('n1')).stop('SIGKILL');
  const { changedAt } = seen(other);
  await under.fabric.startAgent('n1');
  await eventually(() => seen(other).changedAt > changedAt, 20_000, 'the next agent');
  expect(under.ready('web').map(({ instance }) => instance)).toEqual([other.instance]);
  expect([seen(one).restarts, seen(other).restarts]).toEqual([0, 0]);

  await told(one, '/again');
  await isReady(2, 'web');
  await eventually(async () => (await heard()).length === 2, 5_000, 'calls to both again');

  const { pid } = seen(one);
  await told(one, '/hang');
  await eventually(() => seen(one).restarts > 0 && seen(one).isReady, 20_000, 'a restart');
  expect(seen(one).pid).not.toBe(pid);
  expect(seen(other).restarts).toBe(0);
  const because = 'liveness probe failed 2 times: HTTP 503 from /healthz';
  expect(await describeInstance(one)).toMatch(new RegExp(`Last end +${because} \\(`));
  // What is restarted does its preStop, too.
  expect(await readFile(join(folder, 'drained'), 'utf8')).toBe(`${one.instance}\n`);
});

test('a command is a probe; one that never passes is a reason, and disturbs nobody', async () => {
  const asked = (file: string, failureThreshold: number) => ({
    ...{ exec: { command: ['ls', file] }, ...often, failureThreshold },
  });
  await apply('slow', {
    init: [{ command: ['touch', 'prepared'] }],
    command: ['sh', '-c', 'ls prepared || exit 1; sleep 1; touch here; exec sleep 600'],
    probes: { readiness: asked('here', 1) },
  });
  await apply('never', {
    ...{ command: ['sleep', '600'], restart: { attempts: 100 } },
    probes: { startup: asked('absent', 3) },
  });
  await isReady(1, 'slow');
  expect(all('slow').map((each) => seen(each).restarts)).toEqual([0]);
  const message = () => all('never').map((each) => under.seen(each)?.message ?? '')[0];
  await eventually(() => message()?.startsWith('startup probe failed: ') === true, 10_000, 'why');
  expect(message()).toMatch(/^startup probe failed: exited with \d: ls: .*absent/);
  const [never] = all('never') as [Instance];
  await eventually(() => seen(never).restarts > 0, 20_000, 'a restart');
  expect(seen(never).lastEnd?.message).toMatch(
    /^startup probe failed 3 times: exited with \d: ls:/,
  );
  expect(seen(never).isReady).toBe(false);
  expect([...all('web'), ...all('slow')].map((each) => seen(each).isReady)).toEqual([
    ...[true, true, true],
  ]);
});

test('before an instance is ended it gets no calls and its preStop is done; nothing is left', async () => {
  const instances = all('web').map(({ instance }) => instance);
  for (const workload of ['web', 'slow', 'never']) {
    await ask(under.bus.ports, workloadDelete, { tenant: 'default', workload }, {});
  }
  const left = () => ['web', 'slow', 'never'].flatMap(all);
  await eventually(() => left().length === 0, 20_000, 'nothing left');
  const drained = (await readFile(join(folder, 'drained'), 'utf8')).trimEnd().split('\n');
  expect(drained.slice(1).sort()).toEqual([...instances].sort());
  expect((await under.running()).size).toBe(0);
});
