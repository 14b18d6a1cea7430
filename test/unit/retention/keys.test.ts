/** Markers and leftovers: what goes, when, and what never does. */
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS_MAX, type KeySeen, type KeysReport } from '../../../actors/retention/jobs.ts';
import { CLEARED_MAX, keyLimits, keysRead, lookThrough } from '../../../actors/retention/keys.ts';
import { newState, type State } from '../../../actors/retention/state.ts';
import type { Bucket } from '../../../subjects/index.ts';
import { ofKind } from '../../support/effects.ts';
import { addBound, addInstance, addNode, instanceOf } from '../../support/records.ts';
import { due, Stage } from '../../support/stage.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const limits = { ...keyLimits, markers: 3 };
const read = keysRead(limits);

let stage: Stage;
let state: State;
beforeEach(() => {
  stage = new Stage();
  state = newState();
  for (const bucket of ['shoal', 'shoal-observed'] as const) {
    state.leftovers.set(bucket, { before: new Map(), now: new Map() });
  }
});

const seen = (key: string, ageMs: number, isMarker = true): KeySeen => ({
  ...{ key, revision: 7, at: stage.now - ageMs, isMarker },
});

function tell(outcome: KeysReport, bucket: Bucket = 'shoal') {
  return ofKind(read(state, { outcome, memo: { bucket } }, stage.context), 'run');
}

/** The keys that are cleared of those seen, when they are as they were in the round before. */
function cleared(keys: readonly KeySeen[], bucket: Bucket = 'shoal'): string[] {
  for (const value of keys) state.leftovers.get(bucket)?.before.set(value.key, value.revision);
  return clearedNow(keys, bucket);
}

/** The keys that are cleared of those seen. */
function clearedNow(keys: readonly KeySeen[], bucket: Bucket = 'shoal'): string[] {
  const [job] = tell({ kind: 'keys', keys }, bucket);
  if (!job) return [];
  expect(job).toMatchObject({ job: 'clear', input: { bucket } });
  return (job.input as { keys: KeySeen[] }).keys.map((each) => each.key);
}

const end = (markers: number, isWhole = true): void => {
  tell({ kind: 'end', markers, isWhole });
};

test('both buckets are looked through, one after another', () => {
  const [first] = ofKind(lookThrough(state, due(), stage.context), 'run');
  expect(first).toMatchObject({ job: 'keys', input: { bucket: 'shoal' } });
  const [second] = tell({ kind: 'end', markers: 0, isWhole: true });
  expect(second).toMatchObject({ job: 'keys', input: { bucket: 'shoal-observed' } });
  expect(tell({ kind: 'end', markers: 0, isWhole: true }, 'shoal-observed')).toEqual([]);
});

describe('a marker', () => {
  test('goes after a day, of records whose return does no harm', () => {
    const keys = ['instance.acme.web-a', 'workload.acme.web', 'for.n1.spec.acme.web.1'];
    expect(cleared(keys.map((key) => seen(key, DAY + 1)))).toEqual(keys);
    expect(cleared(keys.map((key) => seen(key, DAY - 1)))).toEqual([]);
    expect(cleared([seen('n1.acme.web-a', DAY + 1)], 'shoal-observed')).toEqual(['n1.acme.web-a']);
  });

  test('of a route, a letter, a node, a ledger, a lease or a tenant never goes', () => {
    const keys = ['route.acme.hello.localhost', 'dead.scheduler.1x2y', 'node.n1', 'for.n1.ledger'];
    keys.push('lease.workload.0', 'tenant.acme', 'what.ever');
    expect(cleared(keys.map((key) => seen(key, 1_000 * DAY)))).toEqual([]);
  });

  test('goes sooner where there are too many, the oldest, but none that is young', () => {
    const keys = [5, 4, 3, 2, 1].map((hours) => seen(`instance.acme.web-${hours}`, hours * HOUR));
    expect(cleared(keys)).toEqual([]);
    end(5);
    expect(cleared(keys)).toEqual(['instance.acme.web-5', 'instance.acme.web-4']);
    end(5);
    expect(cleared(keys.map((each) => ({ ...each, at: stage.now - 599_000 })))).toEqual([]);
  });

  test('is not counted where not all were told of', () => {
    end(5, false);
    expect(cleared([seen('instance.acme.web-a', HOUR)])).toEqual([]);
  });
});

describe('a spec', () => {
  const key = 'for.n1.spec.default.web.1';

  test('that no ledger needs goes; while one does, or it is fresh, it stays', () => {
    addNode(stage, 'n1');
    expect(cleared([seen(key, HOUR, false)])).toEqual([key]);
    expect(cleared([seen(key, 599_000, false)])).toEqual([]);
    addBound(stage, 'n1', instanceOf('web-a'));
    expect(cleared([seen(key, HOUR, false)])).toEqual([]);
    expect(cleared([seen('for.n1.spec.default.web.2', HOUR, false)])).toHaveLength(1);
    expect(cleared([seen('for.n2.spec.default.web.1', HOUR, false)])).toHaveLength(1);
  });

  test('goes when it is met a second time, a round later, as it was, whatever the clock says', () => {
    addNode(stage, 'n1');
    const round = (revision: number): string[] => {
      lookThrough(state, due(), stage.context);
      return clearedNow([{ ...seen(key, 100 * DAY, false), revision }]);
    };
    expect([round(7), round(8), round(8), round(8)]).toEqual([[], [], [key], [key]]);
    expect(clearedNow([{ ...seen('for.n1.spec.default.web.2', HOUR, false) }])).toEqual([]);
  });
});

describe('what a node saw', () => {
  const key = 'n1.default.web-a';
  const observed = (ageMs = HOUR) => cleared([seen(key, ageMs, false)], 'shoal-observed');

  test('goes with the instance, not before, and not as long as the ledger lists it', () => {
    addNode(stage, 'n1');
    addInstance(stage, instanceOf('web-a'));
    expect(observed()).toEqual([]);
    stage.put(stage.views.instances.record, { tenant: 'default', instance: 'web-a' }, undefined);
    expect(observed(599_000)).toEqual([]);
    expect(observed()).toEqual([key]);
    addBound(stage, 'n1', instanceOf('web-a'));
    stage.put(stage.views.instances.record, { tenant: 'default', instance: 'web-a' }, undefined);
    expect(observed()).toEqual([]);
  });

  test('goes when there is no such node', () => {
    addInstance(stage, instanceOf('web-a'));
    expect(observed()).toEqual([key]);
  });
});

test('other values never go', () => {
  const keys = ['instance.acme.web-a', 'workload.acme.web', 'node.n1', 'for.n1.ledger', 'x.y'];
  expect(cleared(keys.map((key) => seen(key, 1_000 * DAY, false)))).toEqual([]);
});

test('a round clears so many and no more', () => {
  lookThrough(state, due(), stage.context);
  let count = 0;
  for (let report = 0; report < 30; report++) {
    const keys = Array.from({ length: KEYS_MAX }, (_, n) =>
      seen(`instance.acme.web-${report}x${n}`, 2 * DAY),
    );
    count += cleared(keys).length;
  }
  expect(count).toBe(CLEARED_MAX);
});
