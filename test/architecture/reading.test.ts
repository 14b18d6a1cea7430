// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the sources under test have templates
/** The reading of sources, on which every other test here rests. */
import { describe, expect, test } from 'vitest';
import { blanked } from '../support/blanked.ts';
import { sourceOf, sources } from '../support/sources.ts';

const importsOf = (text: string) => sourceOf('actors/pool/take.ts', text).imports;

describe('what is no code', () => {
  test.each([
    ["a('Date') // Date", 'a(', /Date/],
    ['/* Date\n Date */ b', 'b', /Date/],
    ['`Date ${x} Date`', 'x', /Date/],
    ['/Date[/]Date/.test(x)', 'test(x)', /Date/],
    ['"it\\"s Date" + c', '+ c', /Date/],
    ['`a ${`Date ${y}`} Date` + z', '+ z', /Date/],
  ])('is gone from %j', (text, kept, gone) => {
    const { code } = blanked(text);
    expect(code).toContain(kept);
    expect(code).not.toMatch(gone);
    expect(code).toHaveLength(text.length);
  });

  test.each([
    'const x = Date.now();',
    '`${Date.now()}`',
    '`a ${f({ b: Date })} c`',
    'a / b / Date',
    "'//' + Date",
    'f(/\\//, Date)',
    "x['a'] / Date / 2",
  ])('but code stays in %j', (text) => {
    expect(blanked(text).code).toContain('Date');
  });

  test('strings are collected', () => {
    expect([...blanked(`f('a', "b's", \`c \${'d'}\`)`).strings]).toEqual(['a', "b's", 'd']);
  });
});

describe('imports', () => {
  test('of every form are found, relative ones from the root', () => {
    const text = `
      import { z } from 'zod';
      import type { A } from '../membership/state.ts';
      import { type B, type C } from './state.ts';
      import { type D, e } from '../../subjects/index.ts';
      import * as f from 'node:fs';
      import 'side-effect';
      import g from "double";
      export { h } from './h.ts';
      export * from './i.ts';
      const j = await import('./j.ts');
      const k = require('k');
    `;
    expect(
      importsOf(text)
        .map(({ from }) => from)
        .sort(),
    ).toEqual([
      'actors/membership/state.ts',
      'actors/pool/h.ts',
      'actors/pool/i.ts',
      'actors/pool/j.ts',
      'actors/pool/state.ts',
      'double',
      'k',
      'node:fs',
      'side-effect',
      'subjects/index.ts',
      'zod',
    ]);
    const typeOnly = importsOf(text).filter((each) => each.isTypeOnly);
    expect(typeOnly.map(({ from }) => from)).toEqual([
      'actors/membership/state.ts',
      'actors/pool/state.ts',
    ]);
    expect(importsOf(text).filter((each) => each.isDynamic)).toHaveLength(2);
  });

  test('in comments and strings are none', () => {
    const text = `// import { a } from 'a';\nconst b = "import { c } from 'c'"; export const from = 1;`;
    expect(importsOf(text)).toEqual([]);
  });

  test('an export that is followed by an import is not one import', () => {
    const text = `export const a = 1\nexport function b() {}\nimport { c } from 'c';`;
    expect(importsOf(text)).toEqual([{ from: 'c', isTypeOnly: false, isDynamic: false }]);
  });
});

test('the project is read', async () => {
  const all = await sources();
  expect(all.length).toBeGreaterThan(120);
  const relative = all.flatMap((each) => each.imports).filter(({ from }) => from.endsWith('.ts'));
  expect(relative.length).toBeGreaterThan(400);
  const paths = new Set(all.map((each) => each.path));
  const missing = relative
    .map(({ from }) => from)
    // What is generated is not read, only what generates it.
    .filter((from) => !paths.has(from) && !from.includes('/generated/'));
  expect(missing).toEqual([]);
});
