/** A clock that is set by an hour, at each place that compares times of day. */
import { describe, expect, test } from 'vitest';
import { sweep as sweepLetters } from '../../../actors/dead/sweep.ts';
import { beat, listen } from '../../../actors/membership/liveness.ts';
import { newState as newMembership } from '../../../actors/membership/state.ts';
import { keyLimits, mayGo } from '../../../actors/retention/keys.ts';
import { look as lookAtStreams } from '../../../actors/retention/rounds.ts';
import { newState as newRetention } from '../../../actors/retention/state.ts';
import { clockSetOf, earlierOf, passedMs, watchClock } from '../../../actors/runtime/clock-set.ts';
import { silentLog } from '../../../actors/runtime/log.ts';
import { FakeClock } from '../../../actors/runtime/memory/clock.ts';
import { Quarantine } from '../../../actors/runtime/quarantine.ts';
import { toForget } from '../../../actors/workload/finished.ts';
import { reconcile } from '../../../actors/workload/reconcile.ts';
import { isHeldBack, nodeBeat, placeWork, workloadRecord } from '../../../subjects/index.ts';
import { ofKind, sent, written } from '../../support/effects.ts';
import {
  addInstance,
  addNode,
  addWorkload,
  instanceOf,
  workloadOf,
} from '../../support/records.ts';
import { SettableClock } from '../../support/settable-clock.ts';
import { job, service } from '../../support/specs.ts';
import { due, received, Stage } from '../../support/stage.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const ways = [
  ['forward', HOUR],
  ['back', -HOUR],
] as const;

describe('a clock that is set', () => {
  test('is known by how far, and slow looks and a little drift are not', () => {
    const fake = new FakeClock();
    const clock = new SettableClock(fake);
    const setMs = clockSetOf(clock);
    fake.advance(5 * MINUTE);
    clock.setMs = 900;
    expect(setMs()).toBe(0);
    for (const [, far] of ways) {
      clock.setMs = far;
      expect(setMs()).toBe(far);
    }
    clock.setMs = 0;
    expect(setMs()).toBe(0);
  });

  test('is said once each time, with how far', () => {
    const fake = new FakeClock();
    const clock = new SettableClock(fake);
    const told: string[] = [];
    const close = watchClock(clock, { ...silentLog, warn: (message) => void told.push(message) });
    fake.advance(10_000);
    for (const setMs of [HOUR, 0, -HOUR]) {
      clock.setMs = setMs;
      fake.advance(10_000);
    }
    close();
    clock.setMs = HOUR;
    fake.advance(10_000);
    expect(told.map((each) => /set (.*?);/.exec(each)?.[1])).toEqual([
      ...['forward by 3600 s', 'back by 3600 s', 'back by 3600 s'],
    ]);
  });

  test.each(ways)('%s: how long ago something was is never more than it was', (_way, setMs) => {
    const at = 10 * HOUR;
    const old = at + MINUTE;
    expect(passedMs(at, { now: old + setMs, clockSetMs: setMs })).toBe(MINUTE);
    // Written down after it was set.
    const times = { now: at + MINUTE, clockSetMs: setMs };
    expect(passedMs(at, times)).toBe(MINUTE);
    expect(earlierOf(times)).toBeLessThanOrEqual(times.now);
  });
});

describe.each(ways)('an hour %s', (_way, setMs) => {
  const jump = (stage: Stage): void => {
    stage.now += setMs;
    stage.clockSetMs = setMs;
  };

  test('a job keeps the deadline it had, and fails at it', () => {
    const stage = new Stage();
    addNode(stage, 'n1');
    const spec = job(1, { deadline: '10m' });
    addWorkload(stage, workloadOf('sums', spec, { createdAt: stage.now }));
    stage.now += 5 * MINUTE;
    jump(stage);
    const outcome = () =>
      written(reconcile('default.sums', stage.context), workloadRecord)[0]?.outcome;
    const looks = ofKind(reconcile('default.sums', stage.context), 'after');
    expect(outcome()).toBeUndefined();
    expect(Math.max(...looks.map((each) => each.delayMs))).toBeLessThanOrEqual(5 * MINUTE);
    stage.now += 5 * MINUTE;
    expect(outcome()).toMatchObject({ result: 'failed' });
  });

  test('a back-off is over within its longest time', () => {
    const stage = new Stage();
    addNode(stage, 'n1');
    addWorkload(stage, workloadOf('web', service(1)));
    const waiting = instanceOf('web-1', { notBefore: stage.now + 30_000, attempt: 2 });
    addInstance(stage, waiting);
    const asked = () => sent(reconcile('default.web', stage.context), placeWork).length;
    expect([asked(), isHeldBack(waiting, stage.now)]).toEqual([0, true]);
    jump(stage);
    expect([asked(), isHeldBack(waiting, stage.now)]).toEqual([1, false]);
  });

  test('nobody is declared, and nobody is suspect', () => {
    const stage = new Stage();
    addNode(stage, 'n1');
    const state = newMembership();
    const hear = () => {
      const connection = { server: 'S', client: 1 };
      const body = { incarnation: 1, applied: stage.revision, connection };
      return beat(state, received(nodeBeat, { node: 'n1' }, body), stage.context);
    };
    const listenNow = listen({ times: 10, withinMs: MINUTE });
    const at = () => listenNow(state, due(), stage.context);
    at();
    hear();
    jump(stage);
    for (let tick = 0; tick < 12; tick++) {
      expect(at()).toEqual([]);
      stage.now += 250;
      if (tick % 4 === 3) expect(hear()).toEqual([]);
    }
  });

  test('an agent that is behind is told', () => {
    const stage = new Stage();
    addNode(stage, 'n1');
    const state = newMembership();
    stage.now += 2_000;
    jump(stage);
    listen({ times: 10, withinMs: MINUTE })(state, due(), stage.context);
    const body = { incarnation: 1, applied: 0, connection: { server: 'S', client: 1 } };
    const told = beat(state, received(nodeBeat, { node: 'n1' }, body), stage.context);
    expect(told).toMatchObject([{ payload: { want: 'ledger' } }]);
  });

  test('what is set aside is tried again in its time', () => {
    const aside = new Quarantine();
    for (let time = 0; time < 3; time++) aside.threw('it', HOUR);
    expect(aside.until('it', HOUR + 1_000)).toBe(HOUR + MINUTE);
    expect(aside.until('it', HOUR + setMs)).toBeUndefined();
  });

  test('nothing goes by its age, and a round that was lost is begun anew', () => {
    const stage = new Stage();
    const seen = { key: 'for.n1.spec.default.web.1', revision: 1, at: stage.now, isMarker: false };
    const letter = { actor: 'a', letter: 'b', at: stage.now, contract: 'c', about: 'd', trials: 1 };
    const letters = { entries: () => [{ value: letter }].values() };
    const state = newRetention();
    lookAtStreams(state, due(), stage.context as never);
    stage.now += 5 * MINUTE;
    jump(stage);
    const { context } = stage;
    expect(mayGo('shoal', seen, false, keyLimits, context as never)).toBe(false);
    expect(sweepLetters({}, due(), { ...context, views: { letters } } as never)).toEqual([]);
    const ended = { name: 'x', endedAt: seen.at, bytes: 1 };
    const limits = { count: 9, ageMs: 10 * MINUTE, bytes: 9 };
    expect(toForget([ended], limits, earlierOf(context))).toEqual([]);
    expect(lookAtStreams(state, due(), context as never)).toHaveLength(1);
  });
});
