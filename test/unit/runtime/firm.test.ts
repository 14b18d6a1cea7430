/** What an ask is answered that changes nothing stands against asks that were sent before it. */
import { beforeEach, describe, expect, test } from 'vitest';
import { firmly } from '../../../actors/runtime/firm.ts';
import { apply } from '../../../actors/workload/apply.ts';
import { remove, scale } from '../../../actors/workload/orders.ts';
import { newState } from '../../../actors/workload/state.ts';
import {
  type Workload,
  workloadApply,
  workloadDelete,
  workloadScale,
} from '../../../subjects/index.ts';
import { answerIn, codeIn, ofKind } from '../../support/effects.ts';
import { addWorkload, workloadOf } from '../../support/records.ts';
import { service } from '../../support/specs.ts';
import { received, Stage } from '../../support/stage.ts';

const name = { tenant: 'default', workload: 'web' };
const key = 'workload.default.web';
let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
const scaled = (count: number, more: object) => {
  const ask = { ...received(workloadScale, name, { count }), ...more };
  return firmly('workloads', scale)(newState(), ask, stage.context);
};
const put = (count: number, more: object, mode: 'put' | 'try-put' = 'put') => {
  const ask = { ...received(workloadApply, name, { wanted: service(count), mode }), ...more };
  return apply(newState(), ask, stage.context);
};
const deleted = (more: object) => {
  const ask = { ...received(workloadDelete, name, {}), ...more };
  return firmly('workloads', remove)(newState(), ask, stage.context);
};
const commits = (effects: ReturnType<typeof put>) => ofKind(effects, 'commit').length;

describe('an ask for what is so already', () => {
  test.each([
    ['a put', put],
    ['a scale', scaled],
  ])('writes nothing, and writes it once more where it is firm: %s', (_, act) => {
    const before = workloadOf('web', service(3));
    addWorkload(stage, before);
    const sent = stage.revision;
    expect(commits(act(3, { seen: sent }))).toBe(0);
    expect(codeIn(scaled(5, { seen: sent }))).toBeUndefined();
    const firm = act(3, { seen: sent, isFirm: true });
    expect(answerIn(firm)).toMatchObject({ ok: true });
    expect(firm.map(({ kind }) => kind)).toEqual(['commit', 'reply']);
    stage.perform(firm);
    expect(stage.views.workloads.get(name)).toEqual(before as Workload);
    // Sent before it, come after it.
    expect(codeIn(scaled(5, { seen: sent }))).toBe('ask-outdated');
    // Come again.
    stage.mine.add(key);
    expect(commits(act(3, { seen: sent, isFirm: true }))).toBe(0);
  });

  test('writes nothing when it is only tried', () => {
    addWorkload(stage, workloadOf('web', service(3)));
    expect(commits(put(3, { isFirm: true }, 'try-put'))).toBe(0);
  });
});

test('a delete of what is not there leaves a marker where it is firm', () => {
  expect(commits(deleted({}))).toBe(0);
  const firm = deleted({ isFirm: true });
  expect(codeIn(firm)).toBe('workload-not-found');
  stage.perform(firm);
  expect(stage.views.workloads.revision(key)).toBeGreaterThan(0);
  expect(codeIn(scaled(1, { seen: 0 }))).toBe('workload-not-found');
  expect(stage.views.workloads.get(name)).toBeUndefined();
});

test('a no, and what is written anyhow, are as they are', () => {
  addWorkload(stage, workloadOf('web', service(3), { generation: 4 }));
  const stale = received(workloadScale, name, { count: 2, ifGeneration: 1 });
  const refused = firmly('workloads', scale)(newState(), { ...stale, isFirm: true }, stage.context);
  expect(refused.map(({ kind }) => kind)).toEqual(['reply']);
  const changed = scaled(2, { seen: stage.revision, isFirm: true });
  expect(commits(changed)).toBe(1);
  stage.perform(changed);
  expect(stage.views.workloads.get(name)?.spec.count).toBe(2);
});
