/** What ends unasked is restarted later and later, within bounds, and not for ever. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { afterEnd, recentRestarts } from '../../../edge-agent/restart.ts';
import type { AssignedSpec } from '../../../subjects/index.ts';
import { spec } from './scene.ts';

const NOW = 10_000_000;
const WINDOW_MS = 600_000;
const failed = { exitCode: 1, why: 'exited with 1' };
const fine = { exitCode: 0, why: 'exited with 0' };
const killed = { exitCode: undefined, why: 'ended by SIGKILL' };
const restartsIn = (of: AssignedSpec) => (of.kind === 'service' ? of.spec.restart : undefined);
const policy = (name: string, attempts = 5) =>
  restartsIn(spec({ restart: { policy: name, attempts } }));

describe('the policy', () => {
  const restarts = { kind: 'restart', delayMs: 100 };
  const succeeded = { kind: 'over', state: 'succeeded', message: 'exited with 0' };
  const over = { kind: 'over', state: 'failed', message: 'exited with 1' };
  test.each([
    ['always', fine, restarts],
    ['always', failed, restarts],
    ['always', killed, restarts],
    ['on-failure', fine, succeeded],
    ['on-failure', failed, restarts],
    ['on-failure', killed, restarts],
    ['never', fine, succeeded],
    ['never', failed, over],
    ['never', killed, { ...over, message: 'ended by SIGKILL' }],
  ])('%s, %j', (name, end, expected) => {
    expect(afterEnd(policy(name), end, [], NOW)).toEqual(expected);
  });

  test('of a job is not the node’s business', () => {
    expect(afterEnd(restartsIn(spec({}, 'job')), failed, [], NOW)).toEqual(over);
    expect(afterEnd(restartsIn(spec({}, 'job')), fine, [], NOW)).toEqual(succeeded);
    expect(recentRestarts(restartsIn(spec({}, 'job')), [NOW], NOW)).toEqual([]);
  });
});

describe('the pause', () => {
  test.each([
    [0, 100],
    [1, 200],
    [2, 400],
    [3, 800],
    [8, 25_600],
    [9, 30_000],
    [50, 30_000],
  ])('after %i restarts lately is %i ms', (count, delayMs) => {
    const before = Array.from({ length: count }, () => NOW - 1);
    expect(afterEnd(policy('always', 100), failed, before, NOW)).toEqual({
      ...{ kind: 'restart', delayMs },
    });
  });

  test('begins anew when the window has passed', () => {
    const before = [NOW - WINDOW_MS, NOW - WINDOW_MS - 1, NOW - WINDOW_MS - 2];
    expect(afterEnd(policy('always'), failed, before, NOW)).toMatchObject({ delayMs: 100 });
    expect(afterEnd(policy('always'), failed, [...before, NOW - WINDOW_MS + 1], NOW)).toMatchObject(
      { delayMs: 200 },
    );
  });
});

describe('the attempts', () => {
  test.each([
    [0, 0, 'exited with 1; no restarts'],
    [1, 1, 'exited with 1; 1 restarts within 10m'],
    [5, 7, 'exited with 1; 7 restarts within 10m'],
  ])('of %i are used up after %i', (attempts, count, message) => {
    const before = Array.from({ length: count }, () => NOW - 1);
    expect(afterEnd(policy('always', attempts), failed, before, NOW)).toEqual({
      ...{ kind: 'over', state: 'failed', message },
    });
  });

  test('that used up moves it elsewhere, even when it ended well', () => {
    const next = afterEnd(policy('always', 0), fine, [], NOW);
    // A service that is to run always and ended is no success on this node.
    expect(next.kind).toBe('over');
  });
});

test('whatever happened before: a pause within its bounds, never shorter than the last, or the end', () => {
  const moments = fc.array(fc.integer({ min: 0, max: NOW }), { maxLength: 40 });
  const attempts = fc.integer({ min: 0, max: 100 });
  fc.assert(
    fc.property(moments, attempts, (before, most) => {
      const next = afterEnd(policy('always', most), failed, before, NOW);
      const recent = before.filter((at) => at > NOW - WINDOW_MS).length;
      expect(next.kind).toBe(recent >= most ? 'over' : 'restart');
      if (next.kind !== 'restart') return;
      expect(next.delayMs).toBe(Math.min(30_000, 100 * 2 ** recent));
      const after = afterEnd(policy('always', 100), failed, [...before, NOW], NOW);
      if (after.kind === 'restart') expect(after.delayMs).toBeGreaterThanOrEqual(next.delayMs);
    }),
  );
});
