/**
 * Idle slots on real agents: one whose readiness probe fails is handed out no more, although the keeper
 * that would say so hangs; it is drained and another takes its place, and one that is claimed stays its
 * caller's.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Slot } from '../../subjects/index.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { type Call, putPool } from '../support/gateway-calls.ts';
import { eventually } from '../support/ports.ts';

/** Longer than anything here takes on a busy machine, in milliseconds. */
const LONG_MS = 60_000;
const READY = 4;
/** Answers, until /break is called: from then on it is not ready any more. */
const program = `
  let isBroken = false;
  require('http').createServer((request, response) => {
    if (request.url === '/break') isBroken = true;
    response.writeHead(isBroken && request.url === '/ready' ? 503 : 200).end();
  }).listen(process.env.PORT);
`;

let under: FabricUnderTest;
beforeAll(async () => {
  under = await fabricUnderTest(['n1', 'n2'], { copies: 2 });
  const applied = await putPool(call, 'demo', {
    template: {
      ...{ command: ['node', '-e', program], ports: [{ name: 'http' }], grace: '1s' },
      resources: { cpu: '20m', memory: '32Mi' },
      probes: {
        readiness: {
          ...{ http: { port: 'http', path: '/ready' }, initialDelay: '0s' },
          ...{ period: '500ms', failureThreshold: 2 },
        },
      },
    },
    ...{ ready: READY, maximum: 8, ttl: '10m' },
  });
  expect(applied.status, JSON.stringify(applied.body)).toBe(201);
  await eventually(() => ready().length === READY, LONG_MS, 'all are ready');
});
afterAll(async () => {
  const processes = under?.processes;
  await under?.[Symbol.asyncDispose]();
  if (processes) expect(await processes()).toEqual([]);
});

const call: Call = (...asked) => under.call(...asked);
const slots = (): readonly Slot[] => [...under.slots.entries()].map(({ value }) => value);
const ready = () => slots().filter(({ state }) => state === 'ready');
const recordOf = (slot: string) => slots().find((each) => each.slot === slot);
/** Has a slot's program say that it is not ready any more. */
const harm = async ({ endpoint }: Slot): Promise<void> => {
  await fetch(`http://${endpoint?.address}:${endpoint?.ports['http']}/break`);
};
/** What its node sees of a slot's instance. */
const seen = ({ endpoint }: Slot) => {
  const { instance = '', node = '' } = endpoint ?? {};
  return under.observed.get({ tenant: 'default', node, instance });
};
const acting = () =>
  (under.leases.get({ actor: 'pool', shard: '0' })?.holder ?? '').replace(/-[^-]+$/, '');

test('one that is not ready any more is drained, and another takes its place', async () => {
  const [bad] = ready() as [Slot];
  await harm(bad);
  await eventually(() => recordOf(bad.slot)?.state !== 'ready', LONG_MS, 'it is on offer no more');
  await eventually(() => recordOf(bad.slot) === undefined, LONG_MS, 'nothing is left of it');
  await eventually(() => ready().length === READY, LONG_MS, 'as many are ready again');
});

test('while its keeper hangs nobody is given it', async () => {
  const [bad] = ready() as [Slot];
  const all = ready().map(({ slot }) => slot);
  const hung = under.fabric.child(acting());
  process.kill(hung.pid as number, 'SIGSTOP');
  try {
    await harm(bad);
    await eventually(() => seen(bad)?.isReady === false, LONG_MS, 'its node says so');
    // More than there are: the last of them finds none, or only new ones.
    const answers = await Promise.all(all.map(() => call('POST', 'pools/demo/claims')));
    const had = answers.filter(({ status }) => status === 201).map(({ body }) => body.id);
    expect(had).not.toContain(bad.slot);
    expect(had.length).toBeGreaterThanOrEqual(READY - 1);
    for (const { status, body } of answers) {
      if (status !== 201) expect([status, body.code]).toEqual([503, 'pool-empty']);
    }
    for (const id of had) expect((await call('DELETE', `claims/${id}`)).status).toBe(200);
  } finally {
    process.kill(hung.pid as number, 'SIGCONT');
  }
  await eventually(() => recordOf(bad.slot) === undefined, LONG_MS, 'nothing is left of it');
  await eventually(() => ready().length === READY, LONG_MS, 'as many are ready again');
});

test('one that is claimed stays its caller’s', async () => {
  const { body } = await call('POST', 'pools/demo/claims');
  const mine = recordOf(body.id) as Slot;
  await harm(mine);
  await eventually(() => seen(mine)?.isReady === false, LONG_MS, 'its node says so');
  await eventually(() => ready().length === READY, LONG_MS, 'as many are ready again');
  expect((await call('GET', `claims/${body.id}`)).body).toMatchObject({ state: 'held' });
  expect((await call('DELETE', `claims/${body.id}`)).body).toMatchObject({ wasOver: false });
});
