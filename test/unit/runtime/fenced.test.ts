/** Nothing is removed for good under a fence that is past, or that may be. */
import { beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { defineActor, on, type Received, reported } from '../../../actors/runtime/actor.ts';
import { none, reply, run } from '../../../actors/runtime/effect.ts';
import { FRESH_MS, fenced } from '../../../actors/runtime/fenced.ts';
import type { Keeper } from '../../../actors/runtime/keeper.ts';
import { LEASE_MS } from '../../../actors/runtime/lease.ts';
import { FakeClock } from '../../../actors/runtime/memory/clock.ts';
import type { Job, Store, Stored, Term } from '../../../actors/runtime/ports.ts';
import { encode, leaseRecord, request } from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';

const FENCE = 7;
const own: Term = { actor: 'retention', fence: FENCE };
const wanted = { stream: 'EVENTS', pattern: 'shoal.event.a.>', before: 10 } as const;

let clock: FakeClock;
/** What the leader is asked, and what the read is answered with. */
let asked: number;
let leader: number | undefined;
let read: Stored | null | undefined;
let answerMs: number;
let purged: (number | undefined)[];
let keeper: Keeper;

const leaseAt = (fence: number, revision: number): Stored => {
  const lease = { actor: 'retention', shard: '0', holder: 'control-1', fence, renewals: 1 };
  const body = encode(leaseRecord, lease);
  return { key: 'lease.retention.0', revision, body, headers: {}, at: 0 };
};

beforeEach(() => {
  clock = new FakeClock();
  [asked, leader, read, answerMs, purged] = [0, 20, leaseAt(FENCE, 20), 1, []];
  const store = {
    newest: (_bucket: string, _key: string, done: (revision: number | undefined) => void) => {
      asked++;
      clock.after(answerMs / 2, () => done(leader));
    },
    read: (_bucket: string, _key: string, done: (stored: typeof read) => void) => {
      clock.after(answerMs / 2, () => done(read));
    },
  } as unknown as Store;
  const open = { purge: (_of: unknown, done: (count: number) => void) => done(3) };
  keeper = fenced(open as unknown as Keeper, { store, clock });
});

const purge = (under: Term = own): void => {
  keeper.purge({ ...wanted, under }, (count) => purged.push(count));
  clock.advance(2 * answerMs);
};

test('under the newest fence it is removed', () => {
  purge();
  expect(purged).toEqual([3]);
});

test.each<[string, () => void]>([
  ['another has taken the lease', () => (read = leaseAt(FENCE + 1, 20))],
  ['nobody answers', () => (leader = undefined)],
  ['there is no lease', () => (leader = 0)],
  ['the read is not answered', () => (read = undefined)],
  ['the server that is read from is behind', () => (leader = 21)],
  ['the process stood still until the answer was handled', () => (answerMs = FRESH_MS + 1)],
])('nothing is removed where %s', (_what, happens) => {
  happens();
  purge();
  expect(purged).toEqual([undefined]);
});

test('the word of the leader counts for a while, for its term alone', () => {
  purge();
  purge();
  expect([asked, purged]).toEqual([1, [3, 3]]);
  purge({ ...own, fence: FENCE - 1 });
  expect(purged.at(-1)).toBeUndefined();
  read = leaseAt(FENCE + 1, 20);
  clock.advance(FRESH_MS);
  purge();
  expect(purged.at(-1)).toBeUndefined();
  expect(FRESH_MS).toBeLessThan(LEASE_MS);
});

const order = request({
  ...{ name: 'order', subject: 'shoal.order', schema: z.object({}), reply: z.object({}) },
  ...{ bytesMax: 100, timeoutMs: 1_000, from: ['gateway'], to: ['control'] },
  summary: 'For a test.',
});

test('a job is given the fence under which its step decided', () => {
  const bench = new Bench();
  const terms: Term[] = [];
  const actor = defineActor<object, object>({
    ...{ name: 'guard', sentence: 'Makes sure that one guards.', copies: 'acting' },
    init: () => ({}),
    routes: [
      on(order, (_state, ask: Received<typeof order>) => [
        run('note', {}),
        reply(order, ask.from, {}),
      ]),
    ],
    ...{ follows: {}, publishes: [], writes: [] },
    jobs: { ...reported('note', () => none) },
  });
  const note: Job = (_input, _report, under) => void terms.push(under);
  bench.join(actor as never, { jobs: { note } });
  expect(bench.ask(order, {}, {})).toMatchObject({ ok: true });
  const lease = bench.stored(leaseRecord, { actor: 'guard', shard: '0' });
  expect(lease?.fence).toBeGreaterThan(0);
  expect(terms).toEqual([{ actor: 'guard', fence: lease?.fence }]);
});
