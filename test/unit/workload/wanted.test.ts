/** How many instances to make and which to retire: arithmetic over what is known. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Known } from '../../../actors/workload/settle.ts';
import { adjust, adjustJob } from '../../../actors/workload/wanted.ts';
import type { Instance, Node, Workload } from '../../../subjects/index.ts';
import { instanceOf, ledgerOf, nodeOf, observedOf, workloadOf } from '../../support/records.ts';
import { job, service } from '../../support/specs.ts';

const now = 1_767_225_700_000;

/** How an instance is: what makes a difference to whether it is missed. */
type Kind = 'pending' | 'parked' | 'placed' | 'starting' | 'running' | 'ready' | 'lost';

function known(id: string, kind: Kind, more: Partial<Instance> = {}, node?: Partial<Node>): Known {
  const isBound = kind !== 'pending' && kind !== 'parked';
  const instance = instanceOf(id, {
    ...(isBound ? { node: 'n1', epoch: 1 } : {}),
    ...(kind === 'parked' ? { parked: { at: 1, removed: {}, nodes: 1 } } : {}),
    ...more,
  });
  const on = nodeOf('n1', node);
  const state = kind === 'starting' ? 'starting' : 'running';
  return {
    instance,
    observed:
      isBound && kind !== 'placed'
        ? observedOf(instance, { state, isReady: kind === 'ready' })
        : undefined,
    node: kind === 'lost' ? 'offline' : isBound ? (node?.administered ?? 'ready') : undefined,
    ledger: isBound ? ledgerOf(on) : undefined,
    listing: [],
  };
}

const web = (count: number, more: Partial<Workload> = {}) =>
  workloadOf('web', service(count), more);
const old = { generation: 1 };
const fresh = { generation: 2 };
const second = { generation: 2, templateGeneration: 2 };
const draining = { administered: 'draining' } as const;

function adjusted(workload: Workload, all: readonly Known[]) {
  const { create, retire, lookAt, outcome } = adjust(workload, all, now);
  expect({ lookAt, outcome }).toEqual({ lookAt: undefined, outcome: undefined });
  return { create, retire: retire.map(({ instance }) => instance.instance) };
}

describe('a service at its count', () => {
  test.each<[string, Workload, readonly Known[], number, readonly string[]]>([
    ['has none: makes all', web(3), [], 3, []],
    ['has too few: makes the rest', web(3), [known('web-1', 'ready')], 2, []],
    ['has enough, ready or not', web(2), [known('a', 'ready'), known('b', 'pending')], 0, []],
    ['has too many', web(1), [known('a', 'ready'), known('b', 'ready')], 0, ['a']],
    ['is to have none', web(0), [known('a', 'ready'), known('b', 'placed')], 0, ['b', 'a']],
    [
      'does not count those that are to stop',
      web(1),
      [known('a', 'ready', { intent: 'stop' })],
      1,
      [],
    ],
  ])('%s', (_, workload, all, create, retire) => {
    expect(adjusted(workload, all)).toEqual({ create, retire });
  });

  test('gives up those that serve least, of these the youngest', () => {
    const all = [
      known('ready-old', 'ready', { createdAt: 1 }),
      known('ready-young', 'ready', { createdAt: 2 }),
      known('running', 'running'),
      known('starting', 'starting'),
      known('placed', 'placed'),
      known('pending', 'pending'),
      known('lost', 'lost'),
    ];
    expect(adjusted(web(0), all).retire).toEqual([
      'lost',
      'pending',
      'placed',
      'starting',
      'running',
      'ready-young',
      'ready-old',
    ]);
    expect(adjusted(web(6), all).retire).toEqual(['lost']);
  });
});

describe('a new generation', () => {
  test.each<[string, Workload, readonly Known[], number, readonly string[]]>([
    [
      'begins with one more',
      web(2, second),
      [known('a', 'ready', old), known('b', 'ready', old)],
      1,
      [],
    ],
    [
      'waits until that one is ready',
      web(2, second),
      [known('a', 'ready', old), known('b', 'ready', old), known('c', 'starting', fresh)],
      0,
      [],
    ],
    [
      'then lets an old one go',
      web(2, second),
      [known('a', 'ready', old), known('b', 'ready', old), known('c', 'ready', fresh)],
      0,
      ['a'],
    ],
    [
      'then makes the next',
      web(2, second),
      [known('b', 'ready', old), known('c', 'ready', fresh)],
      1,
      [],
    ],
    [
      'makes no more while a new one is not ready',
      web(2, second),
      [known('b', 'ready', old), known('c', 'running', fresh)],
      0,
      [],
    ],
    [
      'lets an old one go first where there is no room for both',
      web(2, second),
      [known('a', 'ready', old), known('b', 'ready', old), known('c', 'parked', fresh)],
      0,
      ['a'],
    ],
    [
      'replaces at once what does not serve anyway',
      web(2, second),
      [known('a', 'ready', old), known('b', 'placed', old)],
      1,
      ['b'],
    ],
    [
      'is done when all are new',
      web(2, second),
      [known('c', 'ready', fresh), known('d', 'ready', fresh)],
      0,
      [],
    ],
    [
      'that also wants fewer gives up the old ones',
      web(1, second),
      [known('a', 'ready', old), known('b', 'ready', old), known('c', 'ready', old)],
      0,
      ['a'],
    ],
    ['that also wants more makes them', web(3, second), [known('a', 'ready', old)], 2, []],
    [
      'that only scales replaces nothing',
      web(2, { generation: 2 }),
      [known('a', 'ready', old), known('b', 'ready', old)],
      0,
      [],
    ],
  ])('%s', (_, workload, all, create, retire) => {
    expect(adjusted(workload, all)).toEqual({ create, retire });
  });

  test('moves off a draining node in the same way, one after another', () => {
    const a = known('a', 'ready', {}, draining);
    const b = known('b', 'ready', {}, draining);
    expect(adjusted(web(2), [a, b])).toEqual({ create: 1, retire: [] });
    const c = known('c', 'ready');
    expect(adjusted(web(2), [a, b, c])).toEqual({ create: 0, retire: ['a'] });
    expect(adjusted(web(2), [known('a', 'ready', {}, { administered: 'cordoned' }), c])).toEqual({
      create: 0,
      retire: [],
    });
  });

  test('what is on a draining node stays until its successor is ready: its going makes no room', () => {
    const a = known('a', 'ready', {}, draining);
    const b = known('b', 'ready', {}, draining);
    const parked = known('c', 'parked');
    expect(adjusted(web(1), [a, parked])).toEqual({ create: 0, retire: [] });
    expect(adjusted(web(2), [a, b, parked])).toEqual({ create: 0, retire: [] });
    expect(
      adjusted(web(2, second), [a, known('b', 'ready', old), known('c', 'parked', fresh)]),
    ).toEqual({ create: 0, retire: ['b'] });
    // What serves nobody is in nobody's way.
    expect(adjusted(web(1), [known('a', 'placed', {}, draining), parked])).toEqual({
      create: 0,
      retire: ['a'],
    });
  });
});

describe('a workload that ends', () => {
  const all = [known('a', 'ready'), known('b', 'placed', { intent: 'stop' })];
  test('is deleted: everything goes, and nothing is made', () => {
    expect(adjusted(web(5, { deletedAt: 1 }), all)).toEqual({ create: 0, retire: ['a'] });
    expect(adjusted(web(5, { deletedAt: 1 }), [])).toEqual({ create: 0, retire: [] });
  });

  test('is a job with an outcome: what still runs goes', () => {
    const outcome = { result: 'failed', at: 1, message: '' } as const;
    const ended = workloadOf('sums', job(5), { outcome });
    expect(adjusted(ended, all)).toEqual({ create: 0, retire: ['a'] });
  });
});

describe('a job', () => {
  const sums = (count: number, more: Record<string, unknown> = {}, held: Partial<Workload> = {}) =>
    workloadOf('sums', job(count, more), held) as Workload & { kind: 'job' };
  const done = (id: string, result: 'succeeded' | 'failed' | 'stopped', message = ''): Instance =>
    instanceOf(id, { kind: 'job', outcome: { result, at: 1, message } });
  const run = (id: string) => known(id, 'ready', { kind: 'job' });
  const judged = (
    of: ReturnType<typeof sums>,
    all: readonly Known[],
    ended: readonly Instance[],
    at = now,
  ) => {
    const { create, retire, outcome, lookAt } = adjustJob(of, all, ended, {
      now: at,
      clockSetMs: 0,
    });
    return { create, retire: retire.map((each) => each.instance.instance), outcome, lookAt };
  };
  const rest = { outcome: undefined, lookAt: undefined };

  test.each<[string, number, readonly Known[], readonly Instance[], number, readonly string[]]>([
    ['begins with all', 3, [], [], 3, []],
    ['counts what runs and what is done', 3, [run('a')], [done('b', 'succeeded')], 1, []],
    ['makes another for one that was stopped', 2, [run('a')], [done('b', 'stopped')], 1, []],
    ['that was scaled down gives up some', 1, [run('a'), run('b')], [], 0, ['a']],
    ['has what it needs', 2, [run('a')], [done('b', 'succeeded')], 0, []],
  ])('%s', (_, count, all, ended, create, retire) => {
    expect(judged(sums(count), all, ended)).toEqual({ create, retire, ...rest });
  });

  test('succeeds when as many as wanted have, and ends what still runs', () => {
    const both = [done('b', 'succeeded'), done('c', 'succeeded')];
    expect(judged(sums(2), [run('a')], both)).toEqual({
      create: 0,
      retire: ['a'],
      outcome: { result: 'succeeded', at: now, message: '2 of 2 succeeded' },
      lookAt: undefined,
    });
    expect(judged(sums(3), [run('a')], both).outcome).toBeUndefined();
  });

  test('fails when one has failed for good, and says which and why', () => {
    const message = 'x'.repeat(500);
    const { outcome, retire } = judged(sums(2), [run('a')], [done('b', 'failed', message)]);
    expect(retire).toEqual(['a']);
    expect(outcome?.message).toContain('b failed and no retries are left: x');
    expect(outcome?.message.length).toBeLessThanOrEqual(500);
  });

  test('that has as many successes as wanted succeeds in spite of a failure', () => {
    const ended = [done('a', 'failed'), done('b', 'succeeded')];
    expect(judged(sums(1), [], ended).outcome?.result).toBe('succeeded');
  });

  test('fails at its deadline, reckoned from its acceptance, and is looked at then', () => {
    const of = sums(2, { deadline: '5m' }, { createdAt: now });
    const deadlineAt = now + 300_000;
    expect(judged(of, [], [], now)).toMatchObject({ create: 2, lookAt: deadlineAt });
    expect(judged(of, [run('a')], [], deadlineAt - 1)).toMatchObject({ outcome: undefined });
    const late = judged(of, [run('a')], [done('b', 'succeeded')], deadlineAt);
    expect(late).toMatchObject({ create: 0, retire: ['a'], outcome: { result: 'failed' } });
    expect(late.outcome?.message).toBe('the deadline of 5m has passed with 1 of 2 done');
    const both = [done('b', 'succeeded'), done('c', 'succeeded')];
    expect(judged(of, [], both, deadlineAt).outcome?.result).toBe('succeeded');
  });

  test('that is deleted ends without an outcome', () => {
    const of = sums(1, { deadline: '1s' }, { deletedAt: now });
    expect(judged(of, [run('a')], [done('b', 'succeeded')], now + 9_000)).toEqual({
      create: 0,
      retire: ['a'],
      ...rest,
    });
  });
});

/** A service whose instances start one after another, as `ready` says; no node is full. */
class Rollout {
  #instances: Known[];
  #made = 0;
  readonly served: number[] = [];
  readonly workload: Workload;

  constructor(workload: Workload, all: readonly Known[]) {
    this.workload = workload;
    this.#instances = [...all];
  }

  /** One look; then what is to happen to it. False: there was nothing to do. */
  look(): boolean {
    const { create, retire } = adjust(this.workload, this.#instances, now);
    const gone = new Set(retire.map((each) => each.instance.instance));
    expect(gone.size).toBe(retire.length);
    this.#instances = this.#instances.filter((each) => !gone.has(each.instance.instance));
    const { templateGeneration: generation } = this.workload;
    for (let index = 0; index < create; index++) {
      this.#instances.push(known(`new-${this.#made++}`, 'pending', { generation }));
    }
    this.served.push(this.ready.length);
    return create + retire.length > 0;
  }

  /** The next instance that is not ready becomes so; false: all are. */
  starts(): boolean {
    const index = this.#instances.findIndex((each) => !isReady(each));
    const next = this.#instances[index];
    if (!next) return false;
    const { instance, generation } = { ...next.instance };
    this.#instances[index] = known(instance, 'ready', { generation });
    return true;
  }

  get ready(): readonly Known[] {
    return this.#instances.filter(isReady);
  }

  get all(): readonly Known[] {
    return this.#instances;
  }
}

const isReady = (each: Known): boolean => each.observed?.isReady === true;

const anyKnown = fc
  .record({
    kind: fc.constantFrom<Kind>('pending', 'placed', 'starting', 'running', 'ready', 'ready'),
    generation: fc.constantFrom(1, 2),
    isDraining: fc.boolean(),
  })
  .map(
    (of) => (id: string) =>
      known(id, of.kind, { generation: of.generation }, of.isDraining ? draining : {}),
  );
const anyKnowns = fc
  .array(anyKnown, { maxLength: 8 })
  .map((makers) => makers.map((make, index) => make(`web-${index}`)));

describe('for any instances and any count', () => {
  test('a service reaches its count of new ones, off draining nodes, in few looks', () => {
    fc.assert(
      fc.property(anyKnowns, fc.nat(6), (all, count) => {
        const rollout = new Rollout(web(count, second), all);
        let looks = 0;
        while (rollout.look() || rollout.starts()) expect(++looks).toBeLessThan(60);
        const generations = rollout.all.map((each) => each.instance.generation);
        expect(generations).toEqual(Array(count).fill(2));
        expect(rollout.all.filter((each) => each.node === 'draining')).toEqual([]);
      }),
    );
  });

  test('no fewer serve on the way than did before, or than are wanted', () => {
    fc.assert(
      fc.property(anyKnowns, fc.nat(6), (all, count) => {
        const rollout = new Rollout(web(count, second), all);
        const least = Math.min(count, all.filter(isReady).length);
        while (rollout.look() || rollout.starts());
        expect(Math.min(...rollout.served)).toBeGreaterThanOrEqual(least);
      }),
    );
  });

  test('no more than one beyond the count is made, and nothing that is to stop is retired', () => {
    fc.assert(
      fc.property(anyKnowns, fc.nat(6), (all, count) => {
        const { create, retire } = adjust(web(count, second), all, now);
        expect(all.length + create - retire.length).toBeLessThanOrEqual(
          Math.max(count + 1, all.length),
        );
        expect(retire.length).toBeLessThanOrEqual(all.length);
      }),
    );
  });
});

describe('a node whose deadline to be empty', () => {
  const on = (id: string, drainLeftMs: number): Known => ({
    ...known(id, 'ready', {}, draining),
    drainLeftMs,
  });
  const work = workloadOf('work', job(2));
  const batch = (all: readonly Known[]) =>
    adjustJob(work as Workload & { kind: 'job' }, all, [], { now, clockSetMs: 0 });

  test('lies ahead: a job goes on there, and is looked at then', () => {
    expect(batch([on('work-1', 700), on('work-2', 900)])).toEqual({
      ...{ create: 0, retire: [], lookAt: now + 700 },
    });
  });

  test('has passed: what is left of a job is stopped, and another one made', () => {
    const { create, retire } = batch([on('work-1', 0), known('work-2', 'ready')]);
    expect([create, retire.map(({ instance, why }) => [instance.instance, why])]).toEqual([
      1,
      [['work-1', 'the deadline to drain n1 has passed']],
    ]);
  });
});
