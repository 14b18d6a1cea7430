/** What becomes of one instance: it goes on, ends, is tried again, is told to stop, or is let go. */
import { beforeEach, describe, expect, test } from 'vitest';
import { type Known, knownOf, settle } from '../../../actors/workload/settle.ts';
import {
  AVOID_MAX,
  type Instance,
  instanceRecord,
  type Node,
  type Observed,
  type Workload,
} from '../../../subjects/index.ts';
import {
  addBound,
  addInstance,
  addNode,
  addObserved,
  instanceOf,
  observedOf,
  workloadOf,
} from '../../support/records.ts';
import { job, service } from '../../support/specs.ts';
import { Stage } from '../../support/stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
  addNode(stage, 'n1');
});

const web = workloadOf('web', service(1));
const sums = workloadOf('sums', job(1));
const settled = (instance: Instance, workload: Workload | undefined = web, retriesLeft = 3) =>
  settle(knownOf(instance, stage.context), workload, retriesLeft, stage.now);
/** An instance that its node's ledger lists, and what that node sees of it. */
const runs = (of: Partial<Instance> = {}, seen?: Partial<Observed>, name = 'web-1'): Instance => {
  const bound = addBound(stage, 'n1', instanceOf(name, of));
  if (seen) addObserved(stage, observedOf(bound, seen));
  return bound;
};
const runsJob = (of: Partial<Instance> = {}, seen?: Partial<Observed>) =>
  runs({ kind: 'job', ...of }, seen, 'sums-1');
const written = (settlement: ReturnType<typeof settle>): Instance => {
  if (!('instance' in settlement) || !settlement.instance) throw new Error(settlement.kind);
  return instanceRecord.schema.parse(settlement.instance);
};

describe('what is known of an instance', () => {
  test('unbound: nothing but the ledgers that list it', () => {
    runs();
    const unbound = addInstance(stage, instanceOf('web-1', { epoch: 1 }));
    const known = knownOf(unbound, stage.context);
    expect(known).toMatchObject({ observed: undefined, node: undefined, ledger: undefined });
    expect(known.listing.map((each) => each.node)).toEqual(['n1']);
  });

  test('bound: its node, that node`s ledger, and what that node sees at its epoch only', () => {
    const bound = runs({}, {});
    expect(knownOf(bound, stage.context)).toMatchObject({
      observed: { state: 'running' },
      node: 'ready',
      ledger: { node: 'n1' },
    });
    const later = addInstance(stage, { ...bound, epoch: 2 });
    expect(knownOf(later, stage.context).observed).toBeUndefined();
  });
});

describe('goes on as it is', () => {
  test.each<[string, () => Known['instance']]>([
    ['one that was never bound', () => instanceOf('web-1')],
    ['one that waits for room', () => instanceOf('web-1', parked)],
    ['one its node has not looked at', () => runs()],
    ['one that starts', () => runs({}, { state: 'starting' })],
    ['one that runs', () => runs({}, {})],
    ['one its agent starts again', () => runs({}, { state: 'backing-off', restarts: 3 })],
    ['one whose end was seen at an earlier epoch', () => ({ ...runs({}, ended), epoch: 2 })],
    ['one that has ended, and is on no ledger', () => instanceOf('web-1', { outcome })],
    ['one that was told to stop', () => ({ ...stopping(), intent: 'stop' })],
  ])('%s', (_, make) => {
    expect(settled(make())).toEqual({ kind: 'keep' });
  });
  const stopping = (): Instance => {
    const bound = runs({ intent: 'stop' }, {});
    const ledger = stage.views.ledgers.get({ node: 'n1' });
    const entry = ledger?.entries['default.web-1'];
    if (ledger && entry) {
      const entries = { 'default.web-1': { ...entry, isStopping: true } };
      stage.views.ledgers.apply('for.n1.ledger', { ...ledger, entries }, at(stage));
    }
    return bound;
  };
});

const parked: Partial<Instance> = { parked: { at: 1, removed: { accepts: 1 }, nodes: 1 } };
const outcome: Instance['outcome'] = { result: 'succeeded', at: 1, message: '' };
const ended: Partial<Observed> = { state: 'failed', exitCode: 1, message: 'exit 1' };
const at = (on: Stage) => ({ revision: on.revision + 1, writer: undefined, at: on.now });

test('one that has ended but is listed is let go, and not written again', () => {
  expect(settled(runs({ outcome }))).toEqual({ kind: 'release', instance: undefined });
});

test('one that got its node after all waits no more', () => {
  const after = written(settled(runs(parked)));
  expect(after).not.toHaveProperty('parked');
});

describe('one that is to stop', () => {
  const stop: Partial<Instance> = { intent: 'stop' };
  test('is told to while it runs', () => {
    expect(settled(runs(stop, {}))).toEqual({ kind: 'stop' });
  });

  test.each<[string, () => Instance, string]>([
    ['was never bound', () => instanceOf('web-1', stop), 'it was not running'],
    [
      'is bound but not listed',
      () => addInstance(stage, instanceOf('web-1', { ...stop, node: 'n1', epoch: 2 })),
      'it was not running',
    ],
    ['has stopped', () => runs(stop, { state: 'stopped', message: 'SIGTERM' }), 'SIGTERM'],
    ['has failed meanwhile', () => runs(stop, { state: 'failed' }), 'ended'],
  ])('is let go where it %s', (_, make, message) => {
    const settlement = settled(make());
    expect(settlement.kind).toBe('release');
    expect(written(settlement).outcome).toEqual({ result: 'stopped', at: stage.now, message });
  });

  test.each<[string, Partial<Node>]>([
    ['offline', { liveness: 'offline' }],
    ['offline for good', { liveness: 'offline', administered: 'failed' }],
  ])('is let go where its node is %s: nobody is there who could end it', (_, more) => {
    const bound = runs(stop, {});
    addNode(stage, 'n1', more);
    const settlement = settled(bound);
    expect(settlement.kind).toBe('release');
    expect(written(settlement).outcome).toMatchObject({ result: 'stopped' });
  });

  test.each<Partial<Node>>([
    { liveness: 'suspect' },
    { administered: 'cordoned' },
    { administered: 'draining' },
  ])('is told to also where its node is %o', (more) => {
    const bound = runs(stop, {});
    addNode(stage, 'n1', more);
    expect(settled(bound)).toEqual({ kind: 'stop' });
  });

  test('of a job, and has succeeded, has succeeded', () => {
    const after = written(settled(runsJob(stop, { state: 'succeeded', exitCode: 0 }), sums));
    expect(after.outcome).toMatchObject({ result: 'succeeded', exitCode: 0 });
  });
});

describe('an instance of a job', () => {
  test('that succeeds has ended, with what it left', () => {
    const seen = { state: 'succeeded', exitCode: 0, changedAt: 77 } as const;
    const settlement = settled(runsJob({}, seen), sums);
    expect(settlement.kind).toBe('release');
    expect(written(settlement)).toMatchObject({
      node: 'n1',
      outcome: { result: 'succeeded', at: 77, exitCode: 0, message: 'ended well' },
      last: { verb: 'succeeded', at: 77 },
    });
  });

  test('that fails runs again while retries are left', () => {
    const after = written(settled(runsJob({}, ended), sums, 1));
    expect(after).toMatchObject({ attempt: 2, failures: 1, notBefore: stage.now + 1_000 });
    expect(after.outcome).toBeUndefined();
  });

  test.each([0, -1])('that fails with %i retries left has failed', (left) => {
    const after = written(settled(runsJob({ attempt: 4 }, ended), sums, left));
    expect(after).toMatchObject({
      attempt: 4,
      outcome: { result: 'failed', exitCode: 1, message: 'exit 1' },
      last: { verb: 'failed' },
    });
  });

  test('that was killed has no exit code', () => {
    const after = written(settled(runsJob({}, { state: 'failed', signal: 'SIGKILL' }), sums, 0));
    expect(after.outcome).toEqual({ result: 'failed', at: expect.any(Number), message: 'failed' });
  });
});

test.each(['service', 'job'] as const)(
  'a %s that its node could not even try is tried elsewhere, and has not failed',
  (kind) => {
    const seen = { ...ended, isUntried: true } as const;
    const of = { attempt: 4, failures: 2 };
    const settlement =
      kind === 'job' ? settled(runsJob(of, seen), sums, 0) : settled(runs(of, seen));
    expect(settlement.kind).toBe('release');
    const after = written(settlement);
    expect(after).toMatchObject({ attempt: 4, failures: 2, avoid: ['n1'] });
    for (const each of ['node', 'outcome', 'notBefore']) expect(after).not.toHaveProperty(each);
  },
);

describe('an instance of a service', () => {
  test.each(['failed', 'succeeded', 'stopped'] as const)('that has %s runs again', (state) => {
    const settlement = settled(runs({}, { state, changedAt: stage.now }));
    expect(settlement.kind).toBe('release');
    const after = written(settlement);
    expect(after).toMatchObject({ attempt: 2, epoch: 1, avoid: ['n1'], last: { verb: 'retried' } });
    expect(after).not.toHaveProperty('node');
    expect(after.outcome).toBeUndefined();
  });

  test('never runs out of retries', () => {
    expect(written(settled(runs({ attempt: 900 }, ended), web, 0)).attempt).toBe(901);
  });
});

describe('the back-off', () => {
  const waitMs = (failures: number, ranMs: number, of: 'job' | 'service') => {
    const seen = { state: 'failed', startedAt: stage.now, changedAt: stage.now + ranMs } as const;
    const bound = of === 'job' ? runsJob({ failures }, seen) : runs({ failures }, seen);
    const after = written(settled(bound, of === 'job' ? sums : web));
    return { waitMs: (after.notBefore ?? 0) - stage.now, failures: after.failures };
  };
  const seconds = (of: 'job' | 'service', ranMs: number) =>
    [0, 1, 2, 3, 4, 5, 6, 7, 60].map((failures) => waitMs(failures, ranMs, of).waitMs / 1_000);

  test('of a job doubles from a second to a minute', () => {
    expect(seconds('job', 10)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  test('of a service, too, after a first move at once', () => {
    expect(seconds('service', 10)).toEqual([0, 1, 2, 4, 8, 16, 32, 60, 60]);
  });

  test('begins anew after a run of ten minutes', () => {
    expect(waitMs(9, 600_000, 'job')).toEqual({ waitMs: 1_000, failures: 1 });
    expect(waitMs(9, 599_999, 'job')).toEqual({ waitMs: 60_000, failures: 10 });
  });
});

test('an instance remembers the last nodes it failed on, and not more', () => {
  const avoid = Array.from({ length: AVOID_MAX }, (_, index) => `old-${index}`);
  const after = written(settled(runs({ avoid }, ended)));
  expect(after.avoid).toEqual([...avoid.slice(1), 'n1']);
});

test('whatever an agent says of an end fits into the record', () => {
  const long = 'x'.repeat(500);
  const again = written(settled(runs({ failures: 5 }, { ...ended, message: long })));
  expect(again.last.message.length).toBeLessThanOrEqual(500);
  expect(written(settled(runsJob({}, { ...ended, message: long }), sums, 0)).outcome?.message).toBe(
    long,
  );
});
