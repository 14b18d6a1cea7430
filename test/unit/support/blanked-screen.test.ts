/** What is otherwise on each screen is blanked with the room it takes, however much of it there is. */
import { expect, test } from 'vitest';
import { blankedScreen } from '../../support/blanked-screen.ts';

test.each([
  ['n1    ready    5m  64    1.2Gi  9Ti  3s ago'],
  ['n2    ready  104m  64  120.5Mi  9Ti  12s ago'],
])('what a node uses, %s', (line) => {
  expect(blankedScreen(line, [])).toBe('n·    ready  ···  64  ······  9Ti  · ago\n');
});

test('ages, ids and moments', () => {
  expect(blankedScreen('web-abcde12345-12345  ready  5m   2026-11-23T05:00:00Z', ['web'])).toBe(
    'web-··········-·····  ready  ···  ····················\n',
  );
});
