/** A store in which a write of others is under way for seconds: what is wanted is written when it is through. */
import { expect, test } from 'vitest';
import { defineActor, follow, on } from '../../../actors/runtime/actor.ts';
import { commit, put, reply } from '../../../actors/runtime/effect.ts';
import type { Store } from '../../../actors/runtime/ports.ts';
import { routeRecord, workloadDelete } from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';

const tokens = { tenant: 'default', host: 'a.localhost' };
/** As long as a server stood still whose machine was given to others. */
const BUSY_MS = 2_000;

const router = defineActor({
  name: 'route',
  sentence: 'Makes sure that x.',
  init: () => ({}),
  routes: [
    on(workloadDelete, (_state, ask) => [
      commit(put(routeRecord, tokens, { ...tokens, workload: 'web', port: 'http' })),
      reply(workloadDelete, ask.from, { instances: 0 }),
    ]),
  ],
  follows: { routes: follow(routeRecord) },
  publishes: [],
  writes: [routeRecord],
});

test('a write that is in others’ way for seconds is not given up', () => {
  const bench = new Bench();
  const { ports } = bench.connection();
  const write: Store['write'] = (writes, done) => {
    if (bench.clock.elapsed() >= BUSY_MS) return ports.store.write(writes, done);
    done(writes.map(({ key }) => ({ kind: 'conflict', key, revision: undefined })));
  };
  const store = { ...ports.store, write };
  const { host } = bench.join(router as never, { ports: { ...ports, store } });
  const answer = bench.ask(workloadDelete, { tenant: 'default', workload: 'web' }, {});
  expect(answer).toEqual({ ok: true, value: { instances: 0 } });
  expect(bench.stored(routeRecord, tokens)).toMatchObject({ workload: 'web' });
  // Nor is the store asked again and again meanwhile.
  expect(host.counters.conflicts).toBeLessThan(16);
});
