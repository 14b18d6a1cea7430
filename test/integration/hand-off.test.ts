/**
 * Hand-offs on real servers with real processes: what a slot is given is there when the answer comes,
 * a slot that takes it badly is nobody's, and whatever dies meanwhile, the command ran once on what is held.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../nats/start.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { type Call, putPool } from '../support/gateway-calls.ts';
import { GrpcClient } from '../support/grpc-client.ts';
import { eventually } from '../support/ports.ts';

/** Longer than anything here takes on a busy machine, in milliseconds. */
const LONG_MS = 60_000;

let under: FabricUnderTest;
let grpc: GrpcClient;
/** Where commands write down that they ran: outside of what they run beside. */
let marks: string;
beforeAll(async () => {
  marks = await mkdtemp(join(tmpdir(), 'shoal-marks-'));
  const port = await freePort();
  const environment = { SHOAL_GRPC_PORT: String(port) };
  under = await fabricUnderTest(['n1', 'n2'], { copies: 2, environment });
  grpc = new GrpcClient(`127.0.0.1:${port}`);
  // Commands beside a slot share what it may have: with less the kernel ends them now and then.
  const template = { command: ['sleep', '3600'], resources: { cpu: '1m', memory: '32Mi' } };
  const spec = { template: { ...template, grace: '1s' }, ready: 6, maximum: 24, ttl: '30m' };
  expect((await putPool(call, 'demo', spec)).status).toBe(201);
  await full();
});
afterAll(async () => {
  grpc?.[Symbol.dispose]();
  await under?.[Symbol.asyncDispose]();
  await rm(marks, { recursive: true, force: true });
});

const call: Call = (...asked) => under.call(...asked);

const full = () =>
  eventually(
    async () => (await call('GET', 'pools/demo')).body.slots.ready === 6,
    LONG_MS,
    'six are ready',
  );
const sh = (script: string) => ['sh', '-c', script];
const claim = (
  handOff: object,
  { key, query = '?wait=5m' }: { key?: string; query?: string } = {},
) =>
  call('POST', `pools/demo/claims${query}`, {
    body: { ttl: '20m', handOff },
    ...(key === undefined ? {} : { key }),
  });
/** Slots on which a command that marks itself ran, one line each. */
const ranOn = async (mark: string): Promise<readonly string[]> => {
  const text = await readFile(join(marks, mark), 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '');
};
const marking = (mark: string) => `echo "$SHOAL_WORKLOAD" >> ${join(marks, mark)}`;
const acting = () =>
  (under.leases.get({ actor: 'pool', shard: '0' })?.holder ?? '').replace(/-[^-]+$/, '');

test('files, environment and command are there when the answer comes', async () => {
  const { status, body } = await claim({
    environment: { SHOP: 'one "two"' },
    files: [{ path: '/etc/shop.conf', text: 'a=b\n' }],
    command: sh('cat etc/shop.conf; echo "$SHOP"; echo "$SHOAL_WORKLOAD" > who'),
  });
  expect(status).toBe(201);
  expect(body).toMatchObject({
    state: 'held',
    handOff: { state: 'done', exitCode: 0, output: 'a=b\none "two"\n' },
  });
  const looked = await under.shoal(['exec', body.id, '--', 'cat', 'who']);
  expect(looked.out.trim()).toBe(body.id);
  expect((await call('GET', `claims/${body.id}`)).body.handOff.exitCode).toBe(0);
  const plain = await call('POST', 'pools/demo/claims');
  expect(plain.body.handOff).toBeUndefined();
});

test('what fails takes three slots, which are drained, and says why', async () => {
  const { status, body } = await claim({
    command: sh(`${marking('fails')}; echo no shop; exit 3`),
  });
  expect([status, body.code]).toEqual([422, 'hand-off-failed']);
  expect(body.detail).toContain('3 slots were no good');
  expect(body.detail).toContain('exited with 3: no shop');
  const slots = await ranOn('fails');
  expect(new Set(slots).size).toBe(3);
  const held: { readonly id: string }[] = (await call('GET', 'claims')).body.items;
  for (const { id } of held) expect(slots).not.toContain(id);
  await full();
});

test('what fails on one slot is done on the next', async () => {
  const once = join(marks, 'once');
  const script = `${marking('second')}; mkdir ${once} 2>/dev/null && exit 1; exit 0`;
  const { status, body } = await claim({ command: sh(script) });
  expect(status).toBe(201);
  const slots = await ranOn('second');
  expect(slots).toHaveLength(2);
  expect(slots[1]).toBe(body.id);
});

test('by one key it is done once, and what takes long is waited for', async () => {
  const handOff = { command: sh(`${marking('key')}; sleep 2`), timeout: '50s' };
  const asked = Array.from({ length: 4 }, (_, at) =>
    claim(handOff, { key: 'order-1', query: at % 2 ? '?wait=5m' : '' }),
  );
  const answers = await Promise.all(asked);
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  expect(await ranOn('key')).toEqual([answers[0]?.body.id]);
  const other = await claim({ command: ['true'] }, { key: 'order-1' });
  expect([other.status, other.body.code]).toEqual([422, 'key-reused']);
});

test('over gRPC it is told and refused as over HTTP', async () => {
  const acquire = (handOff: object, more: object = {}) => ({
    ...{ name: 'demo', ttl: '20m', wait: '5m', handOff },
    ...more,
  });
  const given = {
    environment: { SHOP: 'one "two"' },
    files: [{ path: 'etc/shop.conf', base64: Buffer.from('a=b\n').toString('base64') }],
    command: sh(`${marking('rpc')}; cat etc/shop.conf; echo "$SHOP"`),
  };
  const first = acquire(given, { idempotencyKey: 'rpc-1' });
  const { answer } = await grpc.call('Pools/AcquireClaim', first);
  const came = { state: 'done', exitCode: 0, output: 'a=b\none "two"\n' };
  expect(answer).toMatchObject({ state: 'held', pool: 'demo', handOff: came });
  const again = await grpc.call('Pools/AcquireClaim', first);
  expect(again.answer).toMatchObject({ id: answer.id, handOff: came });
  expect(await ranOn('rpc')).toEqual([answer.id]);
  expect((await grpc.call('Pools/GetClaim', { id: answer.id })).answer.handOff).toEqual(
    (await call('GET', `claims/${answer.id}`)).body.handOff,
  );
  // Nothing but files, which is all of it: no command comes from an empty list.
  const files = await grpc.call('Pools/AcquireClaim', acquire({ files: given.files }));
  expect(files.answer.handOff).toEqual({ state: 'done' });
  const looked = await under.shoal(['exec', files.answer.id, '--', 'cat', 'etc/shop.conf']);
  expect(looked.out).toBe('a=b\n');
  const refusals = [
    [
      acquire({ command: sh('echo no shop; exit 3') }),
      ...[status.FAILED_PRECONDITION, /hand-off-failed/, /exited with 3: no shop/],
    ],
    [
      acquire({ command: ['true'] }, { idempotencyKey: 'rpc-1' }),
      ...[status.INVALID_ARGUMENT, /key-reused/, /./],
    ],
    [acquire({}), status.INVALID_ARGUMENT, /request-malformed/, /handOff: needs files/],
    [
      acquire({ command: ['true'], timeout: '2m' }),
      ...[status.INVALID_ARGUMENT, /request-malformed/, /timeout: from 1ms to 1m/],
    ],
  ] as const;
  for (const [request, code, reason, why] of refusals) {
    const refused = await grpc.refused('Pools/AcquireClaim', request);
    const [details] = refused.metadata.get('grpc-status-details-bin');
    expect([refused.code, String(details), refused.details]).toEqual([
      ...[code, expect.stringMatching(reason), expect.stringMatching(why)],
    ]);
  }
  await full();
});

test.each(['control', 'agent', 'gateway'] as const)(
  'whoever dies in the middle (%s), it ran once on the slot that is held',
  async (who) => {
    await full();
    const handOff = { command: sh(`${marking(who)}; sleep 3`), timeout: '50s' };
    const key = `order-${who}`;
    const first = claim(handOff, { key, query: '?wait=5m' }).catch(() => undefined);
    await eventually(async () => (await ranOn(who)).length > 0, LONG_MS, 'it has begun');
    const [slot = ''] = await ranOn(who);
    const tokens = { tenant: 'default', pool: 'demo', slot };
    const node = under.slots.get(tokens)?.endpoint?.node ?? '';
    const victim = { control: acting(), agent: `agent-${node}`, gateway: 'gateway' }[who];
    await under.fabric.child(victim).stop('SIGKILL');
    if (who === 'control') await under.fabric.startControl(victim);
    if (who === 'agent') await under.fabric.startAgent(node);
    if (who === 'gateway') await under.fabric.startGateway();
    await first;
    const { status, body } = await claim(handOff, { key, query: '?wait=5m' });
    expect(status).toBe(201);
    const slots = await ranOn(who);
    expect(slots.filter((each) => each === body.id)).toHaveLength(1);
    expect(new Set(slots).size).toBe(slots.length);
    if (who === 'control') expect(slots).toEqual([body.id]);
  },
);

test('bad asks are refused before anything is claimed, and the command line says the same', async () => {
  const before = (await call('GET', 'claims')).body.items.length;
  for (const handOff of [
    {},
    { environment: { A: 'b' } },
    { command: ['true'], timeout: '2m' },
    { command: ['true'], environment: { 'A=': 'b' } },
    { files: [{ path: 'a', text: 'x'.repeat(65_536) }] },
    { files: [{ path: '../a', text: '' }] },
  ]) {
    const { status, body } = await claim(handOff);
    expect([status, body.code]).toEqual([400, 'request-malformed']);
  }
  const shoal = (...words: readonly string[]) => under.shoal(['claim', 'demo', ...words]);
  expect((await shoal('--', 'true')).code).toBe(2);
  expect((await shoal('--env', 'A=b')).code).toBe(2);
  expect((await shoal('--exec')).code).toBe(2);
  expect((await shoal('--file', 'nowhere:/a')).code).toBe(2);
  expect((await call('GET', 'claims')).body.items).toHaveLength(before);
});

test('shoal claim --file --env --exec', async () => {
  const local = join(marks, 'local.sh');
  await writeFile(local, '#!/bin/sh\necho "in $SHOP"\n', { mode: 0o755 });
  const line = [
    'claim',
    'demo',
    '--env',
    'SHOP=one',
    '--file',
    `${local}:bin/go`,
    '--exec',
    '--wait',
  ];
  const { out, code } = await under.shoal([...line, '--', './bin/go']);
  expect([code, out]).toEqual([0, expect.stringMatching(/Handed off +done, exit 0[\s\S]*in one/)]);
  await full();
  const json = await under.shoal(['claim', 'demo', '--json', '--exec', '--', 'true']);
  expect(JSON.parse(json.out).handOff).toEqual({ state: 'done', exitCode: 0 });
  await full();
  const failed = await under.shoal(['claim', 'demo', '--exec', '--', 'false']);
  expect([failed.code, failed.err]).toEqual([1, expect.stringContaining('hand-off-failed')]);
});
