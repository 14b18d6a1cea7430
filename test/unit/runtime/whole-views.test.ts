/** Who acts for all decides on all that is stored, not on what it saw before it missed something. */
import { beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { defineActor, follow, on, type Received } from '../../../actors/runtime/actor.ts';
import { reply } from '../../../actors/runtime/effect.ts';
import type { Host } from '../../../actors/runtime/host.ts';
import { LEASE_MS } from '../../../actors/runtime/lease.ts';
import type { Link, MemoryConnection } from '../../../actors/runtime/memory/connection.ts';
import type { View } from '../../../actors/runtime/view.ts';
import { record, request } from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';

const roles = { from: ['gateway'], to: ['control'], summary: 'For a test.' } as const;
/** In another bucket than leases are: a copy can see the one and not the other. */
const reading = record({
  name: 'reading',
  subject: 'reading.{name}',
  schema: z.object({ value: z.number() }),
  ...{ bytesMax: 100, bucket: 'shoal-observed', ...roles },
});
const read = request({
  name: 'read',
  subject: 'shoal.read',
  schema: z.object({}),
  reply: z.object({ value: z.number(), copy: z.string() }),
  ...{ bytesMax: 100, timeoutMs: 5_000, ...roles },
});

interface Copy {
  readonly host: Host;
  readonly connection: MemoryConnection;
  readonly link: Link & { isUp: boolean; isBlind: boolean };
}

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

function join(name: string, copies?: 'acting'): Copy {
  const link = {
    ...{ isUp: true, isBlind: false, transfer: (): number | undefined => 0.2 },
    store: (ask: { readonly stream: string; readonly kind: string }) =>
      link.isBlind && ask.stream === 'shoal-observed' && ask.kind === 'list' ? 'deaf' : 'answers',
  } as Copy['link'];
  interface Views {
    readonly readings: View<typeof reading>;
  }
  const actor = defineActor<object, Views>({
    name: 'reader',
    sentence: 'Makes sure that the newest reading is told.',
    ...(copies ? { copies } : {}),
    init: () => ({}),
    routes: [
      on(read, (_state, ask: Received<typeof read>, { views }) => [
        reply(read, ask.from, { value: views.readings.get({ name: 'a' })?.value ?? 0, copy: name }),
      ]),
    ],
    follows: { readings: follow(reading) },
    publishes: [],
    writes: [],
  });
  return { ...bench.join(actor, { link }), link } as unknown as Copy;
}
const store = (value: number): void => bench.store(reading, { name: 'a' }, { value });
/** A value is stored that a copy is not told of, and it cannot read it. */
const miss = (copy: Copy, value: number): void => {
  const { transfer } = copy.link;
  copy.link.isBlind = true;
  copy.link.transfer = () => undefined;
  store(value);
  copy.link.transfer = transfer;
};
const answerOf = () => {
  let told: unknown;
  bench.send(read, {}, {}, { answered: (answer) => (told = answer) });
  return () => told as { ok: boolean; value: { value: number; copy: string } } | undefined;
};

test('one that missed something decides when it has read all of it', () => {
  const only = join('only', 'acting');
  store(1);
  bench.clock.advance(100);
  miss(only, 2);
  bench.clock.advance(1_500);
  const answer = answerOf();
  bench.clock.advance(500);
  expect(answer()).toBeUndefined();
  expect(only.host.isActing).toBe(true);
  only.link.isBlind = false;
  bench.clock.runUntil(() => answer() !== undefined, 3_000, 'an answer');
  expect(answer()).toEqual({ ok: true, value: { value: 2, copy: 'only' } });
});

test('one that does not see all for long gives its lease to one that does', () => {
  const first = join('first', 'acting');
  const second = join('second', 'acting');
  bench.clock.advance(500);
  miss(first, 2);
  bench.clock.runUntil(() => second.host.isActing, 10_000, 'the other');
  expect(first.host.isActing).toBe(false);
  bench.clock.advance(10);
  expect(bench.ask(read, {}, {})).toEqual({ ok: true, value: { value: 2, copy: 'second' } });
  // Nor does it take it back before it sees.
  second.host.stop();
  second.connection.close();
  bench.clock.advance(4 * LEASE_MS);
  expect(first.host.isActing).toBe(false);
  first.link.isBlind = false;
  bench.clock.runUntil(() => first.host.isActing, 3_000, 'the first again');
});

test('one that takes over has seen what was stored before, in every bucket', () => {
  const first = join('first', 'acting');
  const second = join('second', 'acting');
  store(1);
  bench.clock.advance(100);
  // What it is told from now on comes late, and it does not know.
  const { transfer } = second.link;
  second.link.transfer = () => 400;
  store(2);
  second.link.transfer = transfer;
  bench.clock.advance(1);
  first.host.drain(() => undefined);
  const from = bench.clock.elapsed();
  bench.clock.runUntil(() => second.host.isActing, 3_000, 'the other');
  expect(bench.clock.elapsed() - from).toBeGreaterThan(390);
  bench.clock.advance(10);
  expect(bench.ask(read, {}, {})).toEqual({ ok: true, value: { value: 2, copy: 'second' } });
});

test('one that acts for itself goes on with what it has', () => {
  const agent = join('agent');
  store(1);
  bench.clock.advance(100);
  miss(agent, 2);
  bench.clock.advance(2_000);
  expect(bench.ask(read, {}, {})).toEqual({ ok: true, value: { value: 1, copy: 'agent' } });
});
