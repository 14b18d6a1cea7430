// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the sources under test have templates
/**
 * Decisions know no time, no chance and no world but what they are handed: the files that make
 * them are synchronous functions over data.
 */
import { describe, expect, test } from 'vitest';
import { type Source, sourceOf, sources } from '../support/sources.ts';

/** Files of the agent that decide; its others carry things out. */
const agentCores = [
  ...['actor', 'runner', 'compare', 'presence', 'say', 'restart', 'state', 'jobs'],
  ...['probing', 'probe-turns', 'thresholds', 'ending', 'sessions'],
];
const CORE = new RegExp(
  `^(subjects/|actors/(?!runtime/|(main|replay)\\.ts$)|edge-agent/(${agentCores.join('|')})\\.ts$)`,
);

/** What a core does not say, and what it says instead. */
const words: readonly (readonly [RegExp, string])[] = [
  [/\basync\b/, 'a step is synchronous; what takes time comes back as a message'],
  [/\bawait\b/, 'a step is synchronous; what takes time comes back as a message'],
  [/\bPromise\b/, 'a step is synchronous; what takes time comes back as a message'],
  [/\bDate\b/, 'the time is context.now'],
  [/\bMath\s*\.\s*random\b/, 'chance is context.random()'],
  [/\bperformance\b/, 'the runtime measures steps'],
  [/(?<!\.)\bcrypto\b/, 'ids come from context.id()'],
  [/\bset(Timeout|Interval|Immediate)\b/, 'waiting is the effect after'],
  [/\bqueueMicrotask\b/, 'a step ends where it ends'],
  [/(?<![.\w$])process\b(?!\s*[:?])/, 'settings are handed in by the shell'],
  [/\bglobalThis\b/, 'what a core needs is handed to it'],
  [/\bconsole\b/, 'the runtime logs'],
  [/(?<![.\w$])fetch\b(?!\s*[:?])/, 'the world is reached by effects'],
  [/\bBuffer\b/, 'bytes are the codec’s'],
];
const modules: readonly (readonly [RegExp, string])[] = [
  [/^node:/, 'the world is reached by effects'],
  [/^actors\/runtime\/(log|journal|program|metrics|tracing)\.ts$/, 'the runtime logs and measures'],
  [/^pino$/, 'the runtime logs'],
];

function impure(source: Source): readonly string[] {
  const lines = source.code.split('\n');
  const said = words.flatMap(([word, instead]) =>
    lines.flatMap((line, index) => {
      const found = word.exec(line);
      const isCodec = found?.[0] === 'Buffer' && source.path === 'subjects/codec.ts';
      return found && !isCodec ? [`${source.path}:${index + 1} says ${found[0]}: ${instead}`] : [];
    }),
  );
  const imported = modules.flatMap(([module, instead]) =>
    source.imports
      .filter(({ from }) => module.test(from))
      .map(({ from }) => `${source.path} imports ${from}: ${instead}`),
  );
  return [...said, ...imported];
}

describe('cores', () => {
  test('are pure', async () => {
    const cores = (await sources()).filter((source) => CORE.test(source.path));
    expect(cores.length).toBeGreaterThan(50);
    expect(cores.flatMap(impure)).toEqual([]);
  });

  test('are all of the actors, of the contracts, and what decides in the agent', async () => {
    const paths = (await sources()).map((source) => source.path);
    for (const name of agentCores) expect(paths).toContain(`edge-agent/${name}.ts`);
    expect(CORE.test('actors/scheduler/place.ts')).toBe(true);
    expect(CORE.test('subjects/node.ts')).toBe(true);
    expect(CORE.test('actors/runtime/host.ts')).toBe(false);
    expect(CORE.test('actors/main.ts')).toBe(false);
    expect(CORE.test('edge-agent/main.ts')).toBe(false);
  });

  test.each([
    'export async function f() {}',
    'const x = await y;',
    'return new Promise(() => 1);',
    'const now = Date.now();',
    'const now = new Date(0);',
    'if (Math.random() < 0.5) return;',
    'const t = performance.now();',
    'const id = crypto.randomUUID();',
    'setTimeout(f, 10);',
    'setImmediate(f);',
    'const e = process.env;',
    'console.log(1);',
    'fetch(url);',
    'const g = globalThis;',
    "import { readFile } from 'node:fs/promises';",
    "import { journal } from '../runtime/journal.ts';",
    'const t = `${Date.now()}`;',
  ])('this is found: %s', (line) => {
    expect(impure(sourceOf('actors/pool/take.ts', line))).toHaveLength(1);
  });

  test.each([
    "const driver = 'process';",
    '// Date.now() would be wrong here',
    'const offered = spec.process;',
    'const shape = { process: 1 };',
    'const updated = validateDate;',
  ])('this is not: %s', (line) => {
    expect(impure(sourceOf('actors/pool/take.ts', line))).toEqual([]);
  });
});
