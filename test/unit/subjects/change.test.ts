/** Whether two values say the same: as their texts would, with keys in one order. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isAlike } from '../../../subjects/index.ts';

const name = fc.constantFrom('a', 'b', 'c', 'constructor');
const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(null, true, 0, 1, '', 'a'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, fc.option(tie('value'), { nil: undefined }), { maxKeys: 3 }),
  ),
}));

test('what says the same is alike, and nothing else', () => {
  fc.assert(
    fc.property(anyValue, anyValue, (one, other) => {
      expect(isAlike(one, other)).toBe(textOf(one) === textOf(other));
    }),
    { numRuns: 5_000 },
  );
});

test('in whatever order it was written, said or not said as undefined', () => {
  const one = { a: 1, b: [{ c: 'x', d: null }] };
  expect(isAlike(one, { b: [{ d: null, e: undefined, c: 'x' }], a: 1 })).toBe(true);
  expect(isAlike(one, { b: [{ d: null, c: 'y' }], a: 1 })).toBe(false);
});

function textOf(value: unknown): string | undefined {
  return JSON.stringify(value, (_name, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([one], [other]) => (one < other ? -1 : 1)))
      : each,
  );
}
