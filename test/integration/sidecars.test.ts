/**
 * Sidecars on a real fabric: there before the program and gone after it, restarted alone, adopted,
 * told of, heard and reached one by one; and a job is over when its program is.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
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
  folder = await mkdtemp(join(tmpdir(), 'shoal-sidecars-'));
  under = await fabricUnderTest(['n1'], { nodeClass: 'gateway', capacity: 'cpu=1,memory=1Gi' });
});
afterAll(async () => {
  const processes = under?.processes;
  await under?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
  if (processes) expect(await processes()).toEqual([]);
});

const says = (name: string) => ({
  command: [
    'sh',
    '-c',
    `trap 'echo ${name} down >> "$DIARY"; exit 0' TERM; echo hello from ${name}; echo ${name} up >> "$DIARY"; while :; do sleep 0.05; done`,
  ],
  environment: { DIARY: join(folder, 'diary') },
  resources: { cpu: '200m', memory: '64Mi' },
});
/** One that is up when it has said so. */
const sidecar = (name: string) => {
  const command = ['sh', '-c', `grep -q '^${name} up$' "$DIARY"`];
  const startup = { exec: { command }, initialDelay: '0s', period: '500ms' };
  return { name, ...says(name), probes: { startup } };
};
const diary = async (name = 'diary') =>
  (await readFile(join(folder, name), 'utf8').catch(() => '')).split('\n').filter(Boolean);
const tokens = (workload: string) => ({ tenant: 'default', workload });
const one = (name: string): Instance | undefined =>
  [...under.instances.by('workload', `default.${name}`)].map((each) => each.value).at(0);
const seen = (name: string): Observed | undefined => {
  const instance = one(name);
  return instance && under.seen(instance);
};
const shell = async (...words: readonly string[]): Promise<string> => {
  const ended = await under.shoal(words);
  expect(ended.code, ended.err).toBe(0);
  return ended.out;
};

test('a service: in order, restarted alone, adopted, heard and reached, and back in order', async () => {
  const spec = { ...says('program'), sidecars: [sidecar('proxy'), sidecar('shipper')] };
  expect(await under.apply('web', spec)).toMatchObject({ ok: true });
  await eventually(() => under.ready('web').length === 1, 20_000, 'all parts to be ready');
  await eventually(async () => (await diary()).length === 3, 5_000, 'the program to say so');
  expect(await diary()).toEqual(['proxy up', 'shipper up', 'program up']);
  // They are booked together: a second one does not fit beside it.
  expect(under.ledgers.get({ node: 'n1' })?.sums).toMatchObject({ cpuMilli: 600 });

  const before = seen('web');
  const [proxy] = before?.sidecars ?? [];
  process.kill(-(proxy?.pid as number), 'SIGKILL');
  const isBack = () => seen('web')?.sidecars?.[0]?.restarts === 1 && seen('web')?.isReady === true;
  await eventually(isBack, 10_000, 'the sidecar to be restarted');
  expect(seen('web')).toMatchObject({ pid: before?.pid, restarts: 0 });

  const id = one('web')?.instance ?? '';
  const told = await shell('describe', 'instance', id);
  expect(told).toMatch(/^ *proxy +ready +1 +ended by SIGKILL/m);
  expect(told).toMatch(/^ *shipper +ready +0/m);

  await under.fabric.child(agentProgram('n1')).stop('SIGKILL');
  const { changedAt = 0, sidecars: known } = seen('web') ?? {};
  await under.fabric.startAgent('n1');
  await eventually(() => (seen('web')?.changedAt ?? 0) > changedAt, 20_000, 'the next agent');
  await eventually(() => seen('web')?.isReady === true, 10_000, 'all parts to be adopted');
  const pids = (of: Observed['sidecars'] = []) => of.map(({ name, pid }) => [name, pid]);
  expect(pids(seen('web')?.sidecars)).toEqual(pids(known));
  expect(seen('web')).toMatchObject({ pid: before?.pid });

  const [all, some, inside] = await Promise.all([
    shell('logs', id),
    shell('logs', 'web', '--sidecar', 'shipper'),
    shell('exec', id, '--sidecar', 'proxy', '--', 'sh', '-c', 'echo "$SHOAL_SIDECAR"'),
  ]);
  expect(all).toContain(`${id} | hello from program\n`);
  expect(all).toContain(`${id}/proxy | hello from proxy\n`);
  expect(some).toBe('hello from shipper\n');
  expect(inside).toBe('proxy\n');
  for (const words of [['logs', 'web'], ['logs', id, '-f'], ['exec', id], ['cp']]) {
    const rest = { exec: ['--', 'true'], cp: [`${id}:.`, '-'] }[words[0] ?? ''] ?? [];
    const asked = [...words, '--sidecar', 'proxi', ...rest];
    const mistyped = await under.shoal(asked);
    expect(mistyped.code, asked.join(' ')).not.toBe(0);
    expect(mistyped.err).toMatch(/has no sidecar proxi; there is proxy, shipper/);
  }

  await ask(under.bus.ports, workloadDelete, tokens('web'), {});
  await eventually(() => one('web') === undefined, 20_000, 'nothing to be left');
  expect((await diary()).slice(-3)).toEqual(['program down', 'shipper down', 'proxy down']);
  expect(await under.running()).toEqual(new Map());
});

test('a job is over when its program is, and its sidecars go with it', async () => {
  const sidecars = [sidecar('proxy')];
  const resources = { cpu: '200m', memory: '64Mi' };
  const spec = { command: ['true'], resources, sidecars };
  expect(await under.apply('count', spec, 'job')).toMatchObject({ ok: true });
  const outcome = () => under.workloads.get(tokens('count'))?.outcome;
  await eventually(() => outcome() !== undefined, 20_000, 'the end of the job');
  expect(outcome()).toMatchObject({ result: 'succeeded' });
  expect((await diary()).slice(-2)).toEqual(['proxy up', 'proxy down']);
  expect(await under.running()).toEqual(new Map());
});

test('what fits only without its sidecars is refused with the reason', async () => {
  const sidecars = [{ ...sidecar('proxy'), resources: { cpu: '900m' } }];
  const answer = await under.apply('large', { ...says('large'), sidecars });
  expect(answer).toMatchObject({ ok: false, refusal: { code: 'spec-unplaceable' } });
});
