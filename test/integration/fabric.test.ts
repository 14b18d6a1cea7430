/**
 * A real fabric of processes, and everything in it killed once: nothing acknowledged is lost,
 * nothing runs twice, and no process is left behind.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ask } from '../../actors/runtime/ask.ts';
import {
  nodeCordon,
  nodeState,
  nodeUncordon,
  type Wanted,
  wantedSchema,
  workloadApply,
  workloadDelete,
  workloadScale,
} from '../../subjects/index.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';

const NODES = ['n1', 'n2', 'n3'];
/** A node that may be silent for as long as an agent takes to start on a machine with much to do. */
const PATIENT = 'patient';
const server = `
  const http = require('http');
  http.createServer((request, response) => response.end(process.env.SHOAL_INSTANCE))
    .listen(process.env.PORT, () => console.log('listening'));
`;

describe('a fabric of processes', () => {
  let under: FabricUnderTest;
  let made = 0;
  let name = '';

  beforeAll(async () => {
    under = await fabricUnderTest([...NODES, PATIENT], {
      hasGateway: false,
      nodeEnvironment: (node) =>
        node === PATIENT ? { SHOAL_CLASS: 'mobile', SHOAL_LABELS: 'may=wait' } : {},
    });
    await ask(under.bus.ports, nodeCordon, { node: PATIENT }, {});
  });
  beforeEach(async () => {
    name = `w${++made}`;
    await eventually(() => NODES.every((node) => state(node) === 'ready'), 20_000, 'ready nodes');
  });
  afterAll(async () => {
    if (!under) return;
    const { processes } = under;
    await under[Symbol.asyncDispose]();
    expect(await processes()).toEqual([]);
  });

  const state = (node: string) => {
    const found = under.nodes.get({ node });
    return found && nodeState(found);
  };
  const tokens = () => ({ tenant: 'default', workload: name });
  const service = (count: number, more: object = {}): Wanted =>
    wantedSchema.parse({
      kind: 'service',
      spec: { count, command: ['sleep', '600'], grace: '1s', ...more },
    });
  const apply = async (wanted: Wanted) => {
    const { answer } = await ask(under.bus.ports, workloadApply, tokens(), { wanted, mode: 'put' });
    return answer;
  };
  const ready = (count: number) =>
    eventually(() => under.ready(name).length === count, 20_000, `${count} ready of ${name}`);
  const remove = async () => {
    await ask(under.bus.ports, workloadDelete, tokens(), {});
    await eventually(() => under.workloads.get(tokens()) === undefined, 20_000, 'gone');
  };
  /** Processes of this test's workload: instance names, each as often as it runs. */
  const running = async () => {
    const names: string[] = [];
    for (const [instance, pids] of await under.running()) {
      if (instance.startsWith(`default.${name}-`)) for (const _ of pids) names.push(instance);
    }
    return names.sort();
  };
  const listed = () =>
    [...under.ledgers.entries()]
      .flatMap(({ value }) => Object.keys(value.entries))
      .filter((each) => each.startsWith(`default.${name}-`))
      .sort();
  /** What runs is what the ledgers list, each once. */
  const expectConsistent = async () => {
    await eventually(async () => JSON.stringify(await running()) === JSON.stringify(listed()));
    expect(new Set(await running()).size).toBe((await running()).length);
  };

  test('apply, call, scale up and down, delete: nothing is left', async () => {
    expect(
      await apply(service(3, { command: ['node', '-e', server], ports: [{ name: 'http' }] })),
    ).toMatchObject({
      ok: true,
    });
    await ready(3);
    for (const instance of under.ready(name)) {
      const seen = under.seen(instance);
      const response = await fetch(`http://127.0.0.1:${seen?.ports['http']}/`);
      expect(await response.text()).toBe(instance.instance);
    }
    await ask(under.bus.ports, workloadScale, tokens(), { count: 5 });
    await ready(5);
    await ask(under.bus.ports, workloadScale, tokens(), { count: 1 });
    await eventually(async () => (await running()).length === 1);
    await remove();
    expect(await running()).toEqual([]);
  });

  test('an instance that is killed is back at once, on its node', async () => {
    await apply(service(1));
    await ready(1);
    const [instance] = under.ready(name);
    const before = instance && under.seen(instance)?.pid;
    process.kill(-(before as number), 'SIGKILL');
    await eventually(() => {
      const [now] = under.ready(name);
      return now !== undefined && under.seen(now)?.pid !== before;
    });
    expect(under.ready(name)[0]).toMatchObject({ node: instance?.node, epoch: instance?.epoch });
    await expectConsistent();
    await remove();
  });

  test('an agent that is killed and started again restarts nothing', async () => {
    await ask(under.bus.ports, nodeUncordon, { node: PATIENT }, {});
    await apply(service(3, { placement: { labels: { may: 'wait' } } }));
    await ready(3);
    const seen = () => under.ready(name).map((each) => under.seen(each));
    const pids = () => seen().map((each) => each?.pid);
    const before = pids();
    const changedAt = Math.max(...seen().map((each) => each?.changedAt ?? 0));
    await under.fabric.child(`agent-${PATIENT}`).stop('SIGKILL');
    await under.fabric.startAgent(PATIENT);
    const isTold = () => seen().every((each) => each && each.changedAt > changedAt);
    await eventually(isTold, 20_000, 'the next agent');
    await ready(3);
    expect(pids()).toEqual(before);
    await expectConsistent();
    await remove();
    await ask(under.bus.ports, nodeCordon, { node: PATIENT }, {});
  });

  test('a node that dies is replaced; when it is back nothing runs twice', async () => {
    await apply(service(3));
    await ready(3);
    const node = under.ready(name)[0]?.node as string;
    await under.fabric.killNode(node);
    await eventually(() => state(node) === 'offline', 5_000, 'offline');
    await ready(3);
    expect(under.ready(name).some((each) => each.node === node)).toBe(false);
    await under.fabric.startAgent(node);
    await eventually(() => state(node) === 'ready', 5_000, 'ready again');
    await expectConsistent();
    await remove();
  });

  test('an agent that comes back late finds its work replaced, and ends it', async () => {
    await apply(service(3));
    await ready(3);
    const node = under.ready(name)[0]?.node as string;
    await under.fabric.child(`agent-${node}`).stop('SIGKILL');
    await eventually(() => state(node) === 'offline', 6_000, 'offline');
    await ready(3);
    await eventually(async () => (await running()).length === 4, 2_000, 'old and new run');
    await under.fabric.startAgent(node);
    await eventually(async () => (await running()).length === 3, 10_000, 'the old one ended');
    await expectConsistent();
    await remove();
  });

  test('a node loses its power for a moment: everything it had is started again there', async () => {
    await apply(service(6));
    await ready(6);
    for (const pauseMs of [0, 500]) {
      await under.fabric.killNode('n2');
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      await under.fabric.startAgent('n2');
      await eventually(async () => (await running()).length === 6, 10_000, 'six that run');
      await ready(6);
      await expectConsistent();
    }
    await remove();
  });

  test('the control plane is killed and started again: what was acknowledged comes true', async () => {
    expect(await apply(service(4))).toMatchObject({ ok: true });
    await under.fabric.child('control').stop('SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await under.fabric.startControl();
    await ready(4);
    const before = await running();
    await under.fabric.child('control').stop('SIGKILL');
    await under.fabric.startControl();
    await ask(under.bus.ports, workloadScale, tokens(), { count: 5 });
    await ready(5);
    expect((await running()).filter((each) => before.includes(each))).toEqual(before);
    await expectConsistent();
    await remove();
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'nats-server restarted by %s: all goes on',
    async (signal) => {
      await apply(service(3));
      await ready(3);
      const before = under
        .ready(name)
        .map((each) => under.seen(each)?.pid)
        .sort();
      await under.fabric.child('nats').stop(signal);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await under.fabric.startNats();
      const answer = await ask(
        under.bus.ports,
        workloadScale,
        tokens(),
        { count: 4 },
        { withinMs: 20_000 },
      );
      expect(answer.answer).toMatchObject({ ok: true });
      await ready(4);
      const after = under.ready(name).map((each) => under.seen(each)?.pid);
      expect(before.filter((pid) => !after.includes(pid))).toEqual([]);
      await expectConsistent();
      await remove();
    },
  );

  test('a job runs once and ends; its process is gone', async () => {
    const wanted = wantedSchema.parse({
      kind: 'job',
      spec: { count: 2, command: ['sh', '-c', 'echo done; exit 0'] },
    });
    await apply(wanted);
    await eventually(() => under.workloads.get(tokens())?.outcome !== undefined, 10_000, 'ended');
    expect(under.workloads.get(tokens())?.outcome).toMatchObject({ result: 'succeeded' });
    await eventually(async () => (await running()).length === 0);
    await remove();
  });

  test('a service that writes more than its limit of disk is ended with that reason, and restarted', async () => {
    const command = ['sh', '-c', 'head -c 2000000 /dev/zero > much; sleep 600'];
    await apply(service(1, { command, limits: { disk: '1Mi' } }));
    const group = `default.${name}`;
    const ends = () =>
      [...under.observed.by('workload', group)].map(({ value }) => value.lastEnd?.message);
    // What is used is measured every fourteen seconds.
    await eventually(() => ends().some((each) => each !== undefined), 30_000, 'its end');
    expect(ends()[0]).toMatch(/^disk limit exceeded: 1\.9Mi of 1Mi/);
    await remove();
  });

  test('a command that cannot start fails with its reason and is tried elsewhere', async () => {
    const restart = { policy: 'always', attempts: 1, window: '1m' };
    const told: string[] = [];
    const close = under.bus.ports.bus.subscribe('shoal.event.default.>', undefined, (event) => {
      told.push(new TextDecoder().decode(event.body));
    });
    await apply(service(1, { command: ['no-such-program'], restart }));
    const group = `default.${name}`;
    await eventually(
      () => [...under.instances.by('workload', group)].some((each) => each.value.avoid.length > 0),
      20_000,
      'tried elsewhere',
    );
    const isTold = () => told.some((each) => each.includes('no no-such-program on PATH'));
    await eventually(isTold, 5_000, 'the reason');
    close();
    await remove();
  });
});
