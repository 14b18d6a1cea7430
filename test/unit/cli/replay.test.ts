/** What `shoal replay` says of decisions that were made again. */
import { describe, expect, test } from 'vitest';
import { replayDecisions } from '../../../actors/replay.ts';
import {
  type Again,
  againReport,
  againText,
  summaryOf,
  verdictOf,
} from '../../../cli/present/decided-again.ts';
import type { Decided } from '../../../subjects/index.ts';

const decided: Decided = {
  ...{ at: 1_767_225_600_000, generation: 2, revision: 811, nodes: 4, feasible: 3, removed: {} },
  placed: [
    { instance: 'web-zz912', node: 'n9', epoch: 5 },
    { instance: 'web-4f2ab', node: 'n1', epoch: 3, score: [0, 0.25], held: true },
    { instance: 'web-77c1d', node: 'n2', epoch: 1, score: [1, 0.5] },
  ],
  parked: [],
  next: [
    { node: 'n3', score: [0, 0.125] },
    { node: 'n4', score: [1, 0.5] },
  ],
};
const same: Decided = { ...decided, at: decided.at + 1, next: [] };
const waiting: Decided = { ...decided, at: decided.at + 2, placed: [], parked: ['web-4f2ab'] };

function itemsOf(decisions: readonly Decided[], instance?: string): readonly Again[] {
  const asked = {
    instance,
    decisions: decisions.map((each) => ({ workload: 'web', decided: each })),
  };
  return againReport.parse(replayDecisions(JSON.stringify(asked))).items;
}

test('a line for each decision, one for each instance that would go elsewhere, and the counts', () => {
  expect(againText(itemsOf([decided, same, waiting]))).toMatchInlineSnapshot(`
    "DECIDED                   WORKLOAD  GEN  JUDGED  NOT JUDGED  NOW
    2026-01-01T00:00:00.000Z  web         2       2           1  otherwise
    2026-01-01T00:00:00.001Z  web         2       2           1  the same
    2026-01-01T00:00:00.002Z  web         2       0           0  not judged

    DECIDED                   INSTANCE   WENT TO                            NOW TO                   BECAUSE
    2026-01-01T00:00:00.000Z  web-4f2ab  n1 (fit 0.25, 0 there, in flight)  n3 (fit 0.125, 0 there)  no commit in flight
    2026-01-01T00:00:00.000Z  web-77c1d  n2 (fit 0.5, 1 there)              n3 (fit 0.125, 0 there)  fewer there

    3 decisions: 1 the same, 1 otherwise, 1 not judged; placements: 2 the same, 2 otherwise, 2 not judged"
  `);
  expect(againText(itemsOf([same]))).toMatchInlineSnapshot(`
    "DECIDED                   WORKLOAD  GEN  JUDGED  NOT JUDGED  NOW
    2026-01-01T00:00:00.001Z  web         2       2           1  the same

    1 decision: 1 the same, 0 otherwise, 0 not judged; placements: 2 the same, 0 otherwise, 1 not judged"
  `);
});

test('what was not judged is never the same', () => {
  const items = itemsOf([decided, same, waiting]);
  expect(items.map(verdictOf)).toEqual(['otherwise', 'same', 'not-judged']);
  expect(summaryOf(items)).toEqual({
    decisions: { same: 1, otherwise: 1, notJudged: 1 },
    placements: { same: 2, otherwise: 2, notJudged: 2 },
  });
});

test('of an instance only its own placements are judged', () => {
  const [one] = itemsOf([decided], 'web-77c1d');
  expect(one).toMatchObject({ judged: 1, notJudged: 0 });
  expect(one?.differences.map((each) => each.instance)).toEqual(['web-77c1d']);
});

describe('what is no list of decisions is said so by the program', () => {
  test.each(['', 'no JSON', '{}', '{"decisions":[{"workload":"web","decided":{}}]}'])(
    '%s',
    (text) => {
      expect(replayDecisions(text)).toEqual({ ok: false, reason: expect.any(String) });
    },
  );
});
