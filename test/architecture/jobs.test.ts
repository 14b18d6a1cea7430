/** A job that an actor runs is one it has declared, with a step for its reports. */
import { describe, expect, test } from 'vitest';
import { type Source, sourceOf, sources } from '../support/sources.ts';

/** Jobs named in a source: by `run`, or by `reported`. */
function named(by: 'run' | 'reported', { text, code }: Source): readonly string[] {
  const calls = new RegExp(`(?:^|[^.\\w]|\\.{3})${by}(?:<[^()]*?>)?\\(\\s*'`, 'g');
  return [...code.matchAll(calls)].map((call) => {
    const at = call.index + call[0].length;
    return text.slice(at, text.indexOf("'", at));
  });
}

/** Which actor a file is part of: its folder; undefined: none. */
function actorOf(path: string): string | undefined {
  return /^(?:actors\/(?!runtime\/)[^/]+|edge-agent)(?=\/[^/]+\.ts$|\/strategy\/)/.exec(path)?.[0];
}

/** Jobs that are run without being declared, as `actor: job`. */
function undeclared(all: readonly Source[]): readonly string[] {
  const of = (by: 'run' | 'reported'): ReadonlySet<string> =>
    new Set(
      all.flatMap((source) => {
        const actor = actorOf(source.path);
        return actor === undefined ? [] : named(by, source).map((job) => `${actor}: ${job}`);
      }),
    );
  const declared = of('reported');
  return [...of('run')].filter((each) => !declared.has(each));
}

describe('jobs', () => {
  test('that are run are declared', async () => {
    const all = await sources();
    const runs = all.filter(({ path }) => actorOf(path)).flatMap((source) => named('run', source));
    expect(new Set(runs).size).toBeGreaterThan(15);
    expect(undeclared(all)).toEqual([]);
  });

  test.each([
    ["[run('clear', {})]", ['actors/retention: clear']],
    ["[run(\n  'clear', {})]", ['actors/retention: clear']],
    ["[run('weigh', {})]", []],
    ["[this.run('clear'), rerun('clear')] // run('clear')", []],
  ])('%j is found', (text, found) => {
    const actor = sourceOf('actors/retention/actor.ts', "jobs: reported<A, B>('weigh', step)");
    expect(undeclared([actor, sourceOf('actors/retention/rounds.ts', text)])).toEqual(found);
  });
});
