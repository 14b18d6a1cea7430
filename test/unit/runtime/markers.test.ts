/** Markers of deleted keys: removed from the store, or forgotten by a view, they hold nobody up. */
import { expect, test } from 'vitest';
import { defineActor, follow, on } from '../../../actors/runtime/actor.ts';
import { commit, put, remove, reply } from '../../../actors/runtime/effect.ts';
import { MemoryConnection } from '../../../actors/runtime/memory/connection.ts';
import { MARKERS_KEPT, View } from '../../../actors/runtime/view.ts';
import { leaseRecord, type Route, routeRecord, workloadDelete } from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';

const tokens = { tenant: 'default', host: 'a.localhost' };
const route: Route = { ...tokens, workload: 'web', port: 'http' };
const key = 'route.default.a.localhost';

/** Deletes a route that is there, and makes one that is not. */
const toggler = defineActor({
  name: 'route',
  sentence: 'Makes sure that x.',
  init: () => ({}),
  routes: [
    on(workloadDelete, (_state, ask, context: { views: { routes: View<typeof routeRecord> } }) => [
      commit(
        context.views.routes.get(tokens)
          ? remove(routeRecord, tokens)
          : put(routeRecord, tokens, route),
      ),
      reply(workloadDelete, ask.from, { instances: 0 }),
    ]),
  ],
  follows: { routes: follow(routeRecord) },
  publishes: [],
  writes: [routeRecord],
});

const toggle = (bench: Bench) =>
  bench.ask(workloadDelete, { tenant: 'default', workload: 'web' }, {});

test('a key whose marker was removed is made again at the second attempt', () => {
  const bench = new Bench();
  const { views, host } = bench.join(toggler as never);
  const keeper = new MemoryConnection(bench.server, bench.clock, { newId: () => 'k' }).keeper();
  toggle(bench);
  toggle(bench);
  const marker = bench.server.side('shoal').keys.get(key)?.revision as number;
  let count: number | undefined;
  const of = { stream: 'KV_shoal', pattern: `$KV.shoal.${key}`, before: marker + 1 } as const;
  keeper.purge({ ...of, under: { actor: 'retention', fence: 1 } }, (purged) => {
    count = purged;
  });
  bench.clock.runUntil(() => count !== undefined, 1_000, 'the purge');
  expect([count, bench.server.side('shoal').keys.has(key)]).toEqual([1, false]);
  expect(toggle(bench)).toEqual({ ok: true, value: { instances: 0 } });
  expect(bench.stored(routeRecord, tokens)).toEqual(route);
  expect(host.counters.conflicts).toBe(1);
  expect(views.isCurrent).toBe(true);
});

test('a key whose marker a view has forgotten is made again at the second attempt', () => {
  const bench = new Bench();
  const { views, host } = bench.join(toggler as never);
  toggle(bench);
  toggle(bench);
  views.met(routeRecord, key, 0);
  expect(toggle(bench).ok).toBe(true);
  expect(bench.stored(routeRecord, tokens)).toEqual(route);
  expect(host.counters.conflicts).toBe(1);
});

test('a value nobody here can read is not taken for a marker, and not written over', () => {
  const bench = new Bench();
  bench.join(toggler as never);
  const body = new TextEncoder().encode('{');
  bench.server.write({ bucket: 'shoal', key, body, expected: 'any', headers: {} });
  bench.clock.settle();
  expect(toggle(bench)).toMatchObject({ refusal: { code: 'store-unavailable' } });
  expect(bench.server.side('shoal').keys.get(key)?.body).toEqual(body);
});

test('a view remembers the newest markers, and none less than it has been told of', () => {
  const view = new View(leaseRecord);
  const marked = (revision: number): number => view.revision(`lease.a${revision}.0`);
  const all = MARKERS_KEPT + 50;
  for (let revision = 1; revision <= all; revision++) {
    const meta = { revision, writer: undefined, at: 0 };
    view.apply(`lease.a${revision}.0`, undefined, meta);
  }
  view.trim(20);
  expect([marked(20), marked(21), marked(all)]).toEqual([0, 21, all]);
  view.trim(all);
  expect([marked(50), marked(51), marked(all)]).toEqual([0, 51, all]);
});
