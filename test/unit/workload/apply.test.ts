/** What a caller wants is written down, or refused with the reason, and nothing twice. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Received } from '../../../actors/runtime/actor.ts';
import type { Effects } from '../../../actors/runtime/effect.ts';
import { apply, explained } from '../../../actors/workload/apply.ts';
import { remove, scale } from '../../../actors/workload/orders.ts';
import { newState } from '../../../actors/workload/state.ts';
import {
  type Answer,
  type Explanation,
  type PayloadOf,
  placementExplain,
  refusal,
  routeRecord,
  type Wanted,
  type Workload,
  workloadApply,
  workloadDelete,
  workloadRecord,
  workloadScale,
} from '../../../subjects/index.ts';
import { answerIn, codeIn, deleted, ofKind, sent, told, written } from '../../support/effects.ts';
import { addWorkload, workloadOf } from '../../support/records.ts';
import { job, service } from '../../support/specs.ts';
import { received, Stage } from '../../support/stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});

const roomy: Explanation = {
  nodes: 3,
  feasible: 3,
  possible: 3,
  removed: {},
  impossible: {},
  drivers: ['process'],
  placed: 1,
  choice: [],
  table: [],
};
type Ask = Received<typeof workloadApply>;
const askOf = (wanted: Wanted, more: Partial<PayloadOf<typeof workloadApply>> = {}): Ask => {
  const tokens = { tenant: 'default', workload: 'web' };
  return received(workloadApply, tokens, { wanted, mode: 'put', ...more });
};
/** The whole way: the ask, the scheduler's answer where it is asked, and what comes of both. */
const applied = (ask: Ask, found: Answer<Explanation> = { ok: true, value: roomy }): Effects => {
  const state = newState();
  const effects = apply(state, ask, stage.context);
  const [question] = ofKind(effects, 'request');
  if (!question) return effects;
  expect(effects).toHaveLength(1);
  return explained(state, { answer: found, memo: question.memo }, stage.context);
};
const put = (wanted: Wanted, more = {}) => {
  const effects = applied(askOf(wanted, more));
  stage.perform(effects);
  return answerIn(effects);
};
const name = { tenant: 'default', workload: 'web' };
const stored = () => stage.views.workloads.get(name);
const routes = () => [...stage.views.routes.entries()].map((each) => each.value.host);
const onHost = (host: string, more: Record<string, unknown> = {}) =>
  service(1, { ports: [{ name: 'http' }], ingress: { host }, ...more });

describe('a new workload', () => {
  test('is written at generation 1, told and answered, commit first', () => {
    const ask = askOf(service(3));
    const effects = applied(ask);
    expect(effects.map((each) => each.kind)).toEqual(['commit', 'publish', 'reply']);
    expect(written(effects, workloadRecord)).toEqual([
      {
        ...service(3),
        tenant: 'default',
        name: 'web',
        generation: 1,
        templateGeneration: 1,
        createdAt: stage.now,
        last: { verb: 'created', at: stage.now, message: 'service of 3', askedBy: ask.id },
      },
    ]);
    expect(told(effects)).toEqual(['workload web created']);
    expect(answerIn(effects)).toEqual({ ok: true, value: { generation: 1, change: 'created' } });
  });

  test('is written although no scheduler answers: it waits, as for a node', () => {
    const nobody = { ok: false, refusal: refusal('actor-unavailable', 'nobody') } as const;
    expect(codeIn(applied(askOf(service(1)), nobody))).toBeUndefined();
  });

  test('is written where there is no node yet', () => {
    const value = { ...roomy, nodes: 0, possible: 0, drivers: [] };
    expect(codeIn(applied(askOf(service(1)), { ok: true, value }))).toBeUndefined();
  });
});

describe('a change', () => {
  const steps: readonly [string, Wanted, unknown, number, number][] = [
    ['the same', service(2), 'unchanged', 1, 1],
    ['the same in another order', reordered(service(2)), 'unchanged', 1, 1],
    ['more of it', service(5), 'scaled', 2, 1],
    ['another command', service(2, { command: ['other'] }), 'updated', 2, 2],
    ['more, and another command', service(5, { command: ['other'] }), 'updated', 2, 2],
    ['a label', { ...service(2), labels: { app: 'web' } }, 'changed', 2, 1],
    ['a priority', service(2, { priority: 'high' }), 'changed', 2, 1],
    ['its number', service(2, { priorityValue: 75 }), 'changed', 2, 1],
    ['more, and a priority', service(5, { priority: 'low' }), 'changed', 2, 1],
  ];
  test.each(steps)('%s', (_, wanted, change, generation, templateGeneration) => {
    put(service(2));
    const { createdAt } = stored() as Workload;
    stage.now += 1_000;
    expect(put(wanted)).toEqual({ ok: true, value: { generation, change } });
    expect(stored()).toMatchObject({ generation, templateGeneration, createdAt });
    expect(stored()?.spec.count).toBe(wanted.spec.count);
  });

  test('that changes nothing writes nothing, tells nothing, and asks nobody', () => {
    put(service(2));
    const effects = apply(newState(), askOf(service(2)), stage.context);
    expect(effects.map((each) => each.kind)).toEqual(['reply']);
  });

  test('of the number alone asks no scheduler', () => {
    put(service(2));
    const effects = apply(newState(), askOf(service(3)), stage.context);
    expect(sent(effects, placementExplain)).toEqual([]);
  });

  test('keeps the template`s generation through a scaling, and raises it after', () => {
    put(service(2));
    put(service(3));
    expect(stored()).toMatchObject({ generation: 2, templateGeneration: 1 });
    put(service(3, { command: ['other'] }));
    expect(stored()).toMatchObject({ generation: 3, templateGeneration: 3 });
  });
});

function reordered(wanted: Wanted): Wanted {
  const spec = Object.fromEntries(Object.entries(wanted.spec).reverse());
  return { ...wanted, spec } as Wanted;
}

describe('is refused', () => {
  const held = (more: Partial<Workload> = {}, wanted = service(1)) =>
    addWorkload(stage, workloadOf('web', wanted, { generation: 4, ...more }));
  const failed = { result: 'failed', at: 1, message: '' } as const;

  test.each<[string, () => unknown, Ask, string | undefined]>([
    [
      'a name already taken',
      () => held(),
      askOf(service(1), { mode: 'create' }),
      'workload-exists',
    ],
    ['another kind', () => held(), askOf(job(1)), 'workload-kind-fixed'],
    ['what is being deleted', () => held({ deletedAt: 1 }), askOf(service(1)), 'workload-deleting'],
    [
      'a stale generation',
      () => held(),
      askOf(service(2), { ifGeneration: 3 }),
      'generation-stale',
    ],
    [
      'a later generation',
      () => held(),
      askOf(service(2), { ifGeneration: 5 }),
      'generation-stale',
    ],
    ['not the right one', () => held(), askOf(service(2), { ifGeneration: 4 }), undefined],
    [
      'a generation of what is not there',
      () => undefined,
      askOf(service(1), { ifGeneration: 1 }),
      'generation-stale',
    ],
    [
      'another job under its name',
      () => held({}, job(1)),
      askOf(job(1, { command: ['b'] })),
      'job-fixed',
    ],
    ['not the same job again', () => held({}, job(1)), askOf(job(1)), undefined],
    ['not a job of another size', () => held({}, job(1)), askOf(job(3)), undefined],
    [
      'a job that has ended, changed',
      () => held({ outcome: failed }, job(1)),
      askOf(job(2)),
      'job-finished',
    ],
    [
      'not a job that has ended, as it was',
      () => held({ outcome: failed }, job(1)),
      askOf(job(1)),
      undefined,
    ],
    [
      'an ingress without a port',
      () => undefined,
      askOf(service(1, { ingress: { host: 'a.test' } })),
      'request-malformed',
    ],
    [
      'an ingress to a port that is not there',
      () => undefined,
      askOf(onHost('a.test', { ingress: { host: 'a.test', port: 'admin' } })),
      'request-malformed',
    ],
  ])('%s', (_, before, ask, code) => {
    before();
    const effects = applied(ask);
    expect(codeIn(effects)).toBe(code);
    if (code !== undefined) expect(effects).toHaveLength(1);
  });

  test.each<[string, Partial<Explanation>, string | undefined, string, Wanted?]>([
    [
      'a driver nobody has',
      { possible: 0, drivers: ['docker', 'lxd'] },
      'driver-unknown',
      'there is docker, lxd',
    ],
    ['a driver where there is none', { possible: 0, drivers: [] }, 'driver-unknown', 'is none'],
    [
      'a spec no node could ever hold',
      { possible: 0, impossible: { labels: 1, resources: 2 } },
      'spec-unplaceable',
      'removed 1 by labels, 2 by resources',
    ],
    [
      'with what one of the nodes lacks',
      {
        ...{ possible: 0, impossible: { labels: 3 } },
        table: [
          { node: 'n1', removedBy: 'accepts', detail: 'takes no new work' },
          { node: 'n2', removedBy: 'labels', detail: 'lacks zone=garage' },
        ],
      },
      'spec-unplaceable',
      'removed 3 by labels; n2 lacks zone=garage',
    ],
    [
      'a device nobody has',
      { possible: 0, impossible: { devices: 3 }, devices: ['/dev/kvm'] },
      'spec-unplaceable',
      'no node offers device gpu; there is /dev/kvm',
      service(1, { resources: { devices: { gpu: 1, '/dev/kvm': 1 } } }),
    ],
    [
      'more of a device than any has',
      {
        ...{ possible: 0, impossible: { devices: 3 }, devices: ['gpu'] },
        table: [{ node: 'n1', removedBy: 'devices', detail: 'has 1 of 1 gpu free, 2 asked' }],
      },
      'spec-unplaceable',
      'removed 3 by devices; n1 has 1 of 1 gpu free, 2 asked',
      service(1, { resources: { devices: { gpu: 2 } } }),
    ],
    ['not one that only has to wait', { possible: 1, feasible: 0 }, undefined, ''],
  ])('%s', (_, found, code, detail, wanted = service(1)) => {
    const effects = applied(askOf(wanted), { ok: true, value: { ...roomy, ...found } });
    expect(codeIn(effects)).toBe(code);
    expect(JSON.stringify(answerIn(effects))).toContain(detail);
  });

  test('what has changed while the scheduler was asked', () => {
    const ask = askOf(service(1), { mode: 'create' });
    const state = newState();
    const [question] = ofKind(apply(state, ask, stage.context), 'request');
    held();
    const message = { answer: { ok: true, value: roomy }, memo: question?.memo } as const;
    expect(codeIn(explained(state, message, stage.context))).toBe('workload-exists');
  });
});

describe('an ask that was overtaken while the scheduler was asked', () => {
  const found = { ok: true, value: roomy } as const;
  const asked = (wanted: Wanted, id: string) => {
    const ask = { ...askOf(wanted), id, seen: stage.revision };
    const [question] = ofKind(apply(newState(), ask, stage.context), 'request');
    return () => explained(newState(), { answer: found, memo: question?.memo }, stage.context);
  };

  test('by another apply, changes nothing that was promised since', () => {
    const early = asked(service(2), 'early');
    const late = asked(service(3), 'late');
    stage.perform(late());
    const effects = early();
    expect(codeIn(effects)).toBe('ask-outdated');
    expect(ofKind(effects, 'commit')).toEqual([]);
    expect(stored()?.spec.count).toBe(3);
  });

  test('by a delete or a change of scale', () => {
    for (const [step, contract, payload, code] of [
      [scale, workloadScale, { count: 1 }, 'ask-outdated'],
      [remove, workloadDelete, {}, 'workload-deleting'],
    ] as const) {
      addWorkload(stage, workloadOf('web', service(4)));
      const early = asked(service(4, { command: ['other'] }), 'early');
      const ask = { ...received(contract as never, name as never, payload as never), id: 'late' };
      stage.perform(step(newState(), ask as never, stage.context));
      expect(codeIn(early())).toBe(code);
    }
  });

  test('by itself, come again, is not overtaken', () => {
    const early = asked(service(2), 'early');
    asked(service(2), 'early');
    expect(codeIn(early())).toBeUndefined();
  });

  test('nor by one that only tries', () => {
    const early = asked(service(2), 'early');
    apply(newState(), { ...askOf(service(3), { mode: 'try-put' }), id: 'try' }, stage.context);
    expect(codeIn(early())).toBeUndefined();
  });
});

test.each(['try-put', 'try-create'] as const)(
  '%s says what would be, and changes nothing',
  (mode) => {
    const ask = askOf(service(2), { mode });
    expect(apply(newState(), ask, stage.context).map((each) => each.kind)).toEqual(['reply']);
    expect(answerIn(applied(ask))).toEqual({
      ok: true,
      value: { generation: 1, change: 'created' },
    });
    put(service(2));
    const again = applied(askOf(service(3), { mode }));
    expect(codeIn(again)).toBe(mode === 'try-put' ? undefined : 'workload-exists');
    expect(again.map((each) => each.kind)).toEqual(['reply']);
  },
);

describe('an ask that comes again because its answer was lost', () => {
  beforeEach(() => {
    stage.mine.add('workload.default.web');
  });

  test('is answered as it was', () => {
    addWorkload(stage, workloadOf('web', service(1)));
    const again = applied(askOf(service(1), { mode: 'create' }));
    expect(again.map((each) => each.kind)).toEqual(['reply']);
    expect(answerIn(again)).toEqual({ ok: true, value: { generation: 1, change: 'created' } });
  });

  test('is not stale because of its own write', () => {
    const last = { verb: 'scaled', at: 1, message: '' };
    addWorkload(stage, workloadOf('web', service(2), { generation: 2, last }));
    const again = applied(askOf(service(2), { ifGeneration: 1 }));
    expect(again.map((each) => each.kind)).toEqual(['reply']);
    expect(answerIn(again)).toEqual({ ok: true, value: { generation: 2, change: 'scaled' } });
  });
});

test.each([
  ['made', { mode: 'create' as const }, service(1), { generation: 1, change: 'created' }],
  ['changed', { ifGeneration: 1 }, service(2), { generation: 2, change: 'scaled' }],
])(
  'an ask that comes again is answered as it was, though steps wrote the workload since: %s',
  (_, more, wanted, value) => {
    if (value.generation > 1) put(service(1));
    const ask = askOf(wanted, more);
    stage.perform(applied(ask));
    // Whatever makes or retires instances writes it, as it is.
    stage.put(workloadRecord, name, stored() as Workload);
    const again = applied({ ...ask, seen: 0 });
    expect(again.map((each) => each.kind)).toEqual(['reply']);
    expect(answerIn(again)).toEqual({ ok: true, value });
    expect(codeIn(applied(askOf(wanted, more)))).toBe(
      value.generation > 1 ? 'generation-stale' : 'workload-exists',
    );
  },
);

describe('an ask that comes late', () => {
  const seenAt = (seen: number | undefined, count = 1): Ask => ({ ...askOf(service(count)), seen });
  const written = () => stage.put(workloadRecord, name, workloadOf('web', service(3))).revision;
  const gone = () => stage.put(workloadRecord, name, undefined).revision;

  test('makes nothing again that was deleted after what its sender had seen', () => {
    const sent = written();
    const deletedAt = gone();
    expect(codeIn(applied(seenAt(0)))).toBe('ask-outdated');
    expect(codeIn(applied(seenAt(sent)))).toBe('ask-outdated');
    expect(codeIn(applied(seenAt(deletedAt)))).toBeUndefined();
  });

  test.each([
    ['an apply', (seen: number) => applied(seenAt(seen))],
    ['a scale', (seen: number) => late(scale, workloadScale, { count: 1 }, seen)],
    ['a delete', (seen: number) => late(remove, workloadDelete, {}, seen)],
  ])('changes nothing that was written after what its sender had seen: %s', (_, act) => {
    const before = written();
    const after = written();
    expect(codeIn(act(before))).toBe('ask-outdated');
    expect(codeIn(act(after))).toBeUndefined();
    // Its own write came after it, and its answer was lost.
    stage.mine.add('workload.default.web');
    expect(codeIn(act(before))).toBeUndefined();
  });

  test('is answered where nothing has to be written for it', () => {
    const before = written();
    written();
    expect(answerIn(applied(seenAt(before, 3)))).toMatchObject({ ok: true });
  });

  test('is as any other where its sender does not say what it has seen', () => {
    written();
    gone();
    expect(codeIn(applied(seenAt(undefined)))).toBeUndefined();
  });

  const late = (step: unknown, contract: unknown, payload: object, seen: number): Effects => {
    const ask = { ...received(contract as never, name as never, payload as never), seen };
    return (step as typeof scale)(newState(), ask as never, stage.context);
  };
});

describe('a host name', () => {
  test('is written with the workload, all or nothing, and goes with the next one', () => {
    const effects = applied(askOf(onHost('a.test')));
    expect(ofKind(effects, 'commit').map((each) => each.isWhole)).toEqual([true]);
    expect(written(effects, routeRecord)).toEqual([
      { tenant: 'default', host: 'a.test', workload: 'web', port: 'http' },
    ]);
    stage.perform(effects);
    const moved = applied(askOf(onHost('b.test')));
    expect(deleted(moved, routeRecord)).toEqual([{ tenant: 'default', host: 'a.test' }]);
    stage.perform(moved);
    expect(routes()).toEqual(['b.test']);
    put(service(1));
    expect(routes()).toEqual([]);
  });

  test('leads to the port that is named, by default the first', () => {
    const ports = [{ name: 'http' }, { name: 'admin' }];
    put(onHost('a.test', { ports }));
    const port = () => [...stage.views.routes.entries()][0]?.value.port;
    expect(port()).toBe('http');
    put(onHost('a.test', { ports, ingress: { host: 'a.test', port: 'admin' } }));
    expect(port()).toBe('admin');
  });

  test.each(['default', 'elsewhere'])('of another workload of tenant %s is taken', (tenant) => {
    const route = { tenant, host: 'a.test', workload: 'other', port: 'http' };
    stage.put(routeRecord, { tenant, host: 'a.test' }, route);
    const effects = applied(askOf(onHost('a.test')));
    expect(codeIn(effects)).toBe('host-taken');
    expect(JSON.stringify(answerIn(effects))).toContain(`${tenant}/other`);
  });

  test('of its own is not', () => {
    put(onHost('a.test'));
    expect(put(onHost('a.test', { count: 3 }))).toMatchObject({ value: { change: 'scaled' } });
    expect(routes()).toEqual(['a.test']);
  });
});
