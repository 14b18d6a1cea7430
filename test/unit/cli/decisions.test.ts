import { describe, expect, test } from 'vitest';
import { decisionTable, decisionText } from '../../../cli/present/decisions.ts';
import type { Decided } from '../../../subjects/index.ts';
import { shoal } from './stub-gateway.ts';

const decided: Decided = {
  ...{ at: 1_767_225_600_000, generation: 2, revision: 811, nodes: 4, feasible: 3 },
  removed: { labels: 1 },
  placed: [
    { instance: 'hello-4f2ab', node: 'n1', epoch: 3, score: [0, 0.25] },
    { instance: 'hello-77c1d', node: 'n2', epoch: 1, score: [0, 0.1251] },
    { instance: 'hello-zz912', node: 'n9', epoch: 5 },
  ],
  parked: ['hello-9c01d'],
  next: [{ node: 'n3', score: [1, 0.5] }],
};

test('one decision: what was placed, with its scores, and what would have come next', () => {
  expect(decisionText('hello', decided)).toMatchInlineSnapshot(`
    "hello: decided 2026-01-01T00:00:00.000Z
      nodes    4; 3 could take one instance
      removed  1 by labels
      waiting  hello-9c01d
      next     n3 (fit 0.5, 1 there)
      on       revision 811 of the store, generation 2

    INSTANCE     NODE  EPOCH     FIT  THERE  WHY
    hello-4f2ab  n1        3  0.2500      0  -
    hello-77c1d  n2        1  0.1251      0  -
    hello-zz912  n9        5       -      -  stays"
  `);
  const none = { ...decided, placed: [], next: [] };
  expect(decisionText('hello', none)).toMatchInlineSnapshot(`
    "hello: decided 2026-01-01T00:00:00.000Z
      nodes    4; 3 could take one instance
      removed  1 by labels
      placed   none
      waiting  hello-9c01d
      on       revision 811 of the store, generation 2"
  `);
});

test('one decision: which nodes had a commit in flight, and which were to be avoided', () => {
  const [one, ...rest] = decided.placed;
  const told: Decided = {
    ...decided,
    placed: [{ ...(one as (typeof rest)[number]), held: true, avoid: ['n3', 'n4'] }, ...rest],
    next: [{ node: 'n3', score: [1, 0.5], held: true }],
  };
  expect(decisionText('hello', told)).toMatchInlineSnapshot(`
    "hello: decided 2026-01-01T00:00:00.000Z
      nodes    4; 3 could take one instance
      removed  1 by labels
      waiting  hello-9c01d
      next     n3 (fit 0.5, 1 there, in flight)
      on       revision 811 of the store, generation 2

    INSTANCE     NODE  EPOCH     FIT  THERE  IN FLIGHT  AVOIDS  WHY
    hello-4f2ab  n1        3  0.2500      0  yes        n3, n4  -
    hello-77c1d  n2        1  0.1251      0  -          -       -
    hello-zz912  n9        5       -      -  -          -       stays"
  `);
});

test('a line for each decision that is kept', () => {
  expect(
    decisionTable([decided, { ...decided, at: decided.at + 1, placed: [] }]),
  ).toMatchInlineSnapshot(`
    "DECIDED                   GEN  PLACED  WAITING   COULD  ON
    2026-01-01T00:00:00.000Z    2       3        1  3 of 4  n1, n2, n9
    2026-01-01T00:00:00.001Z    2       0        1  3 of 4  -"
  `);
});

describe('is refused before anything is asked', () => {
  test.each([
    ['explain', 'error: give a name, or manifests with -f'],
    ['explain web -f x.yaml', 'error: give a name, or manifests with -f'],
    ['explain web --at yesterday', 'Expected a length of time (10m) or a moment'],
    ['replay --since yesterday', 'Expected a length of time (10m) or a moment'],
    ['replay web other', 'too many arguments'],
    ['replay --tenant A', '"A" is not the name of a tenant'],
  ])('%s', async (words, why) => {
    const ran = await shoal(undefined, words);
    expect(ran).toMatchObject({ code: 2, out: '', err: expect.stringContaining(why) });
  });
});
