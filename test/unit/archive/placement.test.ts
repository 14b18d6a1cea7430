/** Names in archives, and where archives go: as data. */

import { posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { partsOf, staysBelow, topOf } from '../../../archive/names.ts';
import { type Destination, placed, placementOf } from '../../../archive/placement.ts';

describe('a name in an archive', () => {
  test.each([
    ['a/b', ['a', 'b']],
    ['./a//b/', ['a', 'b']],
    ['/etc/passwd', ['etc', 'passwd']],
    ['.', []],
    ['../a', undefined],
    ['a/../../b', undefined],
    ['a\0b', undefined],
    ['x'.repeat(5_000), undefined],
  ])('%j', (name, parts) => {
    expect(partsOf(name)).toEqual(parts);
  });

  test('never leads out of where it is placed', () => {
    const word = fc.oneof(fc.constantFrom('..', '.', '', 'a', '/'), fc.string({ maxLength: 4 }));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), (words) => {
        const parts = partsOf(words.join('/'));
        if (!parts) return;
        const path = posix.join('/root', ...parts);
        expect(path === '/root' || path.startsWith('/root/')).toBe(true);
      }),
    );
  });
});

describe('a link in an archive', () => {
  test.each([
    [['d'], 'x', true],
    [['d'], '../x', true],
    [['d'], '../../x', false],
    [['d'], 'y/../../../x', false],
    [[], '..', false],
    [['d'], '/etc', false],
    [['d'], '', false],
  ])('in %j to %j stays below: %s', (folder, target, stays) => {
    expect(staysBelow(folder, target)).toBe(stays);
  });
});

test.each([
  ['/var/log/', 'log'],
  ['a', 'a'],
  ['a/.', '.'],
  ['.', '.'],
  ['/', '.'],
])('the top of %j is %j', (path, top) => {
  expect(topOf(path)).toBe(top);
});

describe('an archive goes', () => {
  const at = (path: string, there: Destination['there'], isParentThere = true): Destination => ({
    ...{ path, there, isParentThere },
  });
  const file = { parts: ['a.txt'], isFolder: false };
  const folder = { parts: ['src'], isFolder: true };
  const content = { parts: [], isFolder: true };
  const go = (to: Destination, first: typeof file | typeof folder, parts = [...first.parts]) => {
    const placement = placementOf(to, first);
    if ('code' in placement) return placement.code;
    const found = placed(placement, parts);
    return 'code' in found ? found.code : [placement.below, ...found].join(' ');
  };

  test.each([
    ['a file into a folder', at('/data', 'folder'), file, 'it a.txt'],
    ['a file under a new name', at('/data/b.txt', 'nothing'), file, 'its-folder b.txt'],
    ['a file in place of one', at('/data/b.txt', 'file'), file, 'its-folder b.txt'],
    ['a folder into a folder', at('/data', 'folder'), folder, 'it src'],
    ['a folder under a new name', at('/data/new', 'nothing'), folder, 'its-folder new'],
    ['what is in a folder into one', at('/data', 'folder'), content, 'it'],
    ['what is in one under a new name', at('/new', 'nothing'), content, 'its-folder new'],
    ['nowhere: a folder is no file', at('/data/b.txt', 'file'), folder, 'copy-refused'],
    ['nowhere: / says a folder', at('/data/b.txt/', 'file'), file, 'copy-refused'],
    ['nowhere: / says one that is there', at('/new/', 'nothing'), file, 'path-not-found'],
    ['nowhere without a folder for it', at('/x/new', 'nothing', false), file, 'path-not-found'],
  ])('%s', (_, to, first, expected) => {
    expect(go(to, first)).toBe(expected);
  });

  test('with all that is below its top under the new name, and nothing beside it', () => {
    const to = at('/data/new', 'nothing');
    expect(go(to, folder, ['src', 'a', 'b'])).toBe('its-folder new a b');
    expect(go(to, content, ['a'])).toBe('its-folder new a');
    expect(go(to, folder, ['other'])).toBe('copy-refused');
  });
});
