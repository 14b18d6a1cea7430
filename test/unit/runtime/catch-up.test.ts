/** A conflict with news that come late: nobody decides again before they are there. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineActor, follow, on, type Received } from '../../../actors/runtime/actor.ts';
import { commit, put, reply } from '../../../actors/runtime/effect.ts';
import { Host } from '../../../actors/runtime/host.ts';
import { silentLog } from '../../../actors/runtime/log.ts';
import type { Store } from '../../../actors/runtime/ports.ts';
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
        change: (stored) => void ports.clock.after(lateMs, () => follower.change(stored)),
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
