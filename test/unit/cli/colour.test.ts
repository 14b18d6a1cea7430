/** Colours: who gets them, what they mean, and that they change nothing but the look. */
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { eventLine } from '../../../cli/present/events.ts';
import { inColour, paintedFailure, paintFor, plainly } from '../../../cli/present/paint.ts';
import { phaseTone, useTone } from '../../../cli/present/tones.ts';
import { table } from '../../../cli/table.ts';
import { phases } from '../../../subjects/index.ts';
import { hello, instances, job, lostNode, node, nodeEvent } from './fabric.ts';
import { refused, StubGateway, shoal } from './stub-gateway.ts';

const fabric = {
  'GET /api/v1/workloads': { body: { items: [hello, job], revision: 1 } },
  'GET /api/v1/instances': { body: { items: instances, revision: 1 } },
  'GET /api/v1/nodes': { body: { items: [node, lostNode], revision: 1 } },
  'GET /api/v1/workloads/helo': refused('workload-not-found', 'there is no workload helo'),
};

async function run(
  words: string,
  environment: Readonly<Record<string, string>> = {},
  columns = 160,
) {
  await using stub = await StubGateway.start(fabric);
  const seen = columns > 0 ? { columns: () => columns } : {};
  const ran = await shoal(stub, words, { environment, ...seen });
  return { ...ran, shown: legible(ran.out), shownErr: legible(ran.err) };
}

/** Escapes as a person can read them. */
function legible(text: string): string {
  return text.replaceAll('\u001b', '␛');
}

const ESCAPE = '\u001b[';

describe('colours are for people at terminals', () => {
  test.each([
    ['a terminal', 'get nodes', {}, 120, true],
    ['no terminal', 'get nodes', {}, 0, false],
    ['a terminal of somebody who wants none', 'get nodes', { NO_COLOR: '1' }, 120, false],
    ['NO_COLOR that is empty, which is no wish', 'get nodes', { NO_COLOR: '' }, 120, true],
    ['a terminal that can do nothing', 'get nodes', { TERM: 'dumb' }, 120, false],
    ['never', 'get nodes --color never', {}, 120, false],
    ['always, piped into a pager', 'get nodes --color always', {}, 0, true],
    [
      'always, over NO_COLOR: what is typed wins',
      '--color always get nodes',
      { NO_COLOR: '1' },
      0,
      true,
    ],
    ['programs, whatever is asked', 'get nodes --json --color always', {}, 120, false],
    ['programs that read YAML', 'get nodes -o yaml', {}, 120, false],
    ['help', 'get --help', {}, 120, true],
    ['help in a pipe', 'get --help', {}, 0, false],
  ])('%s', async (_what, words, environment, columns, isColoured) => {
    const { out, code } = await run(words, environment, columns);
    expect(code).toBe(0);
    expect(out.includes(ESCAPE)).toBe(isColoured);
  });

  test('errors too: what went wrong and what to do next stand out, in their own stream', async () => {
    const { shownErr: err, out } = await run('get workload helo');
    expect(out).toBe('');
    expect(err).toMatch(/^␛\[31merror:␛\[39m /);
    expect(err).toContain('\n  ␛[1mnext:␛[22m give --tenant');
    expect((await run('get workload helo', {}, 0)).err).not.toContain(ESCAPE);
    // JSON goes to stdout; who reads the error is a person.
    expect((await run('get workload helo --json')).err).toContain(ESCAPE);
  });

  test('a choice there is not is told with those there are', async () => {
    const { code, err } = await run('get nodes --color sometimes', {}, 0);
    expect(code).toBe(2);
    expect(err).toContain('Allowed choices are auto, always, never');
    expect(err).toContain('  next: `shoal get --help` says what it takes');
  });
});

describe('what is painted', () => {
  test.each(['get workloads', 'get instances', 'get nodes'])(
    '%s reads the same without',
    async (words) => {
      const [painted, plain] = [await run(words), await run(words, {}, 0)];
      expect(painted.out).not.toBe(plain.out);
      expect(stripVTControlCharacters(painted.out)).toBe(plain.out);
    },
  );

  test('titles are bold; what is well is green, what needs somebody red; spaces have no look', async () => {
    const { shown } = await run('get nodes');
    const [titles, first, second] = shown.split('\n');
    expect(titles).toMatch(/^␛\[1mNODE␛\[22m {3}/);
    expect(first).toContain('  ␛[32mready␛[39m    ');
    expect(second).toContain('  ␛[31moffline␛[39m  ');
  });

  test('every phase has a look, and a job that runs is well', () => {
    for (const phase of phases) expect(phaseTone(phase, 'service')).toBeDefined();
    expect(phaseTone('running', 'job')).toBe('good');
    expect(phaseTone('running', 'service')).toBe('between');
  });

  test('use stands out when it is tight, and more when nothing is left', () => {
    expect([50, 75, 90, 250].map((used) => useTone(used, 100))).toEqual([
      ...[undefined, 'between', 'bad', 'bad'],
    ]);
    expect([useTone(undefined, 100), useTone(1, undefined), useTone(1, 0)]).toEqual([
      ...[undefined, undefined, undefined],
    ]);
  });

  test('of events those that somebody looks for', () => {
    expect(eventLine(nodeEvent, inColour)).toContain('\u001b[31moffline\u001b[39m       unheard');
    expect(stripVTControlCharacters(eventLine(nodeEvent, inColour))).toBe(eventLine(nodeEvent));
  });

  test('nothing that comes from elsewhere paints: its escapes are gone', () => {
    const columns = [{ title: 'name', text: (each: string) => each }];
    expect(table(columns, ['\u001b[31mred\u001b[0m'], plainly)).not.toContain('\u001b');
  });

  test('a line of a manifest that has "error:" in it is no failure', () => {
    expect(paintedFailure('stdin:5:3: error: x', inColour)).toBe('stdin:5:3: error: x');
  });

  test('a choice is one function of what was typed and where it goes', () => {
    const of = { chosen: 'auto', isForPrograms: false, isTerminal: true, environment: {} } as const;
    expect(paintFor(of)('bad', 'x')).toBe('\u001b[31mx\u001b[39m');
    expect(paintFor({ ...of, isTerminal: false })('bad', 'x')).toBe('x');
  });
});
