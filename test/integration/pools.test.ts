/**
 * Pools on real servers, with real processes: each slot is handed out once whoever asks at once, what
 * was claimed comes back as another slot, a node's death costs only its slots, the death of the copy
 * that acts costs no claim, and in the end nothing is left.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Slot } from '../../subjects/index.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { type Call, claimed, putPool, type Reply } from '../support/gateway-calls.ts';
import { eventually } from '../support/ports.ts';

/** Longer than anything here takes on a busy machine, in milliseconds. */
const LONG_MS = 60_000;
const program = `
  const http = require('http');
  http.createServer((request, response) => response.end('warm')).listen(process.env.PORT);
`;

interface Claim {
  readonly id: string;
  readonly state: string;
  readonly address: string;
  readonly ports: { readonly http: number };
  readonly until: string;
}

let under: FabricUnderTest;
beforeAll(async () => {
  under = await fabricUnderTest(['n1', 'n2'], { copies: 2 });
});
afterAll(async () => {
  await under?.[Symbol.asyncDispose]();
});

const call: Call = (...asked) => under.call(...asked);
const apply = (more: object = {}, name = 'demo') =>
  putPool(call, name, {
    template: {
      ...{ command: ['node', '-e', program], ports: [{ name: 'http' }] },
      ...{ resources: { cpu: '20m', memory: '16Mi' }, grace: '1s' },
    },
    ...{ ready: 5, maximum: 5, ttl: '30m', maximumTtl: '2h', ...more },
  });
/** Asks once: what is answered may also be that there is none. */
const acquire = (ttl?: string, pool = 'demo') =>
  call('POST', `pools/${pool}/claims`, { body: ttl ? { ttl } : {} });
/** Has a claim. */
const held = (ttl?: string): Promise<Claim> => claimed(call, 'demo', ttl ? { ttl } : {});
const slots = async (pool = 'demo') => (await call('GET', `pools/${pool}`)).body.slots;
const full = (counts: object = { ready: 5 }, pool = 'demo') =>
  eventually(
    async () => JSON.stringify(await slots(pool)) === text(counts),
    LONG_MS,
    `slots: ${text(counts)}`,
  );
const isOver = async ({ id }: Claim) => {
  const { status, body } = await call('GET', `claims/${id}`);
  return status === 404 || body.state === 'over';
};
const isReadyOn = ({ state, endpoint }: Slot, node: string) =>
  state === 'ready' && endpoint?.node === node;
const nameOf = ({ name }: { readonly name: string }) => name;
/** The program of the copy that acts for pools. */
const acting = () =>
  (under.leases.get({ actor: 'pool', shard: '0' })?.holder ?? '').replace(/-[^-]+$/, '');
const text = (of: object) =>
  JSON.stringify({ warming: 0, ready: 0, claimed: 0, draining: 0, ...of });
const areClaimed = (count: number) =>
  eventually(async () => (await slots()).claimed === count, LONG_MS, `${count} are claimed`);

test('a pool of five on two nodes', async () => {
  const put = await apply();
  expect([put.status, put.body]).toEqual([201, { name: 'demo', generation: 1, change: 'created' }]);
  await full();
  expect((await call('GET', 'workloads')).body.items).toEqual([]);
  const all: { readonly name: string }[] = (await call('GET', 'workloads?all=true')).body.items;
  expect(all).toHaveLength(5);

  // Twenty at once: each slot is handed out once, the rest is told to come again.
  const answers = await Promise.all(Array.from({ length: 20 }, () => acquire()));
  const claims = answers.filter(({ status }) => status === 201).map(({ body }) => body as Claim);
  expect(new Set(claims.map(({ id }) => id)).size).toBe(5);
  expect(claims).toHaveLength(5);
  const refused = answers.filter(({ status }) => status !== 201);
  for (const { status, headers, body } of refused) {
    expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'pool-empty', '1']);
  }
  for (const { address, ports } of claims) {
    const answer = await fetch(`http://${address}:${ports.http}/`);
    expect(await answer.text()).toBe('warm');
  }

  // Nobody but its pool changes the workload of a slot.
  const owned = await call('DELETE', `workloads/${claims[0]?.id}`);
  expect([owned.status, owned.body.code]).toEqual([409, 'workload-owned']);

  // Extended within bounds, released, and released again.
  const [one, other, third] = claims as [Claim, Claim, Claim];
  const extended = await call('POST', `claims/${one.id}/extend`, { body: { by: '1m' } });
  expect(Date.parse(extended.body.until) - Date.parse(one.until)).toBe(60_000);
  const tooLong = await call('POST', `claims/${one.id}/extend`, { body: { by: '2h' } });
  expect([tooLong.status, tooLong.body.code]).toEqual([422, 'ttl-too-long']);
  expect((await call('GET', `claims/${one.id}`)).body).toMatchObject({ state: 'held' });
  const released = await call('DELETE', `claims/${one.id}`);
  expect(released.body).toMatchObject({ wasOver: false, claim: { id: one.id, state: 'over' } });
  const again = await call('DELETE', `claims/${one.id}`);
  if (again.status === 200) expect(again.body.wasOver).toBe(true);
  else expect(again.body.code).toBe('claim-not-found');
  await eventually(async () => (await slots()).ready === 1, LONG_MS, 'another slot');
  const next = await held('3s');
  expect(claims.map(({ id }) => id)).not.toContain(next.id);

  // Its time is up: it comes back as another slot.
  await areClaimed(4);
  expect(Date.now()).toBeGreaterThan(Date.parse(next.until) - 50);
  const gone = async () => (await call('GET', `claims/${next.id}`)).status === 404;
  await eventually(gone, LONG_MS, 'its slot is gone');

  for (const { id } of [other, third, ...claims.slice(3)]) await call('DELETE', `claims/${id}`);
  await full();
});

test('a node that dies costs its slots, and nobody is given one of them again', async () => {
  await full();
  const claim = await held();
  await under.fabric.killNode('n2');
  const there = () => [...under.slots.entries()].filter(({ value }) => isReadyOn(value, 'n2'));
  await eventually(() => there().length === 0, LONG_MS, 'none of its slots is ready');
  // The claim stands, wherever its slot was: its workload goes elsewhere.
  await full({ ready: 4, claimed: 1 });
  const all = (await call('GET', 'workloads?all=true')).body.items;
  expect(all.length).toBeGreaterThanOrEqual(5);
  const taken: Claim[] = [];
  for (let count = 0; count < 4; count++) taken.push(await held());
  for (const { address, ports } of taken) {
    expect((await fetch(`http://${address}:${ports.http}/`)).status).toBe(200);
  }
  for (const { id } of [claim, ...taken]) {
    expect((await call('DELETE', `claims/${id}`)).status).toBe(200);
  }
  await full();
});

test('the copy that acts dies: callers get slots all the same, and claims end in time', async () => {
  await full();
  const claim = await held('6s');
  const victim = acting();
  const ended = under.fabric.child(victim).stop('SIGKILL');
  const meanwhile = await held();
  expect(meanwhile.state).toBe('held');
  await ended;
  await eventually(() => acting() !== victim && acting() !== '', LONG_MS, 'another acts');
  await eventually(() => isOver(claim), LONG_MS, 'its time is up');
  expect(Date.now()).toBeGreaterThan(Date.parse(claim.until) - 50);
  expect(await isOver(meanwhile)).toBe(false);
  await call('DELETE', `claims/${meanwhile.id}`);
  await under.fabric.startControl(victim);
  await full();
});

test('200 callers at once, while the copy that acts dies: no slot is handed out twice', async () => {
  const template = { command: ['sleep', '3600'], resources: { cpu: '1m', memory: '1Mi' } };
  const many = { template: { ...template, grace: '1s' }, ready: 20, maximum: 30 };
  await apply(many, 'many');
  await full({ ready: 20 }, 'many');
  const victim = acting();
  const asked = Array.from({ length: 200 }, () => acquire(undefined, 'many'));
  const ended = under.fabric.child(victim).stop('SIGKILL');
  const answers = await Promise.all(asked);
  await ended;
  const claims = answers.filter(({ status }) => status === 201).map(({ body }) => body as Claim);
  expect(new Set(claims.map(({ id }) => id)).size).toBe(claims.length);
  expect(claims.length).toBeGreaterThanOrEqual(20);
  expect(claims.length).toBeLessThanOrEqual(30);
  const refused = answers.filter(({ status }) => status !== 201);
  expect(new Set(refused.map(({ body }) => body.code))).toEqual(new Set(['pool-empty']));
  // A caller whose answer was lost would have a claim that nobody knows of.
  const known: Claim[] = (await call('GET', 'claims?pool=many')).body.items;
  expect(known.map(({ id }) => id).sort()).toEqual(claims.map(({ id }) => id).sort());
  await full({ ready: 30 - claims.length, claimed: claims.length }, 'many');
  await under.fabric.startControl(victim);

  // Deleted while they are held: they go on, and it goes with the last.
  expect((await call('DELETE', 'pools/many')).body).toMatchObject({ claims: claims.length });
  await full({ claimed: claims.length }, 'many');
  await Promise.all(claims.map(({ id }) => call('DELETE', `claims/${id}`)));
  const isGone = async () => (await call('GET', 'pools/many')).status === 404;
  await eventually(isGone, LONG_MS, 'the pool is gone');
});

test('a pool that is purged replaces what nobody has', async () => {
  await full();
  const claim = await held();
  await full({ ready: 4, claimed: 1 });
  const before = (await call('GET', 'workloads?all=true')).body.items.map(nameOf);
  expect((await call('POST', 'pools/demo/purge')).body).toMatchObject({ slots: 4 });
  const left = async () => {
    const names: string[] = (await call('GET', 'workloads?all=true')).body.items.map(nameOf);
    return names.filter((name) => before.includes(name));
  };
  await eventually(async () => (await left()).length === 1, LONG_MS, 'they are gone');
  expect(await left()).toEqual([claim.id]);
  await full({ ready: 4, claimed: 1 });
  await call('DELETE', `claims/${claim.id}`);
  await full();
});

test('what is asked wrongly is refused with its code', async () => {
  const codes = async (reply: Promise<Reply>) => {
    const { status, body } = await reply;
    return [status, body.code];
  };
  expect(await codes(acquire('-5s'))).toEqual([400, 'request-malformed']);
  expect(await codes(acquire('0s'))).toEqual([400, 'request-malformed']);
  expect(await codes(acquire('121m'))).toEqual([422, 'ttl-too-long']);
  expect(await codes(call('POST', 'pools/none/claims', { body: {} }))).toEqual([
    404,
    'pool-not-found',
  ]);
  expect(await codes(call('GET', 'claims/demo-none'))).toEqual([404, 'claim-not-found']);
  expect(await codes(call('DELETE', 'claims/demo-none'))).toEqual([404, 'claim-not-found']);
  expect(await codes(apply({ ready: 6 }))).toEqual([422, 'manifest-malformed']);
});

test('a pool that is deleted leaves nothing', async () => {
  await full();
  const claim = await held();
  expect((await call('DELETE', 'pools/demo')).body).toMatchObject({ claims: 1 });
  expect((await acquire()).body.code).toBe('pool-deleting');
  await call('DELETE', `claims/${claim.id}`);
  const isGone = async () => (await call('GET', 'pools/demo')).status === 404;
  await eventually(isGone, LONG_MS, 'the pool is gone');
  expect((await call('GET', 'workloads?all=true')).body.items).toEqual([]);
  await eventually(
    async () => [...(await under.running()).values()].flat().length === 0,
    LONG_MS,
    'no process runs',
  );
  const booked = [...under.ledgers.entries()].flatMap(({ value }) =>
    value.accepts === 'yes' ? Object.keys(value.entries) : [],
  );
  expect(booked).toEqual([]);
});
