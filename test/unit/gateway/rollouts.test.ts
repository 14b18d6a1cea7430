/** Rollouts, versions and drains as the API shows them, from one reckoning. */
import { expect, test } from 'vitest';
import { presentDrain } from '../../../gateway/present/drain.ts';
import { presentRollout, presentVersions } from '../../../gateway/present/rollout.ts';
import {
  instanceRecord,
  observedRecord,
  type Revision,
  revisionRecord,
  workloadRecord,
} from '../../../subjects/index.ts';
import { addNode } from '../../support/records.ts';
import { RolloutSite, web } from '../../support/rollout-site.ts';
import { Hand } from './behind.ts';

const canary = { strategy: 'canary', deadline: '1m' };

/** What a gateway knows of a site. */
function knownOf(at: RolloutSite) {
  const hand = new Hand();
  const { views } = at.stage;
  for (const { value } of views.nodes.entries()) hand.node(value);
  for (const { value } of views.ledgers.entries()) hand.ledger(value);
  hand.put(workloadRecord, web, at.workload);
  for (const { value } of views.instances.entries()) hand.put(instanceRecord, value, value);
  for (const { value } of views.observed.entries()) hand.put(observedRecord, value, value);
  for (const { value } of views.revisions.entries()) {
    hand.put(revisionRecord, { ...web, generation: `${value.generation}` }, value);
  }
  return hand.known;
}
const rollout = (at: RolloutSite) =>
  presentRollout(at.workload, knownOf(at).seeAll('default', 'web'));

function paused(): RolloutSite {
  const at = new RolloutSite();
  at.apply('a', { update: canary });
  at.runs(6);
  at.apply('b', { update: canary });
  at.runs(6);
  return at;
}

test('a rollout shows what it promises, how far it is and what it waits for', () => {
  const at = paused();
  expect(rollout(at)).toMatchObject({
    ...{ state: 'paused', strategy: 'canary', generation: 2, version: 2, from: 1 },
    ...{ wanted: 3, updated: 1, ready: 1, available: 4, outdated: 3 },
    ...{ minAvailable: 3, maxSurge: 1, waitsFor: 'promote or abort: 1 of the new version ready' },
  });
  expect(rollout(at)).not.toHaveProperty('deadline');
  at.behaviours.set(3, 'failing');
  at.apply('c', { update: canary });
  at.runs(6);
  const going = rollout(at);
  expect(going).toMatchObject({
    state: 'progressing',
    version: 3,
    from: 1,
    deadline: expect.any(String),
  });
  expect(going.waitsFor).toMatch(/^web-\w{5} on n\d \(backing-off\) is not ready: exited with 3;/);
  at.runs(700);
  expect(rollout(at)).toMatchObject({ state: 'rolled-back', version: 1, failed: { version: 3 } });
});

test('a service without a strategy has a rollout, too, without promises', () => {
  const at = new RolloutSite();
  at.apply('a');
  at.runs(6);
  expect(rollout(at)).toEqual({
    ...{ tenant: 'default', name: 'web', state: 'complete', strategy: 'one-by-one' },
    ...{ generation: 1, version: 1, wanted: 3, updated: 3, ready: 3, available: 3, outdated: 0 },
  });
});

test('where there is no room for a surge it waits and says what keeps the others', () => {
  const at = new RolloutSite(['n1']);
  const resources = { cpu: '500m' };
  at.apply('a', { count: 2, resources, update: { strategy: 'rolling' } });
  at.runs(6);
  at.apply('b', { count: 2, resources, update: { strategy: 'rolling' } });
  at.runs(6);
  const { state, waitsFor } = rollout(at);
  expect(state).toBe('waiting');
  expect(waitsFor).toMatch(
    /^web-\w{5} has no node: none of 1 nodes can take it: removed 1 by resources; minAvailable \(2\) keeps the others$/,
  );
});

test('versions: the one there is first, then by when they were replaced, of this life only', () => {
  const at = paused();
  const kept = [...at.stage.views.revisions.entries()].map(({ value }) => value);
  const other = { ...kept[0], generation: 9, createdAt: 1 } as Revision;
  expect(presentVersions(at.workload, [...kept, other])).toMatchObject([
    { version: 2, state: 'current', spec: { environment: { VERSION: 'b' } } },
    { version: 1, state: 'complete', spec: { environment: { VERSION: 'a' } } },
  ]);
});

test('a drain shows how many are left, until when, and what each waits for', () => {
  const at = new RolloutSite(['n1']);
  at.apply('a', { count: 1, update: { strategy: 'rolling' } });
  at.runs(6);
  const drain = { since: at.stage.now, deadlineMs: 60_000 };
  const node = addNode(at.stage, 'n1', { administered: 'draining', drain });
  const shown = () => presentDrain(node, at.stage.views.ledgers.get({ node: 'n1' }), knownOf(at));
  expect(shown()).toMatchObject({ left: 1, waits: [{ workload: 'web', for: 'its turn' }] });
  at.runs(6);
  expect(shown()?.deadline).toBe(new Date(drain.since + 60_000).toISOString());
  expect(shown()?.waits[0]?.for).toMatch(
    /^another one in its place: web-\w{5} has no node: none of 1/,
  );
  at.runs(700);
  expect(shown()).toMatchObject({ left: 0, waits: [] });
  expect(
    presentDrain({ ...node, administered: 'cordoned' }, undefined, knownOf(at)),
  ).toBeUndefined();
});
