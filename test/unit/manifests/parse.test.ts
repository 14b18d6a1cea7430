import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { DEPTH_MAX, DOCUMENT_BYTES_MAX, DOCUMENTS_MAX } from '../../../manifests/documents.ts';
import { PROBLEMS_MAX, parseManifests } from '../../../manifests/parse.ts';
import { problemsText } from '../../../manifests/problem-text.ts';

const HEAD = 'apiVersion: shoal/v1\nkind: service\nmetadata:\n  name: hello\n';
const GOOD = `${HEAD}spec:\n  command: [serve]\n`;

/** What is wrong with a text, as a person sees it. */
function wrong(text: string): readonly string[] {
  const parsed = parseManifests(text, 'hello.yaml');
  return parsed.ok ? [] : problemsText(parsed.source, parsed.problems).split('\n');
}

function named(text: string): readonly (readonly [number, string])[] {
  const parsed = parseManifests(text, 'hello.yaml');
  if (!parsed.ok) throw new Error(problemsText(parsed.source, parsed.problems));
  return parsed.manifests.map(({ line, manifest }) => [line, manifest.metadata.name]);
}

describe('what is understood', () => {
  test.each(['hello', 'schedules', 'containers', 'rollouts'])('the example %s', async (name) => {
    const text = await readFile(`examples/${name}.yaml`, 'utf8');
    expect(parseManifests(text, `${name}.yaml`)).toMatchObject({ ok: true });
  });

  test('the example, both documents, with defaults filled in', async () => {
    const text = await readFile('examples/hello.yaml', 'utf8');
    const parsed = parseManifests(text, 'hello.yaml');
    expect(parsed).toMatchObject({
      ok: true,
      manifests: [
        { line: 6, manifest: { kind: 'service', metadata: { name: 'hello', tenant: 'default' } } },
        { manifest: { kind: 'job', spec: { count: 1, retries: 1, driver: 'process' } } },
      ],
    });
  });

  test('the example with probes', async () => {
    const text = await readFile('examples/probes.yaml', 'utf8');
    const parsed = parseManifests(text, 'probes.yaml');
    expect(parsed).toMatchObject({
      ok: true,
      manifests: [{ manifest: { spec: { probes: { startup: { failureThreshold: 60 } } } } }],
    });
  });

  test.each([
    ['empty documents are passed over', `---\n# nothing\n---\n${GOOD}---\n`, [[4, 'hello']]],
    ['a text of nothing has no manifests', '\n# only a comment\n', []],
    [
      'JSON is YAML',
      JSON.stringify({
        apiVersion: 'shoal/v1',
        kind: 'job',
        metadata: { name: 'once' },
        spec: { command: ['true'] },
      }),
      [[1, 'once']],
    ],
    ['lines may end as on Windows', GOOD.replaceAll('\n', '\r\n'), [[1, 'hello']]],
    ['a byte order mark is no part of it', `\ufeff${GOOD}`, [[1, 'hello']]],
    [
      'an alias stands for what its anchor marks',
      `${HEAD.replace('name: hello', 'name: &n hello')}  labels: {app: *n}\nspec: {command: [*n]}\n`,
      [[1, 'hello']],
    ],
    [
      'one name of two tenants are two workloads',
      `${GOOD}---\n${GOOD.replace('name: hello', 'name: hello\n  tenant: other')}`,
      [
        [1, 'hello'],
        [8, 'hello'],
      ],
    ],
  ])('%s', (_name, text, expected) => {
    expect(named(text)).toEqual(expected);
  });

  test('`yes` and `1.10` are what YAML 1.2 says they are', () => {
    const parsed = parseManifests(
      `${GOOD}  environment: {ANSWER: yes, VERSION: "1.10"}\n`,
      'hello.yaml',
    );
    expect(parsed).toMatchObject({
      manifests: [{ manifest: { spec: { environment: { ANSWER: 'yes', VERSION: '1.10' } } } }],
    });
  });
});

describe('what is refused, with its place', () => {
  const cases: Readonly<Record<string, readonly [string, readonly string[]]>> = {
    'an unknown key, with the nearest known one': [
      `${GOOD}  cout: 3\n`,
      ['hello.yaml:7:3: spec.cout: unknown key, did you mean "count"?'],
    ],
    'an unknown key that is near none, with those there are': [
      `${GOOD}  ports: [{name: http, published: 80}]\n`,
      [
        'hello.yaml:7:24: spec.ports[0].published: unknown key; known here: name, container, host, protocol',
      ],
    ],
    'what its driver lacks or cannot do': [
      `${GOOD}  image: app:1\n  limits: {pids: 9}\n  ports: [{name: http, container: 80}]\n`,
      [
        'hello.yaml:7:10: spec.image: image is only for driver docker',
        'hello.yaml:8:18: spec.limits.pids: a limit of processes is only for driver docker',
        'hello.yaml:9:35: spec.ports[0].container: a port inside is only for driver docker',
      ],
    ],
    'a container without an image': [
      `${GOOD}  driver: docker\n  directory: here\n`,
      [
        'hello.yaml:6:3: spec.image: driver docker needs an image, e.g. busybox:1.36',
        'hello.yaml:8:14: spec.directory: in a container a directory is absolute',
      ],
    ],
    'wrong types and values, each with what is expected': [
      `${HEAD}spec:
  command: []
  count: 2.5
  priority: hi
  grace: 10
  resources: {cpu: true, memory: 1x}
  environment: {1a: x, B: 1}
  ports: [{name: a}, {name: a}]
  restart: {policy: allways, attempts: -1}
  ingress: {port: a}
`,
      [
        'hello.yaml:6:12: spec.command: expected at least 1 item, found an empty list',
        'hello.yaml:7:10: spec.count: expected a whole number, found 2.5',
        'hello.yaml:8:13: spec.priority: expected one of "high", "normal", "low", found "hi"',
        'hello.yaml:9:10: spec.grace: expected a length of time with its unit: 500ms, 10s, 5m, 2h, 1d, found 10',
        'hello.yaml:10:20: spec.resources.cpu: expected cores (0.5) or millicores (500m), found true',
        'hello.yaml:10:34: spec.resources.memory: expected bytes, or a number with Ki, Mi, Gi, Ti, k, M, G, T, found "1x"',
        'hello.yaml:11:17: spec.environment.1a: the key is not valid, expected a variable name',
        'hello.yaml:11:27: spec.environment.B: expected a text, found 1; put it in quotes',
        'hello.yaml:12:10: spec.ports: each port needs a name of its own',
        'hello.yaml:13:21: spec.restart.policy: expected one of "always", "on-failure", "never", found "allways", did you mean "always"?',
        'hello.yaml:13:40: spec.restart.attempts: expected at least 0, found -1',
        'hello.yaml:14:3: spec.ingress.host: missing, expected a host name in lower case, e.g. hello.localhost',
      ],
    ],
    'a kind that is none, and the rest held to the likeliest': [
      'apiVersion: shoal/v2\nkind: servce\nmetadata: {name: Hello}\nspec: {cout: 1}\n',
      [
        'hello.yaml:1:13: apiVersion: expected "shoal/v1", found "shoal/v2"',
        'hello.yaml:2:7: kind: expected one of "service", "job", "schedule", "pool", found "servce", did you mean "service"?',
        'hello.yaml:3:18: metadata.name: expected lower-case letters, digits and dashes, 1 to 48, no dash at either end, found "Hello"',
        'hello.yaml:4:1: spec.command: missing, expected a list',
        'hello.yaml:4:8: spec.cout: unknown key, did you mean "count"?',
      ],
    ],
    "a job's key in a service": [
      `${GOOD}  retries: 3\n`,
      [
        'hello.yaml:7:3: spec.retries: unknown key; known here: count, driver, image, pull, command, environment, files, volumes, mounts, network, init, sidecars, directory, resources, limits, placement, grace, priority, priorityValue, ports, ingress, restart, probes, preStop, update',
      ],
    ],
    'a number for a name': [
      GOOD.replace('name: hello', 'name: 12'),
      [
        'hello.yaml:4:9: metadata.name: expected lower-case letters, digits and dashes, 1 to 48, no dash at either end, found 12; put it in quotes',
      ],
    ],
    'an empty value': [
      'apiVersion: shoal/v1\nkind: service\nmetadata: {name: a}\nspec:\n',
      ['hello.yaml:4:5: spec: expected a mapping, found nothing'],
    ],
    'a text, a list': [
      'hello\n---\n- 1\n',
      [
        'hello.yaml:1:1: expected a mapping, found "hello"',
        'hello.yaml:3:1: expected a mapping, found a list',
      ],
    ],
    'every document, sorted by line': [
      `${GOOD}  cout: 3\n---\n${GOOD.replace('name: hello', 'nam: other')}`,
      [
        'hello.yaml:7:3: spec.cout: unknown key, did you mean "count"?',
        'hello.yaml:11:1: metadata.name: missing, expected lower-case letters, digits and dashes, 1 to 48, no dash at either end',
        'hello.yaml:12:3: metadata.nam: unknown key, did you mean "name"?',
      ],
    ],
    'a name used twice': [
      `${GOOD}---\n${GOOD}`,
      ['hello.yaml:11:9: metadata.name: "hello" is here twice, first in line 4'],
    ],
    'a key used twice': [
      `${GOOD}  count: 1\n  count: 2\n`,
      ['hello.yaml:8:3: the key "count" is here twice'],
    ],
    'what is no YAML': [
      `${HEAD}spec:\n  command: [serve\n  count: 1\n`,
      [
        'hello.yaml:7:3: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
      ],
    ],
    'a tag nobody knows': [
      `${HEAD}spec: !secret {command: [serve]}\n`,
      ['hello.yaml:5:7: not valid YAML: Unresolved tag: !secret'],
    ],
    'another version of YAML': [
      `%YAML 1.1\n---\n${GOOD}`,
      ['hello.yaml:3:1: YAML 1.1 is not read, only 1.2; drop the %YAML line'],
    ],
    'an alias without its anchor': [
      `${HEAD}spec: {command: *run}\n`,
      ['hello.yaml:5:17: no anchor &run stands before this alias'],
    ],
    'an alias inside its own anchor': [
      `${HEAD}spec: {command: &run [*run]}\n`,
      ['hello.yaml:5:23: no anchor &run stands before this alias'],
    ],
    'a key that would reach into objects': [
      `${GOOD}  environment: {__proto__: x}\n`,
      ['hello.yaml:7:17: a key cannot be "__proto__"'],
    ],
  };
  test.each(Object.entries(cases))('%s', (_name, [text, expected]) => {
    expect(wrong(text)).toEqual(expected);
  });
});

describe('limits', () => {
  test('aliases that stand for aliases', () => {
    const levels = Array.from({ length: 20 }, (_none, level) => {
      const before = level === 0 ? '1' : `*a${level - 1}`;
      return `- &a${level} [${before}, ${before}]`;
    });
    expect(wrong(`bomb:\n${levels.join('\n')}\n`)).toEqual([
      'hello.yaml:1:1: aliases stand for more than 100 things',
    ]);
    const many = `a: &a 1\nb: [${'*a,'.repeat(101)}]`;
    expect(wrong(many)).toEqual(['hello.yaml:2:305: more than 100 aliases']);
  });

  // Composed without a limit, each of these ends the process: nothing could catch it.
  test.each(['[', '{a: ', '- ', '? ', '"a": ['])('nesting of %s', (open) => {
    const lines = wrong(open.repeat(30_000));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`nested deeper than ${DEPTH_MAX} levels`);
  });

  test('size of a document, with the others read', () => {
    const large = `${GOOD}# ${'x'.repeat(DOCUMENT_BYTES_MAX)}\n`;
    expect(wrong(`${GOOD}  cout: 1\n---\n${large}`)).toEqual([
      'hello.yaml:7:3: spec.cout: unknown key, did you mean "count"?',
      expect.stringMatching(/^hello.yaml:9:1: the document has 13\d{4} bytes, at most 131072/),
    ]);
  });

  test('number of documents', () => {
    const each = (index: number): string => GOOD.replace('hello', `w${index}`);
    const some = Array.from({ length: DOCUMENTS_MAX }, (_none, index) => each(index)).join('---\n');
    expect(named(some)).toHaveLength(DOCUMENTS_MAX);
    expect(wrong(`${some}---\n${each(DOCUMENTS_MAX)}`)).toEqual([
      `hello.yaml:${DOCUMENTS_MAX * 7 + 1}:1: more than ${DOCUMENTS_MAX} documents in one file`,
    ]);
  });

  test('size of a file, and number of problems', () => {
    expect(wrong(' '.repeat(DOCUMENTS_MAX * DOCUMENT_BYTES_MAX + 1))).toHaveLength(1);
    const unknown = Array.from({ length: 500 }, (_none, index) => `  unknown${index}: 1\n`).join(
      '',
    );
    expect(wrong(`${GOOD}${unknown}`)).toHaveLength(PROBLEMS_MAX);
  });
});
