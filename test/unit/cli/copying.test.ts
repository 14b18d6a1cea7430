/** What `shoal cp` is told, and what it tells of how far it is. */
import { describe, expect, test } from 'vitest';
import { bytesText, copiedStep } from '../../../cli/present/copied.ts';
import { plainly } from '../../../cli/present/paint.ts';
import { progressLine } from '../../../cli/present/progress-line.ts';
import { copyOf } from '../../../cli/session/copy-ends.ts';

describe('the ends of a copy', () => {
  const here = (path: string) => ({ kind: 'here', path });
  const there = (name: string, path: string) => ({ kind: 'instance', name, path });

  test.each([
    ['a', 'web:/data', { direction: 'to', from: here('a'), to: there('web', '/data') }],
    ['./a:b', 'web:x', { direction: 'to', from: here('./a:b'), to: there('web', 'x') }],
    ['web-5pytj:', '.', { direction: 'from', from: there('web-5pytj', '/'), to: here('.') }],
    ['web:/a:b', '-', { direction: 'from', from: there('web', '/a:b'), to: { kind: 'archive' } }],
    ['-', 'web:/d', { direction: 'to', from: { kind: 'archive' }, to: there('web', '/d/') }],
    ['-', 'web:', { direction: 'to', from: { kind: 'archive' }, to: there('web', '/') }],
  ])('%j to %j', (from, to, copy) => {
    expect(copyOf(from, to)).toEqual(copy);
  });

  test.each([
    ['a', 'b', /one of both must be in an instance/],
    ['-', '-', /one of both must be in an instance/],
    ['web:/a', 'db:/b', /one of both must be here/],
  ])('%j to %j is no copy', (from, to, why) => {
    expect(() => copyOf(from, to)).toThrow(why);
  });
});

describe('how far it is', () => {
  test.each([
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_024, '1.0 KiB'],
    [12_900_000, '12.3 MiB'],
    [5e15, '4547.5 TiB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });

  test('is bytes and bytes a second where nobody knows of how many', () => {
    const far = (bytes: number, elapsedMs: number) =>
      copiedStep({ bytes, of: undefined, elapsedMs });
    expect(far(3_145_728, 1_500)).toEqual({ told: '3.0 MiB  2.0 MiB/s' });
    expect(far(0, 0)).toEqual({ told: '0 B  0 B/s' });
  });

  test('is a share with a bar and what is left of the time where it is known of how many', () => {
    const of = 256 * 2 ** 20;
    const line = (bytes: number, elapsedMs: number): string => {
      const step = copiedStep({ bytes, of, elapsedMs });
      return progressLine(step, { elapsedMs, columns: 100, paint: plainly });
    };
    expect(line(of / 4, 2_000)).toBe(
      '━━━━────────────  25%  2s  64.0 MiB of 256.0 MiB  32.0 MiB/s  6s left',
    );
    // From a moment nobody can tell what will be.
    expect(line(of / 4, 500)).toBe('━━━━────────────  25%  0s  64.0 MiB of 256.0 MiB  128.0 MiB/s');
    expect(line(0, 3_000)).toBe('────────────────   0%  3s  0 B of 256.0 MiB  0 B/s');
    expect(line(2 * of, 4_000)).toContain(
      '  99%  4s  512.0 MiB of 256.0 MiB  128.0 MiB/s  0s left',
    );
  });
});
