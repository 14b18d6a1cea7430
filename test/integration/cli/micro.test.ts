/** `shoal micro` on a real bus, with an actor whose counts are known. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { defineActor, on, type Received } from '../../../actors/runtime/actor.ts';
import { ask } from '../../../actors/runtime/ask.ts';
import { reply } from '../../../actors/runtime/effect.ts';
import { Host } from '../../../actors/runtime/host.ts';
import { silentLog } from '../../../actors/runtime/log.ts';
import { serveHost } from '../../../actors/runtime/nats/process.ts';
import { Views } from '../../../actors/runtime/views.ts';
import { runCommandLine } from '../../../cli/program.ts';
import { request } from '../../../subjects/index.ts';
import { type NatsFixture, natsFixture } from '../../support/nats.ts';
import { noTerminal } from '../../support/no-terminal.ts';

const double = request({
  name: 'test.double',
  subject: 'shoal.test.double',
  schema: z.object({ value: z.number() }),
  reply: z.object({ value: z.number() }),
  bytesMax: 100,
  timeoutMs: 2_000,
  from: ['gateway'],
  to: ['control'],
  summary: 'For a test.',
});
const doubler = defineActor({
  name: 'doubler',
  sentence: 'Makes sure that numbers are doubled.',
  init: () => ({}),
  routes: [
    on(double, (_state: object, asked: Received<typeof double>) => [
      reply(double, asked.from, { value: 2 * asked.payload.value }),
    ]),
  ],
  follows: {},
  publishes: [],
  writes: [],
});

let bus: NatsFixture;
beforeAll(async () => {
  const control = { role: 'control', name: 'test' } as const;
  // Open, because the contracts that permissions come from know nothing of this actor.
  bus = await natsFixture([control, { role: 'operator', name: 'operator' }], { isOpen: true });
  const ports = await bus.ports(control);
  const views = new Views(ports.store, ports.clock, silentLog);
  const host = new Host(doubler, { ports, views, copy: 'doubler-1', log: silentLog });
  await new Promise<void>((resolve) => views.start(resolve));
  host.start();
  serveHost(ports.connection, host, { version: '1.2.3', id: 'doubler-1' });
  for (const value of [1, 2, 3]) await ask(ports, double, {}, { value });
});
afterAll(() => bus?.[Symbol.asyncDispose]());

async function micro(
  words: readonly string[],
): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await runCommandLine(['micro', ...words], {
    out: (text) => {
      out += `${text}\n`;
    },
    err: (text) => {
      err += `${text}\n`;
    },
    now: Date.now,
    pause: async () => undefined,
    stdin: async () => new Uint8Array(),
    edit: () => Promise.reject(new Error('nobody edits')),
    terminal: noTerminal(),
    environment: {
      SHOAL_NATS: bus.url,
      SHOAL_SEED: join(bus.folder, 'keys', 'operator-operator.nk'),
    },
    signal: new AbortController().signal,
    signals: { take: () => () => undefined },
  });
  return { code, out, err };
}

test('a line per actor, with its counts', async () => {
  const { code, out, err } = await micro([]);
  expect([code, err]).toEqual([0, '']);
  const [title, line, ...rest] = out
    .trimEnd()
    .split('\n')
    .map((each) => each.split(/ +/));
  expect(title).toEqual([
    'ACTOR',
    'ID',
    'ROLE',
    'REQUESTS',
    'ERRORS',
    'MEAN',
    'STEPS',
    'COMMITS',
    'CONFLICTS',
    'WAITING',
    'FAULTS',
  ]);
  expect(line).toEqual([
    'shoal-doubler',
    'doubler-1',
    'acting',
    '3',
    '0',
    expect.stringMatching(/s$/),
    '3',
    '0',
    '0',
    '0',
    '0',
  ]);
  expect(rest).toEqual([]);
});

test('for programs the answers as they came', async () => {
  const { items } = JSON.parse((await micro(['shoal-doubler', 'doubler-1', '-o', 'json'])).out);
  expect(items).toMatchObject([
    {
      type: 'io.nats.micro.v1.stats_response',
      name: 'shoal-doubler',
      endpoints: [{ num_requests: 3 }],
    },
  ]);
});

test('nobody of that name', async () => {
  expect(await micro(['shoal-none'])).toEqual({
    code: 0,
    out: '',
    err: 'no shoal-none answers; is a control plane running on this bus?\n',
  });
  expect(await micro(['a.b'])).toMatchObject({ code: 2 });
});
