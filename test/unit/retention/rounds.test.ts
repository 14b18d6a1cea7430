/** Rounds through the streams: who is looked at, what goes, and what is not known. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { SurveyReport, WeighReport } from '../../../actors/retention/jobs.ts';
import {
  look,
  purged,
  STREAM_AGE_MS_MAX,
  surveyed,
  weighed,
} from '../../../actors/retention/rounds.ts';
import { newState, type State } from '../../../actors/retention/state.ts';
import type { Effects } from '../../../actors/runtime/effect.ts';
import { type Retention, tenantRecord } from '../../../subjects/index.ts';
import { streamConfigs } from '../../../subjects/streams.ts';
import { ofKind } from '../../support/effects.ts';
import { due, Stage } from '../../support/stage.ts';

let stage: Stage;
let state: State;
beforeEach(() => {
  stage = new Stage();
  state = newState();
});

/** The one job that effects start. */
function started(effects: Effects) {
  const runs = ofKind(effects, 'run');
  expect(runs.length).toBeLessThanOrEqual(1);
  return runs[0] as (typeof runs)[0];
}

const begin = () => started(look(state, due(), stage.context));
const survey = (memo: unknown, counts: Record<string, number>, bytes = 0, bytesMax = 1_000_000) => {
  const outcome: SurveyReport = {
    ...{ kind: 'survey', bytes, bytesMax, counts: new Map(Object.entries(counts)) },
  };
  return started(surveyed(state, { outcome, memo }, stage.context));
};
const weigh = (memo: unknown, outcome: WeighReport) =>
  started(weighed(state, { outcome, memo }, stage.context));

function setting(tenant: string, retention: Retention): void {
  const last = { verb: 'changed', at: stage.now, message: '' };
  stage.put(tenantRecord, { tenant }, { tenant, retention, generation: 1, last });
}

const over = { before: 42, count: 3, bytes: 300 };

test('a round that finds nothing asks each stream once', () => {
  const first = begin();
  expect(first).toMatchObject({ job: 'survey', input: { stream: 'EVENTS' } });
  const second = survey(first.memo, { acme: 10 });
  expect(second).toMatchObject({ job: 'survey', input: { stream: 'DECISIONS' } });
  const third = survey(second.memo, {});
  expect(third).toMatchObject({ job: 'survey', input: { stream: 'LOGS' } });
  expect(survey(third.memo, {})).toBeUndefined();
  expect(state.round).toBeUndefined();
});

test('who may have too much is weighed, the most first, and what is over goes', () => {
  setting('acme', { events: { count: 100 } });
  const first = begin();
  const one = survey(first.memo, { acme: 101, other: 101, large: 30_000 });
  expect(one).toMatchObject({ job: 'weigh', input: { stream: 'EVENTS', tenant: 'large' } });
  const two = weigh(one.memo, { kind: 'weight', count: 30_000, bytes: 1, cut: undefined });
  expect(two).toMatchObject({ job: 'weigh', input: { tenant: 'acme', limits: { count: 100 } } });
  const three = weigh(two.memo, { kind: 'weight', count: 101, bytes: 400, cut: over });
  expect(three).toMatchObject({
    ...{ job: 'purge', input: { stream: 'EVENTS', tenant: 'acme', before: 42 } },
  });
  const four = started(purged(state, { outcome: {}, memo: three.memo }, stage.context));
  expect(four).toMatchObject({ job: 'survey', input: { stream: 'DECISIONS' } });
});

test('who may have too many bytes is weighed, unless the whole stream holds no more than that', () => {
  const MiB = 2 ** 20;
  const one = survey(begin().memo, { acme: 2_000, small: 1_000 }, 9 * MiB, 64 * MiB);
  expect(one).toMatchObject({ job: 'weigh', input: { tenant: 'acme' } });
  state = newState();
  const none = survey(begin().memo, { acme: 2_000, small: 1_000 }, 8 * MiB, 64 * MiB);
  expect(none).toMatchObject({ job: 'survey', input: { stream: 'DECISIONS' } });
});

test('a shorter age is looked at however few there are', () => {
  setting('acme', { logs: { age: '1h' }, events: { age: '1h' } });
  const one = survey(begin().memo, { acme: 1, other: 1 });
  expect(one).toMatchObject({ job: 'weigh', input: { tenant: 'acme', limits: { ageMs: 3.6e6 } } });
});

test('what was set anew while it was weighed is not cut by what held before', () => {
  setting('acme', { events: { count: 100 } });
  const one = survey(begin().memo, { acme: 200 });
  setting('acme', { events: { count: 1_000 } });
  const two = weigh(one.memo, { kind: 'weight', count: 200, bytes: 400, cut: over });
  expect(two).toMatchObject({ job: 'survey', input: { stream: 'DECISIONS' } });
});

describe('a stream that is nearly full', () => {
  test('has everybody weighed, then those above their share are cut to it', () => {
    const one = survey(begin().memo, { noisy: 900, quiet: 10 }, 800_000, 1_000_000);
    expect(one.input).toMatchObject({ tenant: 'noisy', limits: { bytes: 8 * 2 ** 20 } });
    const two = weigh(one.memo, { kind: 'weight', count: 900, bytes: 790_000, cut: undefined });
    expect(two.input).toMatchObject({ tenant: 'quiet' });
    const three = weigh(two.memo, { kind: 'weight', count: 10, bytes: 10_000, cut: undefined });
    expect(three.input).toMatchObject({ tenant: 'noisy', limits: { bytes: 490_000 } });
    const four = weigh(three.memo, { kind: 'weight', count: 900, bytes: 790_000, cut: over });
    expect(four).toMatchObject({ job: 'purge', input: { tenant: 'noisy', before: 42 } });
    const five = started(purged(state, { outcome: {}, memo: four.memo }, stage.context));
    expect(five).toMatchObject({ job: 'survey', input: { stream: 'DECISIONS' } });
  });
});

describe('what goes wrong', () => {
  test('a stream that does not answer is left for the next round', () => {
    const { memo } = begin();
    const outcome: SurveyReport = { kind: 'failed' };
    const next = started(surveyed(state, { outcome, memo }, stage.context));
    expect(next).toMatchObject({ job: 'survey', input: { stream: 'DECISIONS' } });
  });

  test('a tenant that was not weighed as a whole loses nothing', () => {
    setting('acme', { events: { count: 100 } });
    const one = survey(begin().memo, { acme: 200 });
    expect(weigh(one.memo, { kind: 'failed' })).toMatchObject({ job: 'survey' });
  });

  test('one round at a time; a report of an earlier one changes nothing', () => {
    const { memo } = begin();
    expect(look(state, due(), stage.context)).toEqual([]);
    stage.now += 300_000;
    const again = begin();
    expect(again).toMatchObject({ job: 'survey', input: { stream: 'EVENTS' } });
    expect(survey(memo, { acme: 1e6 })).toBeUndefined();
    expect(weigh(memo, { kind: 'weight', count: 1, bytes: 1, cut: over })).toBeUndefined();
    expect(survey(again.memo, {})).toBeDefined();
  });
});

test('the age that is not looked at is the one the streams themselves keep', () => {
  for (const config of streamConfigs({ replicas: 1 })) {
    if (!['EVENTS', 'DECISIONS', 'LOGS'].includes(config.name)) continue;
    expect(config['max_age']).toBe(STREAM_AGE_MS_MAX * 1e6);
  }
});
