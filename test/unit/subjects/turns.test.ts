/** Who of a line may have which slot: in order, and nobody keeps back what he cannot take. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  differentWants,
  type PlacementSpec,
  type Slot,
  sharedOut,
  suiting,
} from '../../../subjects/index.ts';

const nodes: Record<string, { labels: Record<string, string>; architecture: string }> = {
  near: { labels: { zone: 'near' }, architecture: 'x64' },
  far: { labels: { zone: 'far', disk: 'ssd' }, architecture: 'arm64' },
};
const suits = suiting((node) => nodes[node]);
const slot = (name: string, node: string, generation = 1): Slot => ({
  ...{ tenant: 'default', pool: 'a', slot: name, state: 'ready', generation },
  ...{ createdAt: 1, changedAt: 1, last: { verb: 'ready', at: 1, message: '' } },
  endpoint: { instance: `${name}-0`, epoch: 1, node, address: '10.0.0.1', ports: {} },
});
const zone = (name: string): PlacementSpec => ({ labels: { zone: name } });
const arm: PlacementSpec = { labels: {}, architecture: 'arm64' };
const none: PlacementSpec = { labels: {} };
const shares = (line: readonly (PlacementSpec | undefined)[], free: readonly Slot[]) =>
  sharedOut(line, free, suits).map((each) => each?.slot);

describe('of slots that are ready', () => {
  const [near, far] = [slot('n', 'near'), slot('f', 'far')];

  test.each([
    ['each has one in the order of the line', [undefined, undefined], [near, far], ['n', 'f']],
    ['who comes later has none', [undefined, undefined], [near], ['n', undefined]],
    ['who wants what none is keeps nobody back', [zone('x'), undefined], [near], [undefined, 'n']],
    ['who can take it has it before others', [zone('far'), undefined], [far], ['f', undefined]],
    ['others leave it to who can take no other', [undefined, zone('far')], [far, near], ['n', 'f']],
    ['but are not passed for it', [undefined, zone('far')], [far], ['f', undefined]],
    [
      'who can take others leaves it, though it is newer',
      [undefined, zone('near')],
      [slot('new', 'near', 2), far],
      ['f', 'new'],
    ],
    [
      'one changes with another, and that one with a third',
      [undefined, arm, zone('near'), zone('far')],
      [slot('new', 'near', 3), slot('old', 'far', 2), slot('older', 'gone', 1)],
      ['older', 'old', 'new', undefined],
    ],
    ['an architecture is a want, too', [arm, arm, none], [near, far], ['f', undefined, 'n']],
    ['an empty want is none', [none, undefined], [near, far], ['n', 'f']],
  ] as const)('%s', (_what, line, free, wanted) => {
    expect(shares(line, free)).toEqual(wanted);
  });

  test('those of newer templates come first', () => {
    expect(shares([undefined], [slot('old', 'near', 1), slot('new', 'near', 2)])).toEqual(['new']);
  });

  test('one on a node that nobody knows is for who wants any', () => {
    expect(shares([zone('near'), undefined], [slot('x', 'gone')])).toEqual([undefined, 'x']);
  });

  test('none is shared out twice, and nobody is passed for one that suits him', () => {
    const wants = fc.constantFrom(undefined, none, zone('near'), zone('far'), zone('x'), arm);
    const frees = fc.array(fc.tuple(fc.constantFrom('near', 'far', 'gone'), fc.nat(1)));
    fc.assert(
      fc.property(fc.array(wants), frees, (line, made) => {
        const free = made.map(([node, newer], at) => slot(`s${at}`, node, 1 + newer));
        const shared = sharedOut(line, free, suits);
        const given = shared.flatMap((each) => each ?? []);
        expect(new Set(given).size).toBe(given.length);
        for (const [at, mine] of shared.entries()) {
          const earlier = new Set(shared.slice(0, at));
          const could = free.filter((each) => suits(line[at], each) && !earlier.has(each));
          if (mine) expect(could).toContain(mine);
          else expect(could).toEqual([]);
        }
      }),
    );
  });

  test('whoever takes his share leaves those before him theirs, whoever comes then', () => {
    const wants = fc.constantFrom(undefined, zone('near'), zone('far'));
    const lines = fc.array(wants, { minLength: 2, maxLength: 5 });
    const frees = fc.array(fc.constantFrom('near', 'far'), { minLength: 2, maxLength: 4 });
    fc.assert(
      fc.property(lines, frees, fc.nat(), lines, (line, made, nth, after) => {
        const free = made.map((node, at) => slot(`s${at}`, node));
        const shared = sharedOut(line, free, suits);
        const served = [...shared.keys()].filter((at) => shared[at]);
        const taking = served[nth % Math.max(1, served.length)];
        if (taking === undefined) return;
        const rest = [...line.filter((_, at) => at !== taking), ...after];
        const left = free.filter((each) => each !== shared[taking]);
        const then = sharedOut(rest, left, suits);
        for (const at of served) if (at < taking) expect(then[at]).toBeDefined();
      }),
      { numRuns: 1_000 },
    );
  });

  test('as many are served as can be without passing anybody', () => {
    const wants = fc.constantFrom(undefined, zone('near'), zone('far'), arm);
    const frees = fc.array(fc.constantFrom('near', 'far', 'gone'), { maxLength: 5 });
    fc.assert(
      fc.property(fc.array(wants, { maxLength: 6 }), frees, (line, on) => {
        const free = on.map((node, at) => slot(`s${at}`, node));
        const shared = sharedOut(line, free, suits);
        /** Whether these of the line can all have one, tried in every way. */
        const canAll = ([at, ...others]: readonly number[], left: readonly Slot[]): boolean =>
          at === undefined ||
          left.some(
            (each) =>
              suits(line[at], each) &&
              canAll(
                others,
                left.filter((other) => other !== each),
              ),
          );
        const served: number[] = [];
        for (const at of line.keys()) if (canAll([...served, at], free)) served.push(at);
        expect([...shared.keys()].filter((at) => shared[at])).toEqual(served);
      }),
      { numRuns: 500 },
    );
  });
});

test('the same wants are one, however they are written', () => {
  const [one, other] = [
    { labels: { a: '1', b: '2' } },
    { labels: { b: '2', a: '1' }, architecture: undefined },
  ];
  expect(differentWants([one, other, zone('x')])).toHaveLength(2);
  expect(differentWants([none, undefined])).toEqual([undefined]);
});
