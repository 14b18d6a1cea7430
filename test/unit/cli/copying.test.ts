/** What `shoal cp` is told, and what it tells of how far it is. */
import { describe, expect, test } from 'vitest';
import { bytesText, copiedText } from '../../../cli/present/copied.ts';
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

  test('is bytes and bytes a second', () => {
    expect(copiedText(3_145_728, 1_500)).toBe('3.0 MiB  2.0 MiB/s');
    expect(copiedText(0, 0)).toBe('0 B  0 B/s');
  });
});
