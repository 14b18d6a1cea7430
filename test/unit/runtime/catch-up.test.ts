/** A conflict with news that come late: nobody decides again before they are there. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineActor, follow, on, type Received } from '../../../actors/runtime/actor.ts';
import { commit, put, reply } from '../../../actors/runtime/effect.ts';
import { Host } from '../../../actors/runtime/host.ts';
import { silentLog } from '../../../actors/runtime/log.ts';
import { FakeClock } from '../../../actors/runtime/memory/clock.ts';
import type { Follower, Store, Stored } from '../../../actors/runtime/ports.ts';
import type { View } from '../../../actors/runtime/view.ts';
import { Views } from '../../../actors/runtime/views.ts';
import { record, request } from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';

const roles = { from: ['gateway'], to: ['control'], summary: 'For a test.' } as const;
const tally = record({
  name: 'tally',
  subject: 'tally.{name}',
  schema: z.object({ value: z.number() }),
  bytesMax: 100,
  bucket: 'shoal',
  ...roles,
});
const add = request({
  name: 'tally.add',
  subject: 'shoal.tally.{name}.add',
  schema: z.object({}),
  reply: z.object({ value: z.number() }),
  bytesMax: 100,
  timeoutMs: 20_000,
  ...roles,
});
/** Longer than any patience there was. */
const LATE_MS = 5_000;

test('a step runs once on what it had, and once on what the conflict has shown', () => {
  const bench = new Bench();
  const { ports } = bench.connection();
  let lateMs = 0;
  const store: Store = {
    ...ports.store,
    follow: (bucket, patterns, follower) =>
      ports.store.follow(bucket, patterns, {
        change: (stored, isNext) =>
          void ports.clock.after(lateMs, () => follower.change(stored, isNext)),
        current: (keys, revision) =>
          void ports.clock.after(lateMs, () => follower.current(keys, revision)),
      }),
  };
  const seen: number[] = [];
  interface Tallies {
    readonly tallies: View<typeof tally>;
  }
  const actor = defineActor<object, Tallies>({
    name: 'teller',
    sentence: 'Makes sure that tallies add up.',
    init: () => ({}),
    routes: [
      on(add, (_state, ask: Received<typeof add>, { views }) => {
        const { name } = ask.tokens;
        const before = views.tallies.get({ name })?.value ?? 0;
        seen.push(before);
        const value = before + 1;
        return [commit(put(tally, { name }, { value })), reply(add, ask.from, { value })];
      }),
    ],
    follows: { tallies: follow(tally) },
    publishes: [],
    writes: [tally],
  });
  const views = new Views(store, ports.clock, silentLog);
  const host = new Host(actor, { ports: { ...ports, store }, views, copy: 'c', log: silentLog });
  views.start(() => host.start());
  bench.clock.advance(100);
  lateMs = LATE_MS;
  bench.store(tally, { name: 'a' }, { value: 7 });
  expect(bench.ask(add, { name: 'a' }, {})).toEqual({ ok: true, value: { value: 8 } });
  expect(seen).toEqual([0, 7]);
});

describe('views that are read anew after a loss', () => {
  const followed = () => {
    let follower: Follower | undefined;
    const store: Pick<Store, 'follow'> = {
      follow: (_bucket, _patterns, given) => {
        follower = given;
        return () => undefined;
      },
    };
    const clock = new FakeClock();
    const views = new Views(store as Store, clock, silentLog);
    views.follow(tally);
    views.start(() => undefined);
    const stored = (name: string, revision: number): Stored => {
      const body = new TextEncoder().encode('{"value":1}');
      return { key: `tally.${name}`, revision, body, headers: {}, at: 0 };
    };
    const reached: boolean[] = [];
    const catchUp = (revision: number): void =>
      views.catchUp('shoal', revision, (isReached) => void reached.push(isReached));
    return { views, clock, stored, reached, catchUp, to: () => follower as Follower };
  };

  test('have not seen what is listed behind what comes: it may have been replaced further on', () => {
    const { clock, stored, reached, catchUp, to } = followed();
    catchUp(4);
    // What was written at 2 is listed where it stands now, at 9.
    to().change(stored('a', 4), false);
    clock.advance(1);
    expect(reached).toEqual([]);
    to().change(stored('b', 9), false);
    to().current(new Set(['tally.a', 'tally.b']), 9);
    clock.advance(1);
    expect(reached).toEqual([true]);
    catchUp(10);
    to().change(stored('a', 10), true);
    clock.advance(1);
    expect(reached).toEqual([true, true]);
  });

  test('say so when all was read and what was waited for is not among it', () => {
    const { clock, stored, reached, catchUp, to } = followed();
    catchUp(4);
    to().change(stored('a', 3), false);
    to().current(new Set(['tally.a']), 3);
    clock.advance(1);
    expect(reached).toEqual([false]);
  });
});
