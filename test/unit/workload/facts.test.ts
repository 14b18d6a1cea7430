/** What is told, in which words, and under which ids. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Effect } from '../../../actors/runtime/effect.ts';
import {
  goneEvent,
  instanceEvent,
  observedEvent,
  workloadEvent,
} from '../../../actors/workload/facts.ts';
import { eventNoticed, type Observed, type Workload } from '../../../subjects/index.ts';
import { ofKind, sent } from '../../support/effects.ts';
import { instanceOf, observedOf, workloadOf } from '../../support/records.ts';
import { service } from '../../support/specs.ts';

const idOf = (effect: Effect) => ofKind([effect], 'publish')[0]?.id;
const bodyOf = (effect: Effect) =>
  eventNoticed.schema.parse(sent([effect], eventNoticed)[0]?.payload);

describe('the event of a record', () => {
  const last = { verb: 'scaled', at: 7, message: 'from 1 to 2' };
  const web = workloadOf('web', service(2), { generation: 2, last });

  test('of a workload says its last fact', () => {
    expect(bodyOf(workloadEvent(web))).toEqual({
      tenant: 'default',
      noun: 'workload',
      id: 'web',
      workload: 'web',
      ...last,
    });
  });

  test('of an instance names its workload, and its node where it has one', () => {
    const bound = instanceOf('web-1', { node: 'n1', last });
    const common = { tenant: 'default', noun: 'instance', id: 'web-1', workload: 'web', ...last };
    expect(bodyOf(instanceEvent(bound))).toEqual({ ...common, node: 'n1' });
    expect(bodyOf(instanceEvent(instanceOf('web-1', { last })))).toEqual(common);
  });

  test('made again is the same event; another fact is another', () => {
    const others: Workload[] = [
      { ...web, name: 'other' },
      { ...web, tenant: 'elsewhere' },
      { ...web, last: { ...last, at: 8 } },
      { ...web, last: { ...last, verb: 'updated' } },
      // Two changes within one millisecond.
      { ...web, generation: 3 },
    ];
    expect(idOf(workloadEvent({ ...web }))).toBe(idOf(workloadEvent(web)));
    expect(new Set([web, ...others].map((each) => idOf(workloadEvent(each)))).size).toBe(6);
    const one = instanceOf('web-1', { last });
    const instances = [one, { ...one, tenant: 'elsewhere' }, instanceOf('web-2', { last })];
    expect(new Set(instances.map((each) => idOf(instanceEvent(each)))).size).toBe(3);
  });

  test('that it is gone is the same for one deletion, however often it is told', () => {
    const gone = workloadOf('web', service(1), { deletedAt: 5 });
    expect(idOf(goneEvent(gone, 100))).toBe(idOf(goneEvent(gone, 200)));
    expect(idOf(goneEvent({ ...gone, deletedAt: 6 }, 100))).not.toBe(idOf(goneEvent(gone, 100)));
    expect(bodyOf(goneEvent(gone, 100))).toMatchObject({ verb: 'deleted', at: 100 });
  });
});

describe('the event of what a node sees', () => {
  const bound = instanceOf('web-1', { node: 'n1', epoch: 3 });
  const seen = (more: Partial<Observed>) => observedOf(bound, more);
  const event = (before: Observed | undefined, after: Observed | undefined) =>
    observedEvent({
      key: 'n1.default.web-1',
      tokens: { node: 'n1', tenant: 'default', instance: 'web-1' },
      before,
      after,
      revision: 9,
    });
  const starting = seen({ state: 'starting', isReady: false });
  const running = seen({ isReady: false });
  const ready = seen({});
  const backing = seen({ state: 'backing-off', isReady: false });

  test.each<[string, Observed | undefined, Observed | undefined, string | undefined]>([
    ['starting is not told', undefined, starting, undefined],
    ['it runs', starting, running, 'started'],
    ['it runs again', backing, running, 'started'],
    ['it is ready', running, ready, 'ready'],
    ['it is ready at once', starting, ready, 'ready'],
    ['it is ready still', ready, seen({ changedAt: 5 }), undefined],
    ['it runs still', running, seen({ isReady: false, changedAt: 5 }), undefined],
    ['it is ready no more', ready, running, 'unready'],
    ['it ended and will start again', ready, backing, 'exited'],
    ['it backs off still', backing, seen({ state: 'backing-off', restarts: 4 }), undefined],
    ['it ends', ready, seen({ state: 'stopping' }), 'stopping'],
    ['it failed', ready, seen({ state: 'failed' }), 'failed'],
    ['it failed still', seen({ state: 'failed' }), seen({ state: 'failed' }), undefined],
    ['it succeeded', ready, seen({ state: 'succeeded' }), 'succeeded'],
    ['it stopped', ready, seen({ state: 'stopped' }), 'stopped'],
    ['ready in a new epoch is news', ready, seen({ epoch: 4 }), 'ready'],
    ['what is gone is not told', ready, undefined, undefined],
  ])('%s', (_, before, after, verb) => {
    const effect = event(before, after);
    expect(effect && bodyOf(effect).verb).toBe(verb);
  });

  test('says where it is to be reached, or why it is not, or why it ended', () => {
    const effects = [
      event(undefined, seen({ ports: { http: 8080, admin: 9090 } })),
      event(ready, seen({ isReady: false, message: 'readiness probe failed: HTTP 503 from /' })),
      event(ready, seen({ state: 'failed', message: 'exit 1' })),
      event(ready, seen({ state: 'stopped' })),
    ];
    expect(effects.map((each) => each && bodyOf(each).message)).toEqual([
      'on n1, http 127.0.0.1:8080, admin 127.0.0.1:9090',
      'readiness probe failed: HTTP 503 from /, on n1',
      'exit 1, on n1',
      'on n1',
    ]);
  });

  test('fits its contract, whatever the agent says', () => {
    const ports = fc.dictionary(
      fc.stringMatching(/^[a-z][a-z0-9-]{0,13}[a-z0-9]$/),
      fc.integer({ min: 1, max: 65_535 }),
      { maxKeys: 16, noNullPrototype: true, size: 'max' },
    );
    const any = fc.record({
      state: fc.constantFrom('running' as const, 'failed' as const),
      address: fc.string({ maxLength: 255, size: 'max' }),
      message: fc.string({ maxLength: 500, size: 'max' }),
      ports,
    });
    fc.assert(
      fc.property(any, (more) => {
        const effect = event(undefined, seen({ ...more, node: 'n'.repeat(48) }));
        if (effect) bodyOf(effect);
      }),
    );
  });
});
