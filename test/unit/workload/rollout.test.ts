/** From one version of a service to another and back: canaries, deadlines, revisions, drains. */
import { describe, expect, test } from 'vitest';
import type { Effects } from '../../../actors/runtime/effect.ts';
import { forgetFinished } from '../../../actors/workload/finished.ts';
import { remove, scale } from '../../../actors/workload/orders.ts';
import { reconcile } from '../../../actors/workload/reconcile.ts';
import { abort, promote, undo } from '../../../actors/workload/rollout-orders.ts';
import { newState } from '../../../actors/workload/state.ts';
import { sweep } from '../../../actors/workload/sweep.ts';
import {
  heldUpBy,
  REVISIONS_KEPT,
  type Revision,
  revisionRecord,
  rolloutAbort,
  rolloutPromote,
  rolloutUndo,
  tenantRecord,
  workloadDelete,
  workloadScale,
} from '../../../subjects/index.ts';
import { answerIn, codeIn } from '../../support/effects.ts';
import { addNode } from '../../support/records.ts';
import { RolloutSite, web } from '../../support/rollout-site.ts';
import { due, received } from '../../support/stage.ts';

const rolling = { strategy: 'rolling', deadline: '1m' };
const canary = { strategy: 'canary', canary: { count: 1 }, deadline: '1m' };

/** A site whose service is complete at its first version, so that 2 is the next. */
function site(update: object | undefined, nodes?: readonly string[]): RolloutSite {
  const made = new RolloutSite(nodes);
  made.apply('a', { update });
  made.runs(6);
  expect(made.versions).toEqual([1, 1, 1]);
  return made;
}

const promoted = (at: RolloutSite, more = {}): Effects =>
  promote(newState(), received(rolloutPromote, web, more), at.stage.context);
const aborted = (at: RolloutSite, more = {}): Effects =>
  abort(newState(), received(rolloutAbort, web, more), at.stage.context);
const undone = (at: RolloutSite, more = {}): Effects =>
  undo(newState(), received(rolloutUndo, web, more), at.stage.context);
const revisions = (at: RolloutSite): readonly Revision[] =>
  [...at.stage.views.revisions.entries()].map(({ value }) => value);
const ids = (at: RolloutSite) =>
  at.running.map(({ instance, epoch }) => `${instance}@${epoch}`).sort();

describe('canaries', () => {
  test('stand beside all that served until somebody promotes them; then they replace the rest', () => {
    const at = site(canary);
    const before = ids(at);
    at.apply('b', { update: canary });
    at.runs(20, () => expect(at.versions.filter((each) => each === 2).length).toBeLessThan(2));
    expect(at.versions).toEqual([1, 1, 1, 2]);
    expect(ids(at)).toEqual(expect.arrayContaining(before));
    expect(at.status).toMatchObject({ state: 'paused', updated: 1, ready: 1, available: 4 });
    // However long that takes.
    at.runs(3, undefined, 3_600_000);
    expect(at.versions).toEqual([1, 1, 1, 2]);
    at.does(promoted(at));
    expect(answerIn(promoted(at))).toEqual({
      ok: true,
      value: { generation: 2, templateGeneration: 2 },
    });
    at.runs(20, () => expect(at.ready).toBeGreaterThanOrEqual(3));
    expect(at.versions).toEqual([2, 2, 2]);
    expect(at.status.state).toBe('complete');
    expect(at.told).toEqual([
      ...['created: service of 3', 'complete: version 1: all 3 ready'],
      'updated: generation 2: 1 first, the rest when it is promoted',
      ...['promoted: version 2 replaces the rest', 'complete: version 2: all 3 ready'],
    ]);
  });

  test('go when they are aborted, and nothing that served is touched', () => {
    const at = site(canary);
    const before = ids(at);
    at.apply('b', { update: canary });
    at.runs(10);
    at.does(aborted(at));
    at.runs(10);
    expect(ids(at)).toEqual(before);
    expect(at.workload).toMatchObject({ generation: 3, templateGeneration: 1 });
    expect(at.workload.spec.environment).toEqual({ VERSION: 'a' });
    expect(at.status.state).toBe('complete');
    expect(codeIn(aborted(at))).toBe('rollout-none');
    expect(codeIn(promoted(at))).toBe('rollout-none');
  });

  test('are not promoted before they are ready, nor where there are none', () => {
    const at = site(canary);
    expect(codeIn(promoted(at))).toBe('rollout-none');
    at.behaviours.set(2, 'starting');
    at.apply('b', { update: canary });
    at.runs(6);
    const answer = answerIn(promoted(at));
    expect(answer).toMatchObject({ ok: false, refusal: { code: 'rollout-unready' } });
    expect(JSON.stringify(answer)).toContain('0 of 1 canaries of web are ready');
    expect(codeIn(promoted(at, { ifGeneration: 1 }))).toBe('generation-stale');
  });

  test('lose none of those that serve: one whose node is lost comes back at its own version', () => {
    const at = site(canary);
    at.apply('b', { update: canary });
    at.runs(10);
    const [victim] = at.running.filter(({ generation }) => generation === 1);
    addNode(at.stage, victim?.node ?? '', { liveness: 'offline' });
    at.runs(10);
    expect(at.versions).toEqual([1, 1, 1, 2]);
    expect(at.ready).toBe(4);
    const specs = [...at.stage.views.specs.entries()].map(({ value }) => value);
    expect(specs.find(({ generation }) => generation === 1)?.spec.environment).toEqual({
      VERSION: 'a',
    });
  });

  test('are as many when the service is scaled meanwhile', () => {
    const at = site(canary);
    at.apply('b', { update: canary });
    at.runs(10);
    at.does(scale(newState(), received(workloadScale, web, { count: 5 }), at.stage.context));
    at.runs(10);
    expect(at.versions).toEqual([1, 1, 1, 1, 1, 2]);
  });

  test('are not made of a version that is there already when the strategy becomes theirs', () => {
    const at = site(rolling);
    at.apply('b', { update: rolling });
    at.runs(30);
    at.apply('b', { update: canary });
    at.runs(10);
    expect(at.versions).toEqual([2, 2, 2]);
    const plain = site(undefined);
    plain.apply('b');
    plain.runs(2);
    plain.apply('b', { update: canary });
    plain.runs(30);
    expect(plain.versions).toEqual([2, 2, 2]);
  });

  test('of a third version leave those that serve, and only the newest are promoted', () => {
    const at = site(canary);
    at.apply('b', { update: canary });
    at.runs(10);
    at.apply('c', { update: canary });
    at.runs(20);
    expect(at.versions).toEqual([1, 1, 1, 3]);
    at.does(promoted(at));
    at.runs(20);
    expect(at.versions).toEqual([3, 3, 3]);
  });
});

describe('versions of a service', () => {
  test('are kept with whether they were complete, and undone to: what runs, not how many', () => {
    const at = site(undefined);
    at.apply('b', { count: 4 });
    at.runs(30);
    expect(revisions(at)).toMatchObject([{ generation: 1, completedAt: expect.any(Number) }]);
    at.does(undone(at));
    at.runs(30);
    expect(at.versions).toEqual([1, 1, 1, 1]);
    expect(at.workload).toMatchObject({ generation: 3, spec: { environment: { VERSION: 'a' } } });
    at.does(undone(at));
    at.runs(30);
    expect(at.workload).toMatchObject({ templateGeneration: 2, spec: { count: 4 } });
    expect(codeIn(undone(at, { to: 7 }))).toBe('revision-not-found');
    at.does(undone(at, { to: 1, ifGeneration: 4 }));
    expect(at.workload.templateGeneration).toBe(1);
    // What is so already is answered, and changes nothing.
    expect(undone(at, { to: 1 })).toHaveLength(1);
  });

  test.each([
    ['undone', rolling, rolloutUndo, undo],
    ['aborted', rolling, rolloutAbort, abort],
  ] as const)(
    'are %s once, though the ask comes again while instances are replaced',
    (_, update, contract, step) => {
      const at = site(update);
      at.apply('b', { update });
      // Undone when it is complete, aborted before.
      at.runs(contract === rolloutUndo ? 30 : 2);
      const ask = {
        ...received(contract as typeof rolloutUndo, web, { ifGeneration: 2 }),
        seen: at.stage.revision,
      };
      const asked = () => (step as typeof undo)(newState(), ask, at.stage.context);
      at.does(asked());
      const answer = { ok: true, value: { generation: 3, templateGeneration: 1 } };
      at.runs(2);
      expect(at.stage.views.workloads.revision('workload.default.web')).toBeGreaterThan(
        ask.seen + 5,
      );
      const again = asked();
      expect(answerIn(again)).toEqual(answer);
      expect(again).toHaveLength(1);
      // With what the sender has seen by now it is the same ask.
      ask.seen = at.stage.revision;
      expect(answerIn(asked())).toEqual(answer);
      at.runs(30);
      expect(at.versions).toEqual([1, 1, 1]);
      // Another one is another.
      expect(
        codeIn((step as typeof undo)(newState(), { ...ask, id: 'other' }, at.stage.context)),
      ).toBe('generation-stale');
    },
  );

  test('are as many as are kept, the oldest go first', () => {
    const at = site(undefined);
    for (let version = 0; version < REVISIONS_KEPT + 4; version++) {
      at.apply(`v${version}`);
      at.runs(30);
    }
    const kept = revisions(at).map(({ generation }) => generation);
    expect(kept).toHaveLength(REVISIONS_KEPT + 1);
    expect(Math.min(...kept)).toBe(4);
  });

  test('are as many as the tenant wants, of those that nothing may go back to by itself', () => {
    const at = site(rolling);
    for (let version = 0; version < 8; version++) {
      at.apply(`v${version}`, { update: rolling });
      at.runs(30);
    }
    const tenant = 'default';
    const retention = { revisions: { age: '1h' } };
    const last = { verb: 'changed', at: 1, message: '' };
    at.stage.put(tenantRecord, { tenant }, { tenant, retention, generation: 1, last });
    at.does(forgetFinished(newState(), due(tenant), at.stage.context));
    expect(revisions(at)).toHaveLength(9);
    at.stage.now += 3_601_000;
    at.does(forgetFinished(newState(), due(tenant), at.stage.context));
    expect(revisions(at).map(({ generation }) => generation)).toEqual([8, 9]);
  });

  test('go with their workload, and those that come back go again', () => {
    const at = site(undefined);
    at.apply('b');
    at.runs(30);
    const [old] = revisions(at);
    at.does(remove(newState(), received(workloadDelete, web, {}), at.stage.context));
    at.runs(10);
    expect(revisions(at)).toEqual([]);
    const back = (): void => {
      const tokens = { ...web, generation: '1' };
      at.stage.put(revisionRecord, tokens, old);
    };
    back();
    const due1 = sweep(newState(), due(), at.stage.context);
    expect(JSON.stringify(due1)).toContain('default.web');
    at.looks();
    expect(revisions(at)).toEqual([]);
    // Nor are they taken for versions of a workload that has the name later.
    at.stage.now += 1_000;
    at.apply('c', { update: rolling });
    back();
    at.runs(6);
    expect(revisions(at).map(({ createdAt }) => createdAt)).toEqual([at.workload.createdAt]);
  });

  test('of a job there are none', () => {
    const at = new RolloutSite();
    expect(codeIn(undone(at))).toBe('workload-not-found');
  });
});

describe('recreate', () => {
  test('never has two versions at once', () => {
    const at = site({ strategy: 'recreate' });
    at.apply('b', { update: { strategy: 'recreate' } });
    const seen = new Set<string>();
    at.runs(20, () => {
      const listed = [...at.stage.views.ledgers.entries()].flatMap(({ value }) =>
        Object.values(value.entries).map(({ generation }) => generation),
      );
      seen.add([...new Set(listed)].sort().join());
    });
    expect([...seen].sort()).toEqual(['', '1', '2']);
    expect(at.versions).toEqual([2, 2, 2]);
  });
});

test('what holds a rollout up is told with how it ended last, though it runs again just now', () => {
  const at = site(rolling);
  at.apply('b', { update: rolling });
  at.runs(2);
  const lastEnd = { at: at.stage.now, message: 'exited with 7' };
  const again = at.members.map((each) => ({
    ...each,
    phase: 'running' as const,
    observed: each.observed && { ...each.observed, message: undefined, isReady: false, lastEnd },
  }));
  expect(heldUpBy(at.workload, again)).toMatch(/^web-\w{5}.* is not ready: exited with 7$/);
});

describe('nodes that are drained', () => {
  const draining = { administered: 'draining' } as const;

  test('several at once: never below minAvailable, and all is elsewhere in the end', () => {
    const at = site({ strategy: 'rolling', minAvailable: 2, maxSurge: 0 }, [
      'n1',
      'n2',
      'n3',
      'n4',
    ]);
    for (const id of ['n1', 'n2', 'n3']) addNode(at.stage, id, draining);
    at.runs(30, () => expect(at.ready).toBeGreaterThanOrEqual(2));
    expect(at.running.map(({ node }) => node)).toEqual(['n4', 'n4', 'n4']);
  });

  test('where minAvailable keeps the rest they wait, and at the deadline what is left is stopped', () => {
    const at = site({ strategy: 'rolling' }, ['n1']);
    const drain = { since: at.stage.now, deadlineMs: 10_000 };
    addNode(at.stage, 'n1', { ...draining, drain });
    at.runs(90);
    expect(at.ready).toBe(3);
    expect(heldUpBy(at.workload, at.members)).toContain('has no node: none of 1 nodes');
    at.runs(20);
    expect(at.ready).toBe(0);
    expect(at.running.every(({ node }) => node === undefined)).toBe(true);
    expect(at.running).toHaveLength(3);
  });

  test('are looked at when their deadline comes, though nothing else happens', () => {
    const at = site({ strategy: 'rolling' }, ['n1']);
    addNode(at.stage, 'n1', { ...draining, drain: { since: at.stage.now, deadlineMs: 10_000 } });
    at.runs(10);
    const effects = reconcile('default.web', at.stage.context);
    expect(effects).toMatchObject([{ kind: 'after', name: 'later', delayMs: 9_000 }]);
  });
});

describe('an instance that callers are sent to', () => {
  const leaving = (at: RolloutSite) =>
    [...at.stage.views.ledgers.entries()].flatMap(({ value }) =>
      Object.values(value.entries).filter(({ isStopping }) => isStopping),
    );
  const ingress = { ports: [{ name: 'http' }], ingress: { host: 'web.localhost' } };

  test.each([
    ['leaves the ingress half a second before its node is told to end it', ingress, 500],
    ['is told at once where nobody calls it by a host name', {}, 0],
  ])('%s', (_, spec, waitMs) => {
    const at = new RolloutSite();
    at.apply('a', spec);
    at.runs(6);
    at.does(scale(newState(), received(workloadScale, web, { count: 2 }), at.stage.context));
    at.looks();
    expect(at.running).toHaveLength(2);
    const effects = reconcile('default.web', at.stage.context);
    at.does(effects);
    expect(leaving(at)).toHaveLength(waitMs > 0 ? 0 : 1);
    if (waitMs === 0) return;
    expect(effects).toMatchObject([{ kind: 'after', name: 'later', delayMs: waitMs }]);
    at.stage.now += waitMs - 1;
    at.looks();
    expect(leaving(at)).toEqual([]);
    at.stage.now += 1;
    at.looks();
    expect(leaving(at)).toHaveLength(1);
  });

  test('is not waited for when the clock is set back', () => {
    const at = new RolloutSite();
    at.apply('a', ingress);
    at.runs(6);
    at.does(scale(newState(), received(workloadScale, web, { count: 2 }), at.stage.context));
    at.looks();
    at.stage.now -= 3_600_000;
    at.looks();
    expect(leaving(at)).toHaveLength(1);
  });
});

test('of two copies that decide from one state, as at a takeover, only one retires anything', () => {
  const update = { strategy: 'rolling', maxSurge: 2, minAvailable: 2 };
  const at = site(update, ['n1', 'n2', 'n3']);
  at.apply('b', { update });
  const one = at.stage.plan(reconcile('default.web', at.stage.context));
  const other = at.stage.plan(reconcile('default.web', at.stage.context));
  while (!one.isDone) expect(one.next()).toBe(true);
  expect(at.running).toHaveLength(5 - 1 + 1);
  const after = ids(at);
  expect(other.next()).toBe(false);
  expect(ids(at)).toEqual(after);
});
