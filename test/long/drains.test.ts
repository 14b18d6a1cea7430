/**
 * A node that is emptied of what cannot move at once: taken back in the middle, and with a deadline. And
 * where a service is called, as whoever follows its key sees it: an instance is gone from there before
 * its node is told to end it.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLog } from '../../actors/runtime/log.ts';
import { joinBus, viewsCurrent } from '../../actors/runtime/nats/process.ts';
import { endpointsRecord, type Instance, ledgerRecord, nodeState } from '../../subjects/index.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';

let under: FabricUnderTest;
beforeAll(async () => {
  under = await fabricUnderTest(['n1', 'n2']);
});
afterAll(() => under?.[Symbol.asyncDispose]());

/** The one instance of a workload that is not over. */
const one = (name: string): Instance | undefined =>
  [...under.instances.by('workload', `default.${name}`)]
    .map(({ value }) => value)
    .find(({ outcome }) => outcome === undefined);
const pid = (name: string) => {
  const instance = one(name);
  return instance && under.seen(instance)?.pid;
};
const state = (node: string) => {
  const found = under.nodes.get({ node });
  return found && nodeState(found);
};

test('a drain waits for a job, is taken back and leaves it alone; at its deadline the job is stopped and begun elsewhere', async () => {
  const spec = { command: ['sleep', '3600'], grace: '1s' };
  expect(await under.apply('long', spec, 'job')).toMatchObject({ ok: true });
  await eventually(() => pid('long') !== undefined, 20_000, 'the job to run');
  const [from = '', its] = [one('long')?.node, pid('long')];
  const to = from === 'n1' ? 'n2' : 'n1';

  await under.run(`node drain ${from}`);
  await eventually(() => state(from) === 'draining', 20_000, 'the drain');
  expect(await under.run(`node describe ${from}`)).toMatch(/long-\w+ .*job/);
  await under.run(`node drain ${from} --cancel`);
  await eventually(() => state(from) === 'ready', 20_000, 'the node to be back');
  expect([one('long')?.node, pid('long'), one('long')?.epoch]).toEqual([from, its, 1]);

  await under.run(`node drain ${from} --deadline 2s --wait`);
  expect(under.ledgers.get({ node: from })?.entries).toEqual({});
  await eventually(() => one('long')?.node === to && pid('long') !== undefined, 20_000, 'the job');
  expect(pid('long')).not.toBe(its);
  expect(state(from)).toBe('draining');
  await under.run(`node uncordon ${from}`);
  await under.run('delete workload long --wait');
});

test('endpoints of a service are its ready instances, and one that is to end is gone before it is told', async () => {
  const seedFile = join(under.fabric.layout.keys, 'operator-operator.nk');
  const identity = { role: 'operator', name: 'operator' } as const;
  const servers = under.fabric.natsUrls;
  const bus = await joinBus({ servers, seedFile }, identity, { log: silentLog });
  /** What changed, in the order of the store. */
  const told: string[] = [];
  let listed: readonly string[] = [];
  const stopping = new Set<string>();
  const endpoints = bus.views.follow(endpointsRecord, {}, ({ after }) => {
    const now = after?.ready.map(({ instance }) => instance) ?? [];
    for (const each of listed) if (!now.includes(each)) told.push(`${each} is gone`);
    listed = now;
  });
  bus.views.follow(ledgerRecord, {}, ({ after }) => {
    for (const { instance, isStopping } of Object.values(after?.entries ?? {})) {
      if (!isStopping || stopping.has(instance)) continue;
      stopping.add(instance);
      told.push(`${instance} is told to end`);
    }
  });
  try {
    await viewsCurrent(bus.views);
    const program = `require('http').createServer((_, response) => response.end(process.env.SHOAL_INSTANCE)).listen(process.env.PORT)`;
    const spec = { command: ['node', '-e', program], ports: [{ name: 'http' }] };
    const now = () => endpoints.get({ tenant: 'default', workload: 'web' })?.ready ?? [];
    expect(await under.apply('web', { ...spec, count: 3 })).toMatchObject({ ok: true });
    await eventually(() => now().length === 3, 30_000, 'three endpoints');
    expect(
      now()
        .map(({ instance }) => instance)
        .sort(),
    ).toEqual(
      under
        .ready('web')
        .map(({ instance }) => instance)
        .sort(),
    );
    for (const { instance, node, address, ports } of now()) {
      const answer = await fetch(`http://${address}:${ports['http']}`);
      expect([await answer.text(), node]).toEqual([instance, expect.stringMatching(/^n[12]$/)]);
    }

    const before = now().map(({ instance }) => instance);
    expect(await under.apply('web', { ...spec, count: 1 })).toMatchObject({ ok: true });
    await eventually(() => stopping.size === 2, 30_000, 'two to be told to end');
    const ended = before.filter((each) => !listed.includes(each));
    expect(ended).toHaveLength(2);
    for (const each of ended) {
      const [gone, end] = [`${each} is gone`, `${each} is told to end`].map((text) =>
        told.indexOf(text),
      );
      expect([gone !== -1, (gone ?? 0) < (end ?? 0)], told.join(', ')).toEqual([true, true]);
    }
    await under.run('delete workload web --wait');
    await eventually(() => now().length === 0, 30_000, 'no endpoint');
  } finally {
    bus.views.close();
    await bus.connection.close();
  }
});
