/** Rollouts that make no progress are given up at their deadline, and no others. */
import { describe, expect, test } from 'vitest';
import { scale } from '../../../actors/workload/orders.ts';
import { newState } from '../../../actors/workload/state.ts';
import { workloadScale } from '../../../subjects/index.ts';
import { addNode } from '../../support/records.ts';
import { RolloutSite, web } from '../../support/rollout-site.ts';
import { received } from '../../support/stage.ts';

const rolling = { strategy: 'rolling', deadline: '1m' };
const canary = { strategy: 'canary', canary: { count: 1 }, deadline: '1m' };

/** A site whose service is complete at its first version, so that 2 is the next. */
function site(update: object | undefined): RolloutSite {
  const made = new RolloutSite();
  made.apply('a', { update });
  made.runs(6);
  return made;
}

const ids = (at: RolloutSite) =>
  at.running.map(({ instance, epoch }) => `${instance}@${epoch}`).sort();

describe('a version that makes no progress', () => {
  test.each([rolling, canary])(
    'is rolled back once, with which instance and why: $strategy',
    (update) => {
      const at = site(update);
      const before = ids(at);
      at.behaviours.set(2, 'failing');
      at.apply('b', { update });
      at.runs(700);
      expect(ids(at)).toEqual(before);
      expect(at.workload).toMatchObject({
        generation: 3,
        templateGeneration: 1,
        rollout: { failed: { generation: 2 } },
      });
      const back = at.told.filter((each) => each.startsWith('rolled-back'));
      expect(back).toHaveLength(1);
      expect(back[0]).toMatch(
        /^rolled-back: to version 1: version 2 made no progress for 1m: web-\w{5} on n\d \(backing-off\) is not ready: exited with 3$/,
      );
      expect(at.status.state).toBe('rolled-back');
    },
  );

  test('is given until the deadline anew with each instance that becomes ready', () => {
    const at = site(rolling);
    at.behaviours.set(2, 'starting');
    at.apply('b', { update: rolling });
    at.runs(500);
    const [first] = at.running.filter(({ generation }) => generation === 2);
    at.behaviours.set(first?.instance ?? '', 'ready');
    at.runs(500);
    expect(at.workload.templateGeneration).toBe(2);
    expect(at.status).toMatchObject({ state: 'progressing', ready: 1, updated: 2 });
    at.runs(200);
    expect(at.workload.templateGeneration).toBe(1);
  });

  describe('after its canaries waited for a person overnight', () => {
    const waiting = (): RolloutSite => {
      const at = site(canary);
      at.apply('b', { update: canary });
      at.runs(10);
      at.runs(2, undefined, 3_600_000);
      expect(at.status.state).toBe('paused');
      return at;
    };

    test('is given all of its time when one of them is not ready any more', () => {
      const at = waiting();
      at.behaviours.set(2, 'starting');
      at.runs(590);
      expect(at.workload).toMatchObject({ generation: 2, templateGeneration: 2 });
      expect(at.status.deadlineAt).toBeGreaterThan(at.stage.now);
      at.behaviours.set(2, 'ready');
      at.runs(5);
      at.runs(2, undefined, 3_600_000);
      expect(at.status.state).toBe('paused');
      at.behaviours.set(2, 'starting');
      at.runs(610);
      expect(at.workload).toMatchObject({ templateGeneration: 1, rollout: { failed: {} } });
    });

    test('outlives the loss of the node one of them is on', () => {
      const at = waiting();
      const lost = at.running.find(({ generation }) => generation === 2);
      addNode(at.stage, lost?.node ?? '', { liveness: 'offline' });
      at.runs(20);
      expect(at.versions).toEqual([1, 1, 1, 2]);
      expect(at.running.find(({ generation }) => generation === 2)?.node).not.toBe(lost?.node);
      expect(at.status.state).toBe('paused');
    });
  });

  test('is given up although its canaries are ready now and then: what they stand is not counted', () => {
    const at = site(canary);
    at.apply('b', { update: canary });
    at.runs(10);
    const flaps = (times: number): void => {
      for (let time = 0; time < times; time++) {
        at.behaviours.set(2, 'failing');
        at.runs(100);
        at.behaviours.set(2, 'ready');
        at.runs(100);
      }
    };
    flaps(5);
    expect(at.workload.templateGeneration).toBe(2);
    flaps(1);
    at.behaviours.set(2, 'failing');
    at.runs(100);
    expect(at.workload).toMatchObject({ templateGeneration: 1, rollout: { failed: {} } });
  });

  test('is not rolled back to one that never was complete: that is said, and it goes on', () => {
    const at = new RolloutSite();
    at.behaviours.set(1, 'failing').set(2, 'failing');
    at.apply('a', { update: rolling });
    at.runs(300);
    at.apply('b', { update: rolling });
    at.runs(1_300);
    expect(at.workload.templateGeneration).toBe(2);
    const stalled = at.told.filter((each) => each.startsWith('stalled'));
    expect(stalled).toHaveLength(1);
    expect(stalled[0]).toContain('there is no version to go back to that was complete');
    expect(at.status.state).toBe('failed');
    at.behaviours.set(2, 'ready');
    at.runs(20);
    expect(at.status.state).toBe('complete');
  });

  test('is left as it is where nobody wants to go back', () => {
    const update = { ...rolling, rollback: false };
    const at = site(update);
    at.behaviours.set(2, 'failing');
    at.apply('b', { update });
    at.runs(1_300);
    expect(at.workload).toMatchObject({
      templateGeneration: 2,
      rollout: { failed: { generation: 2 } },
    });
    expect(at.ready).toBe(3);
    expect(at.told.filter((each) => each.startsWith('stalled'))).toHaveLength(1);
  });

  test('is not one that was complete, however long it is down later', () => {
    const at = site(rolling);
    at.behaviours.set(1, 'failing');
    at.runs(5, undefined, 3_600_000);
    expect(at.told.filter((each) => /^(stalled|rolled-back)/.test(each))).toEqual([]);
  });

  test('is given its time from when it is scaled up: of none, none could become ready', () => {
    const at = new RolloutSite();
    at.behaviours.set(1, 'starting');
    at.apply('a', { count: 0, update: rolling });
    at.runs(3, undefined, 3_600_000);
    at.does(scale(newState(), received(workloadScale, web, { count: 2 }), at.stage.context));
    at.runs(500);
    expect(at.workload.rollout).not.toHaveProperty('failed');
    at.runs(200);
    expect(at.status.state).toBe('failed');
  });

  test('is given its time from when a strategy is first asked for', () => {
    const at = site(undefined);
    at.apply('b');
    at.runs(30);
    at.behaviours.set(at.running[0]?.instance ?? '', 'failing');
    at.runs(3, undefined, 3_600_000);
    at.apply('b', { update: rolling });
    at.runs(300);
    expect(at.workload.templateGeneration).toBe(2);
    expect(at.status.state).toBe('progressing');
  });

  test('is the same to whoever takes over: the clock that was set an hour ahead is not waited for', () => {
    const at = site(rolling);
    at.behaviours.set(2, 'starting');
    at.apply('b', { update: rolling });
    at.runs(10);
    at.stage.now += 3_600_000;
    at.stage.clockSetMs = 3_600_000;
    at.runs(10);
    expect(at.workload.templateGeneration).toBe(2);
  });
});

describe('a version whose instances wait until all others have ended', () => {
  const recreate = { strategy: 'recreate', deadline: '1m' };
  /** One instance of version 1 does not end, whoever tells it to. */
  const stuck = (update: object, grace = '10s'): RolloutSite => {
    const at = site(update);
    at.behaviours.set(at.running[0]?.instance ?? '', 'unending');
    at.apply('b', { update, grace });
    return at;
  };

  test('is rolled back when one of them does not end, with which: the service serves again', () => {
    const at = stuck(recreate);
    at.runs(650);
    expect(at.versions).toEqual([]);
    expect(at.status.waitsFor).toMatch(
      /^web-\w{5} on n\d \(stopping\) of version 1 has not ended$/,
    );
    expect(at.status.deadlineAt).toBeGreaterThan(at.stage.now);
    at.runs(80);
    expect(at.workload).toMatchObject({ templateGeneration: 1, rollout: { failed: {} } });
    expect(at.told.filter((each) => each.startsWith('rolled-back'))).toEqual([
      expect.stringMatching(
        /to version 1: version 2 made no progress for 1m: web-\w{5} on n\d \(stopping\) of version 1 has not ended$/,
      ),
    ]);
    // The one that does not end keeps its place.
    expect(at.versions).toEqual([1, 1]);
    expect(at.ready).toBe(2);
  });

  test('is said to have failed where nobody wants to go back, and begins when it has ended', () => {
    const at = stuck({ ...recreate, rollback: false });
    at.runs(800);
    expect(at.status.state).toBe('failed');
    at.behaviours.clear();
    at.runs(10);
    expect(at.versions).toEqual([2, 2, 2]);
    expect(at.status.state).toBe('complete');
  });

  test('gives them their grace before its own time begins', () => {
    const at = stuck(recreate, '5m');
    at.runs(30, undefined, 10_000);
    expect(at.workload.templateGeneration).toBe(2);
    at.runs(10, undefined, 10_000);
    expect(at.workload.templateGeneration).toBe(1);
  });
});
