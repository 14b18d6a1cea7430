/** The command line as people start it, on a bus, a control plane and a gateway; without nodes. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startControl } from '../../../actors/main.ts';
import { silentLog } from '../../../actors/runtime/log.ts';
import { type OpenGateway, openGateway } from '../../../gateway/main.ts';
import { freePort } from '../../../nats/start.ts';
import { type NatsFixture, natsFixture } from '../../support/nats.ts';
import { eventually } from '../../support/ports.ts';
import { Running, shoal } from '../../support/running.ts';
import { shoalHere } from '../../support/shoal-here.ts';

let bus: NatsFixture;
let gateway: OpenGateway;
let stopControl: () => Promise<void>;
let environment: Readonly<Record<string, string>>;

beforeAll(async () => {
  bus = await natsFixture([
    { role: 'control', name: 'test' },
    { role: 'control', name: 'control' },
    { role: 'gateway', name: 'gateway' },
    { role: 'operator', name: 'operator' },
  ]);
  const own = (user: string) => ({
    SHOAL_NATS: bus.url,
    SHOAL_SEED: join(bus.folder, 'keys', `${user}.nk`),
  });
  stopControl = await startControl(silentLog, own('control-control'));
  gateway = await openGateway(silentLog, {
    ...own('gateway-gateway'),
    SHOAL_GATEWAY_PORT: '0',
    SHOAL_INGRESS_PORT: '0',
  });
  environment = { SHOAL_GATEWAY: gateway.apiUrl, ...own('operator-operator') };
});

afterAll(async () => {
  await gateway?.stop();
  await stopControl?.();
  await bus?.[Symbol.asyncDispose]();
});

const run = (words: string, stdin?: string | Uint8Array) =>
  shoal(words.split(' '), environment, stdin);
/** Without a process of its own, where it is about what is said. */
const here = (words: string, stdin?: string) => shoalHere(words.split(' '), environment, stdin);
const manifest = (count: number): string =>
  `apiVersion: shoal/v1\nkind: service\nmetadata: {name: hello}\nspec:\n  count: ${count}\n  command: [serve]\n`;

test('a manifest that is not understood is refused with its line, and nothing is there', async () => {
  const bad = await run('apply -f -', manifest(2).replace('count', 'cout'));
  expect(bad).toEqual({
    code: 2,
    out: '',
    err: 'stdin:5:3: spec.cout: unknown key, did you mean "count"?\nerror: 1 problem in the manifests; nothing was sent\n',
  });
  expect(await run('get workloads')).toEqual({
    code: 0,
    out: '',
    err: 'no workloads in tenant default\n',
  });
});

describe.sequential('a life without nodes', () => {
  test('what cannot be placed yet is accepted and waits', async () => {
    const dry = await here('apply --dry-run -f -', manifest(2));
    expect(dry.out).toBe(
      'service hello: would be created; 0 of 2 instances would be placed now: there are no nodes yet, all would wait\n',
    );
    expect(await run('apply -f -', manifest(2))).toEqual({
      code: 0,
      out: 'service hello created (generation 1)\n',
      err: '',
    });
    const again = await here('apply -f - --wait 300ms', manifest(2));
    expect(again).toMatchObject({ code: 4, out: 'service hello unchanged (generation 1)\n' });
    expect(again.err).toContain('error: hello is not ready after 300ms');
    await eventually(async () => (await here('get workload hello')).out.includes('waiting'));
    expect((await here('get instances')).out).toMatch(
      /^hello-\w{5} +hello +pending .*there are no nodes yet$/m,
    );
  });

  test('and can be scaled, described, and explained', async () => {
    expect((await here('scale hello --count 3')).out).toBe(
      'workload hello scaled to 3 (generation 2)\n',
    );
    const { items } = JSON.parse((await here('get workloads -o json')).out);
    expect(items).toMatchObject([
      { name: 'hello', generation: 2, instances: { wanted: 3, ready: 0 } },
    ]);
    const { out } = await here('describe workload hello');
    expect(out).toMatch(/Last +scaled: from 2 to 3/);
    expect(out).toMatch(/Events\n {2}AGE .*\n.*created +service of 2/);
    expect((await here('explain -f -', manifest(1))).out).toContain('there are no nodes yet');
    expect((await here('logs hello')).err).toBe('hello has printed nothing\n');
  });

  test('is refused with code and id where the fabric says no', async () => {
    const job = manifest(1).replace('kind: service', 'kind: job');
    const kind = await here('apply -f -', job);
    expect(kind.code).toBe(1);
    expect(kind.err).toMatch(
      /^job hello was refused\nerror: A workload keeps its kind.*\n.*\n {2}code workload-kind-fixed, id \S+\n {2}next: /,
    );
    expect((await here('scale helo --count 1')).err).toContain('code workload-not-found');
    expect((await here('node cordon nowhere')).err).toContain('code node-not-found');
  });

  test('is followed: events come while they happen, and Ctrl-C ends it with 130', async () => {
    const watching = new Running(['events', '-w', '--workload', 'hello'], environment);
    try {
      // The watch begins when it begins: the workload is scaled until it is seen.
      let count = 1;
      await eventually(async () => {
        count = 3 - count;
        await here(`scale hello --count ${count}`);
        return watching.out.includes('scaled');
      }, 30_000);
      watching.child.kill('SIGINT');
      expect(await watching.end()).toMatchObject({ code: 130, err: '' });
    } finally {
      watching.child.kill('SIGKILL');
    }
  });

  test('and goes', async () => {
    const { code, out, err } = await here('delete -f - --wait 20s', manifest(1));
    expect([code, out.startsWith('workload hello is being deleted')]).toEqual([0, true]);
    expect(err).toContain('workload hello: gone');
    expect((await here('delete workload hello')).code).toBe(1);
    expect((await here('get workload hello')).code).toBe(1);
  });
});

test('versions and actors', async () => {
  const told = (await run('version')).out;
  expect(told).toMatch(/^shoal +\d.*\ngateway +\d.*\ncontrol +\d.*, acts\nagents +none\n/);
  expect(told).toMatch(/^bus +nats-server \d/m);
  const { out, code } = await run('micro');
  expect(code).toBe(0);
  for (const actor of ['gateway', 'membership', 'scheduler', 'workload']) {
    expect(out).toMatch(new RegExp(`^shoal-${actor} `, 'm'));
  }
  expect(out).toMatch(/^ACTOR +ID +ROLE +REQUESTS +ERRORS +MEAN +STEPS/);
});

test('nobody there: exit 3 with what to do', async () => {
  const nowhere = {
    SHOAL_GATEWAY: `http://127.0.0.1:${await freePort()}`,
    SHOAL_NATS: `nats://127.0.0.1:${await freePort()}`,
  };
  const gatewayless = await shoal(['get', 'nodes'], nowhere);
  expect(gatewayless).toMatchObject({ code: 3, out: '' });
  expect(gatewayless.err).toMatch(/connection refused.*make up.*SHOAL_GATEWAY/);
  const busless = await shoal(['micro'], nowhere);
  expect(busless).toMatchObject({ code: 3, out: '' });
  expect(busless.err).toMatch(/no nats-server at.*make up/);
});

test('a reader that has enough ends it quietly', async () => {
  const running = new Running(['help'], environment);
  running.child.stdout?.destroy();
  expect(await running.end()).toMatchObject({ code: 0, err: '' });
});

test('decode reads stdin to its end', async () => {
  expect(await run('decode', '{"a": [1]}')).toEqual({ code: 0, out: '{"a":[1]}\n', err: '' });
});
