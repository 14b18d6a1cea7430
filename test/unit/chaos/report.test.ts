/** What a person reads of a chaos, and what callers ask for in it. */
import { expect, test } from 'vitest';
import { seededRandom } from '../../../actors/runtime/ids.ts';
import { nextOrder, type Order, type Promised, promisedAfter } from '../../chaos/orders.ts';
import { type Happened, reportOf } from '../../chaos/report.ts';
import { withheldIn } from '../../chaos/withheld.ts';

const happened: Happened = {
  ...{ seed: 7, acknowledged: 5, takenBack: 1, checks: 90, withheldRatio: 0.001 },
  asked: new Map([
    ['scale', 2],
    ['apply', 4],
  ]),
  struck: new Map([
    ['node killed', 2],
    ['agent killed', 1],
  ]),
  recoveries: new Map([
    ['node killed', [1_000, 3_000]],
    ['agent killed', [0]],
  ]),
  violations: ['node killed: c1 runs twice'],
};

test('violations are told beside faults and recoveries, not instead of them', () => {
  expect(reportOf(happened)).toEqual([
    'asks: 2 scale, 4 apply; 5 acknowledged; seed 7',
    'nodes that died too often and were taken back: 1',
    'writes of the store checked: 90',
    'faults: agent killed 1, node killed 2',
    'recovered from            times  whole again p50 / p95 / longest',
    'agent killed                  1  0.00 s / 0.00 s / 0.00 s',
    'node killed                   2  1.00 s / 3.00 s / 3.00 s',
    'everything                    3  1.00 s / 3.00 s / 3.00 s',
    'VIOLATIONS',
    '  node killed: c1 runs twice',
  ]);
});

test('what ended before anything recovered is told, too', () => {
  const none = { ...happened, recoveries: new Map(), violations: [] };
  expect(reportOf(none).at(-1)).toBe('no violations');
});

test('time that the host withheld is told: what took long may have had none', () => {
  const told = reportOf({ ...happened, withheldRatio: 0.314 });
  expect(told).toContain("the host withheld 31 % of the machine's time");
  const stat = 'cpu  10 20 30 400 5 0 7 1250 0 0\ncpu0 5 10 15 200 2 0 3 600 0 0\n';
  expect(withheldIn(stat, 2)).toBe(6_250);
  expect(withheldIn('cpu  10 20 30 400', 2)).toBe(0);
});

test('callers apply, scale and delete, and scale only what they were promised', () => {
  const random = seededRandom(1);
  const promised = new Map<string, Promised>();
  const kinds = new Map<string, number>();
  for (let round = 0; round < 300; round++) {
    const order = nextOrder(promised, random);
    kinds.set(order.kind, (kinds.get(order.kind) ?? 0) + 1);
    if (order.kind === 'scale') expect(promised.get(order.name)).toBeGreaterThan(0);
    expect(order.count > 0).toBe(order.kind !== 'delete');
    promised.set(order.name, round % 7 === 0 ? 'unknown' : order.count);
  }
  for (const kind of ['apply', 'scale', 'delete']) expect(kinds.get(kind)).toBeGreaterThan(20);
});

test.each<[Order['kind'], number, Promised]>([
  ['apply', 201, 2],
  ['scale', 200, 2],
  ['scale', 404, 3],
  ['scale', 409, 'unknown'],
  ['scale', 599, 'unknown'],
  ['apply', 503, 'unknown'],
])('%s answered with %i leaves %s promised', (kind, status, promised) => {
  expect(promisedAfter({ kind, name: 'c1', count: 2 }, status, 3)).toBe(promised);
});

test.each([202, 404])('a delete answered with %i leaves nothing promised', (status) => {
  expect(promisedAfter({ kind: 'delete', name: 'c1', count: 0 }, status, 3)).toBe(0);
});
