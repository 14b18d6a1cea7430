/** The form of files: names, sizes, opening sentences, docstrings, and nothing left to do. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type Source, sourceOf, sources } from '../support/sources.ts';

const call = promisify(execFile);
const isTest = (path: string): boolean => path.startsWith('test/');

/** Rooms without a noun: what has no home is a concept without a name. */
const ROOMS =
  /^(utils?|helpers?|common|misc|shared|lib|managers?|services?|core|base|impl|types|interfaces|constants)$/;
/** `services.ts` answers the NATS services protocol: there the word is the thing's own. */
const NAMED_SO = new Set(['actors/runtime/nats/services.ts']);

function misnamed(path: string): readonly string[] {
  if (NAMED_SO.has(path)) return [];
  const rooms = path.split('/').map((part) => part.replace(/(\.test)?\.ts$/, ''));
  const bad = rooms.filter((part) => ROOMS.test(part));
  const isPlain = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.ts$/.test(path.split('/').at(-1) ?? '');
  return [
    ...bad.map((part) => `${path}: ${part} says nothing; name the concept`),
    ...(isPlain ? [] : [`${path}: lower-case words with dashes, please`]),
  ];
}

/** A file longer than this has two subjects. */
const LINES_MAX = 400;
const TEST_LINES_MAX = 500;

function oversized({ path, text }: Source): readonly string[] {
  const lines = text.trimEnd().split('\n').length;
  const max = isTest(path) ? TEST_LINES_MAX : LINES_MAX;
  return lines > max ? [`${path}: ${lines} lines, at most ${max}; split it by decision`] : [];
}

/** What a file is, in its first line: to find it without reading it. Tests may say it by name. */
function unopened({ path, text }: Source): readonly string[] {
  if (/\.(test|config)\.ts$/.test(path)) return [];
  const start = text.replace(/^#!.*\n/, '').replace(/^(\/\/ biome-ignore-all .*\n)+/, '');
  if (!/^\/\*\*[\s*]*[A-Z`$]/.test(start))
    return [`${path}: open with what it is, or makes sure of`];
  const isActor = /(^|\/)actor\.ts$/.test(path) && path !== 'actors/runtime/actor.ts';
  if (isActor && !/^\/\*\*[\s*]*Makes sure that /.test(start)) {
    return [`${path}: an actor opens with "Makes sure that …"`];
  }
  return [];
}

const EXPORTED =
  /^export (?:async )?(?:function\*?|(?:abstract )?class|const(?= [A-Za-z_]+(?:: [^=]+)? = -?[\d(])) ?([A-Za-z_]\w*)/;

/** Exports whose guarantee, unit or reason nobody has written down. */
function undocumented({ path, text }: Source): readonly string[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    const found = EXPORTED.exec(line);
    if (!found) return [];
    const above = lines[index - 1]?.trimEnd() ?? '';
    const isOverload = above.startsWith('export function') && above.endsWith(';');
    if (above.endsWith('*/') || isOverload) return [];
    return [`${path}:${index + 1} ${found[1]} has no docstring`];
  });
}

const UNDONE = /\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))/;

function undone({ path, text }: Source): readonly string[] {
  return text.split('\n').flatMap((line, index) => {
    const found = UNDONE.exec(line);
    return found ? [`${path}:${index + 1} ${found[1]}: finish it, or name its issue: (#7)`] : [];
  });
}

const checks = {
  'rooms have names': (source: Source) => misnamed(source.path),
  'files are small': oversized,
  'files say what they are': unopened,
} as const;

describe.each(Object.entries(checks))('%s', (_, check) => {
  test('everywhere', async () => {
    const all = await sources();
    expect(all.length).toBeGreaterThan(150);
    expect(all.flatMap(check)).toEqual([]);
  });
});

describe('docstrings', () => {
  test('stand on every export of the contracts, the runtime, and what drivers are', async () => {
    const files = (await sources()).filter(({ path }) =>
      /^(subjects|actors\/runtime|edge-agent\/(jobs\.ts|drivers\/[^/]+\.ts))/.test(path),
    );
    expect(files.length).toBeGreaterThan(50);
    const exported = files.flatMap(({ text }) =>
      text.split('\n').filter((line) => EXPORTED.test(line)),
    );
    expect(exported.length).toBeGreaterThan(100);
    expect(files.flatMap(undocumented)).toEqual([]);
  });
});

describe('nothing is left to do', () => {
  test('without an issue that says so', async () => {
    // This file shows what it looks for.
    const all = (await sources()).filter(({ path }) => path !== 'test/architecture/form.test.ts');
    expect(all.length).toBeGreaterThan(150);
    expect(all.flatMap(undone)).toEqual([]);
  });
});

describe('functions are small', () => {
  const long = (lines: number): string =>
    `export function f(x: number): number {\n${'  g(x);\n'.repeat(lines)}  return x;\n}\n`;

  test('because Biome refuses others', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'shoal-test-form-'));
    try {
      const config = JSON.parse(await readFile('biome.json', 'utf8'));
      await writeFile(join(folder, 'biome.json'), JSON.stringify({ ...config, vcs: {} }));
      const paths = ['actors/pool', 'gateway', 'subjects', 'edge-agent', 'cli'];
      for (const path of paths) {
        await mkdir(join(folder, path), { recursive: true });
        await writeFile(join(folder, path, 'short.ts'), long(60));
        await writeFile(join(folder, path, 'long.ts'), long(90));
      }
      const biome = join(process.cwd(), 'node_modules/.bin/biome');
      const run = call(biome, ['lint', '--reporter=json'], { cwd: folder });
      const { stdout } = await run.catch((failed) => failed);
      const { diagnostics } = JSON.parse(stdout) as {
        readonly diagnostics: readonly {
          readonly category: string;
          readonly location: { readonly path: string | { readonly file: string } };
        }[];
      };
      const refused = diagnostics.map(({ category, location }) => {
        const { path } = location;
        return `${category} ${typeof path === 'string' ? path : path.file}`;
      });
      const rule = 'lint/complexity/noExcessiveLinesPerFunction';
      expect(refused.sort()).toEqual(paths.map((path) => `${rule} ${path}/long.ts`).sort());
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('and no file asks it to look away', async () => {
    const all = (await sources()).filter(({ path }) => !isTest(path));
    const asking = all.filter(({ text }) => /biome-ignore[^\n]*noExcessive/.test(text));
    expect(asking.map(({ path }) => path)).toEqual([]);
    const config = JSON.parse(await readFile('biome.json', 'utf8'));
    const { level, options } = config.linter.rules.complexity.noExcessiveLinesPerFunction;
    expect(level).toBe('error');
    expect(options.maxLines).toBeLessThanOrEqual(80);
  });
});

describe('each check can fail', () => {
  const source = (text: string, path = 'actors/pool/take.ts'): Source => sourceOf(path, text);

  test.each([
    'actors/utils/a.ts',
    'gateway/helpers.ts',
    'subjects/types.ts',
    'cli/common/table.ts',
    'test/support/lib.ts',
    'nats/Base.ts',
    'actors/services.ts',
    'actors/pool/takeSlot.ts',
  ])('the name %s', (path) => {
    expect(misnamed(path).length).toBeGreaterThan(0);
  });

  test.each(['actors/pool/take.ts', 'actors/runtime/nats/services.ts', 'vitest.config.ts'])(
    'but not the name %s',
    (path) => {
      expect(misnamed(path)).toEqual([]);
    },
  );

  test('a long file', () => {
    expect(oversized(source('x\n'.repeat(LINES_MAX)))).toEqual([]);
    expect(oversized(source('x\n'.repeat(LINES_MAX + 1)))).toHaveLength(1);
  });

  test('a file that does not say what it is', () => {
    expect(unopened(source('import a from "a";'))).toHaveLength(1);
    expect(unopened(source('/** */\nexport const a = 1;'))).toHaveLength(1);
    expect(unopened(source('/** Takes a slot. */'))).toEqual([]);
    expect(unopened(source('#!/usr/bin/env node\n/** The program. */'))).toEqual([]);
    expect(unopened(source('/** The pool. */', 'actors/pool/actor.ts'))).toHaveLength(1);
    expect(unopened(source('/**\n * Makes sure that x. */', 'actors/pool/actor.ts'))).toEqual([]);
  });

  test.each([
    'export function f() {}',
    'export async function f() {}',
    'export class F {}',
    'export const LIMIT = 7;',
    'export const LIMIT_MS = -1;',
    'export const LIMIT: number = 7;',
    '// a note\nexport function f() {}',
  ])('an export without a docstring: %s', (text) => {
    expect(undocumented(source(text))).toHaveLength(1);
    expect(undocumented(source(`/** Says what. */\n${text.split('\n').at(-1)}`))).toEqual([]);
  });

  test.each(['// TODO later', '/* FIXME */', 'x(); // XXX', '// HACK: works'])('%s', (text) => {
    expect(undone(source(text))).toHaveLength(1);
  });

  test('but not what has an issue', () => {
    expect(undone(source('// TODO(#12) when R3 comes'))).toEqual([]);
  });
});
