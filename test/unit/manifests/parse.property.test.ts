import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { type Parsed, parseManifests } from '../../../manifests/parse.ts';
import { pathText } from '../../../manifests/positions.ts';

const GOOD = {
  apiVersion: 'shoal/v1',
  kind: 'service',
  metadata: { name: 'hello', tenant: 'default', labels: { app: 'hello' } },
  spec: {
    count: 3,
    command: ['serve', '--now'],
    environment: { GREETING: 'hello' },
    resources: { cpu: '100m', memory: '64Mi' },
    ports: [{ name: 'http' }],
    ingress: { host: 'hello.localhost', port: 'http' },
    restart: { policy: 'always' },
  },
};

type Path = readonly (string | number)[];

/** Paths of everything in a value, the value itself left out. */
function pathsIn(value: unknown, above: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const path = [...above, Array.isArray(value) ? Number(key) : key];
    return [path, ...pathsIn(inner, path)];
  });
}

function changed(value: unknown, [step, ...rest]: Path, change: (at: never) => unknown): unknown {
  if (step === undefined) return change(value as never);
  const copy = structuredClone(value) as Record<string | number, unknown>;
  copy[step] = changed(copy[step], rest, change);
  return copy;
}

/** A refusal that shows places inside the text. */
function expectRefused(parsed: Parsed, text: string): void {
  expect(parsed.ok).toBe(false);
  if (parsed.ok) return;
  const lines = text.split('\n');
  expect(parsed.problems.length).toBeGreaterThan(0);
  for (const { line, column, message } of parsed.problems) {
    expect(line).toBeGreaterThanOrEqual(1);
    expect(line).toBeLessThanOrEqual(lines.length);
    expect(column).toBeGreaterThanOrEqual(1);
    expect(column).toBeLessThanOrEqual(lines[line - 1]!.length + 1);
    expect(message).not.toBe('');
  }
}

/** Text that a YAML reader stumbles over more often than over letters. */
const awkward = fc.string({
  unit: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...'[]{}:,-?|>&*!%@`"\'#~\n\t\r \\0aé') },
    {
      weight: 1,
      arbitrary: fc.constantFrom('---\n', '...\n', 'spec:\n', '  - ', '&a', '*a', ': '),
    },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 2 }) },
  ),
  maxLength: 200,
});

const format = fc.constantFrom(
  (value: unknown) => stringify(value),
  (value: unknown) => JSON.stringify(value),
  (value: unknown) => JSON.stringify(value, null, 2),
  (value: unknown) => `# a comment\n---\n${stringify(value, { collectionStyle: 'flow' })}`,
);

describe('any text', () => {
  test('never throws, and what is wrong has a place inside it', () => {
    fc.assert(
      fc.property(awkward, (text) => {
        const parsed = parseManifests(text, 'x');
        if (!parsed.ok) expectRefused(parsed, text);
      }),
      { numRuns: 2_000 },
    );
  });

  test('never throws after a piece of a valid one was cut out, doubled or overwritten', () => {
    const text = stringify(GOOD);
    const place = fc.nat({ max: text.length });
    fc.assert(
      fc.property(place, place, awkward, (one, other, more) => {
        const [from, to] = [Math.min(one, other), Math.max(one, other)];
        const mutated = text.slice(0, from) + more + text.slice(to);
        const parsed = parseManifests(mutated, 'x');
        if (!parsed.ok) expectRefused(parsed, mutated);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a valid manifest', () => {
  test('is read alike in every form', () => {
    fc.assert(
      fc.property(format, (write) => {
        const parsed = parseManifests(write(GOOD), 'x');
        expect(parsed).toMatchObject({ ok: true, manifests: [{ manifest: GOOD }] });
      }),
    );
  });

  const mappings: readonly Path[] = [
    [],
    ['metadata'],
    ...[[], ['resources'], ['ports', 0], ['ingress'], ['restart']].map((each) => ['spec', ...each]),
  ];
  test('is refused with any key more, where the key stands', () => {
    const key = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.constantFrom(...mappings), key, format, (path, name, write) => {
        // Known keys that this manifest does not use.
        const known = ['driver', 'directory', 'placement', 'grace', 'priority', 'limits'];
        fc.pre(![...known, 'disk', 'attempts', 'window'].includes(name));
        // Refused too, but by the reader of documents, which knows no path yet.
        fc.pre(name !== '__proto__');
        const isNew = (at: object): unknown =>
          Object.hasOwn(at, name) ? at : { ...at, [name]: 1 };
        const more = changed(GOOD, path, isNew);
        fc.pre(JSON.stringify(more) !== JSON.stringify(GOOD));
        const text = write(more);
        const parsed = parseManifests(text, 'x');
        expectRefused(parsed, text);
        expect(parsed).toMatchObject({ problems: [{ path: pathText([...path, name]) }] });
      }),
    );
  });

  test('is refused without any key that is needed', () => {
    const needed: readonly Path[] = [
      ['apiVersion'],
      ['kind'],
      ['metadata'],
      ['spec'],
      ['metadata', 'name'],
      ['spec', 'command'],
      ['spec', 'ports', 0, 'name'],
      ['spec', 'ingress', 'host'],
    ];
    fc.assert(
      fc.property(fc.constantFrom(...needed), format, (path, write) => {
        const last = path.at(-1) as string;
        const text = write(
          changed(
            GOOD,
            path.slice(0, -1),
            ({ [last]: _gone, ...rest }: Record<string, unknown>) => rest,
          ),
        );
        expectRefused(parseManifests(text, 'x'), text);
      }),
    );
  });

  test('is refused with a value of a type that nothing there has', () => {
    fc.assert(
      fc.property(fc.constantFrom(...pathsIn(GOOD)), format, (path, write) => {
        const text = write(changed(GOOD, path, (at) => (Array.isArray(at) ? {} : [[at]])));
        const parsed = parseManifests(text, 'x');
        expectRefused(parsed, text);
        expect(parsed).toMatchObject({
          problems: [{ message: expect.stringContaining('expected') }],
        });
      }),
    );
  });
});
