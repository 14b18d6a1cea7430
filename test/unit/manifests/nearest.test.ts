import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, nearest } from '../../../manifests/nearest.ts';

const KNOWN = ['count', 'command', 'environment', 'directory', 'ports', 'ingress', 'grace'];

test.each([
  ['cout', 'count'],
  ['Count', 'count'],
  ['comand', 'command'],
  ['envrionment', 'environment'],
  ['port', 'ports'],
  ['volumes', undefined],
  ['x', undefined],
  ['', undefined],
])('%s → %s', (name, expected) => {
  expect(nearest(name, KNOWN)).toBe(expected);
});

test('the distance is none between equals, one for a change, and the same both ways', () => {
  const word = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(word, word, fc.nat(), (one, other, at) => {
      expect(editDistance(one, one)).toBe(0);
      expect(editDistance(one, other)).toBe(editDistance(other, one));
      expect(editDistance(one, other)).toBeLessThanOrEqual(Math.max(one.length, other.length));
      const place = at % (one.length + 1);
      expect(editDistance(one, `${one.slice(0, place)}_${one.slice(place)}`)).toBe(1);
    }),
  );
  expect(editDistance('form', 'from')).toBe(1);
});
