/**
 * A foreign process writes rubbish over records of a real fabric, and every program is started
 * again with it in place: what runs runs on, others are decided as ever, a person finds it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../../actors/runtime/ask.ts';
import { silentLog } from '../../actors/runtime/log.ts';
import { connectBus } from '../../actors/runtime/nats/connection.ts';
import { natsPorts } from '../../actors/runtime/nats/ports.ts';
import { viewsCurrent } from '../../actors/runtime/nats/process.ts';
import type { View } from '../../actors/runtime/view.ts';
import { Views } from '../../actors/runtime/views.ts';
import { deadRecord, nodeState, storeSubject, workloadScale } from '../../subjects/index.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';

describe('rubbish in the store of a fabric that runs', () => {
  let under: FabricUnderTest;
  let foreign: NatsConnection;
  let letters: View<typeof deadRecord>;
  const calm = { tenant: 'default', workload: 'calm' };

  beforeAll(async () => {
    under = await fabricUnderTest(['n1', 'n2'], { hasGateway: false });
    const seed = await readFile(join(under.fabric.layout.keys, 'control-control.nk'), 'utf8');
    const identity = { role: 'control', name: 'control' } as const;
    foreign = await connectBus({ servers: [under.fabric.natsUrl], seed }, identity);
    const ports = natsPorts(foreign, identity, { log: silentLog });
    const views = new Views(ports.store, ports.clock, silentLog);
    letters = views.follow(deadRecord);
    await viewsCurrent(views);
    await nodesReady();
    await apply(calm.workload, 2);
    await eventually(() => under.ready('calm').length === 2, 30_000, 'two instances');
    await eventually(async () => (await under.running()).size === 2, 5_000, 'both keepers');
  });
  afterAll(async () => {
    await foreign?.close();
    if (!under) return;
    const { processes } = under;
    await under[Symbol.asyncDispose]();
    expect(await processes()).toEqual([]);
  });

  const isReady = (node: string): boolean => {
    const found = under.nodes.get({ node });
    return found !== undefined && nodeState(found) === 'ready';
  };
  const nodesReady = () => eventually(() => ['n1', 'n2'].every(isReady), 30_000, 'ready nodes');
  const apply = async (workload: string, count: number) => {
    const spec = { count, command: ['sleep', '600'], grace: '1s' };
    expect(await under.apply(workload, spec)).toMatchObject({ ok: true });
  };
  const values = new Map<string, Uint8Array>();
  /** Writes over a key and remembers what was there. */
  const spoil = async (key: string, text: string): Promise<void> => {
    const subject = storeSubject('shoal', key);
    const before = await foreign.request(`$JS.API.DIRECT.GET.KV_shoal.${subject}`);
    values.set(key, before.data);
    await foreign.request(subject, text);
  };
  const about = () => [...letters.entries()].map(({ value }) => value.about).sort();

  test('nothing is ended, nothing falls, others go on, and it is mended by writing the key', async () => {
    const before = JSON.stringify([...(await under.running())]);
    const [one] = under.ready('calm');
    const keys = ['for.n1.ledger', `instance.default.${one?.instance}`, 'workload.default.calm'];
    await spoil('workload.default.calm', '{"kind":"service","spec":');
    await spoil('for.n1.ledger', '{"node":"n1","accepts":"of the future"}');
    await spoil(`instance.default.${one?.instance}`, 'rubbish');
    await eventually(() => about().length === 3, 10_000, 'three letters');
    expect(about()).toEqual(keys);
    // Everybody begins anew with it in place.
    for (const name of ['agent-n1', 'agent-n2', 'control']) {
      await under.fabric.child(name).stop('SIGKILL');
    }
    await under.fabric.startControl('control');
    for (const node of ['n1', 'n2']) await under.fabric.startAgent(node);
    // Others are decided, on the node whose ledger can be read.
    await apply('other', 1);
    await eventually(() => under.ready('other').length === 1, 40_000, 'the other one');
    expect(under.ready('other').map((each) => each.node)).toEqual(['n2']);
    // Past a sweep of everybody.
    const from = Date.now();
    await eventually(() => Date.now() - from > 17_000, 30_000, 'a sweep of every actor');
    const now = [...(await under.running())].filter(([name]) => name.includes('.calm-'));
    for (const each of JSON.parse(before)) expect(now).toContainEqual(each);
    expect(about()).toEqual(keys);
    const refused = await ask(under.bus.ports, workloadScale, calm, { count: 3 });
    expect(refused.answer.ok).toBe(false);
    // A person writes them again.
    for (const [key, value] of values) await foreign.request(storeSubject('shoal', key), value);
    await eventually(() => about().length === 0, 10_000, 'no letters');
    await nodesReady();
    await eventually(() => under.ready('calm').length === 2, 30_000, 'two instances');
    const { answer } = await ask(under.bus.ports, workloadScale, calm, { count: 3 });
    expect(answer).toMatchObject({ ok: true });
    await eventually(() => under.ready('calm').length === 3, 30_000, 'three instances');
    const after = [...(await under.running())];
    for (const each of JSON.parse(before)) expect(after).toContainEqual(each);
  });
});
