/** Progress: one line drawn again on a terminal, a line per change elsewhere, and no rest of it. */
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { inColour, plainly } from '../../../cli/present/paint.ts';
import { progressLine, rowsOf } from '../../../cli/present/progress-line.ts';
import { columnsOf, cutTo } from '../../../cli/present/width.ts';
import { hello, helloReady, instances } from './fabric.ts';
import { type Answer, StubGateway, shoal, type World } from './stub-gateway.ts';

const at = (columns: number) => ({ elapsedMs: 4_200, columns, paint: plainly });
const step = { told: 'hello: progressing: 2 of 3 ready', share: { done: 2, of: 3 } };

describe('a line of progress', () => {
  test('has a bar, counts, seconds, and what is waited for', () => {
    const brief = 'hello: progressing';
    expect(progressLine({ ...step, brief, detail: 'hello-5pytj: starting' }, at(120))).toBe(
      '━━━━━━━━━━━━━───────  2/3  4s  hello: progressing; hello-5pytj: starting',
    );
  });

  test('leaves the last column free, whatever it is told, and cuts wide letters whole', () => {
    const told = '映像を取得しています: pulling 映像を取得しています 🚢 of many layers and so on';
    for (let columns = 1; columns <= 130; columns++) {
      const line = progressLine({ ...step, told }, at(columns));
      expect(columnsOf(line), `${columns}: ${line}`).toBeLessThanOrEqual(columns - 1);
    }
  });

  test('is one line, whatever a program has written into it', () => {
    const line = progressLine({ told: 'a\nb\u001b[2Jc\r' }, at(80));
    expect(line).toBe('4s  a b [2Jc ');
  });

  test('without room has no bar, and without counts neither', () => {
    expect(progressLine(step, at(40))).toBe('2/3  4s  hello: progressing: 2 of 3 re…');
    expect(progressLine({ told: 'n1: ready' }, at(120))).toBe('4s  n1: ready');
  });

  test('is full only when all is done', () => {
    const full = '━'.repeat(20);
    const bar = (done: number, of: number): string =>
      progressLine({ told: 'x', share: { done, of } }, at(120)).split('  ')[0] as string;
    expect(bar(999, 1000)).not.toBe(full);
    expect([bar(3, 3), bar(4, 3)]).toEqual([full, full]);
    expect(bar(0, 3)).toBe('─'.repeat(20));
  });

  test('painted reads the same', () => {
    const line = progressLine(step, { ...at(120), paint: inColour });
    expect(line).not.toBe(progressLine(step, at(120)));
    expect(stripVTControlCharacters(line)).toBe(progressLine(step, at(120)));
  });

  test('takes several rows of a terminal made narrower', () => {
    expect([rowsOf('', 10), rowsOf('x'.repeat(10), 10), rowsOf('x'.repeat(11), 10)]).toEqual([
      1, 1, 2,
    ]);
    expect(rowsOf('漢'.repeat(6), 10)).toBe(2);
  });

  test('a cut text says so', () => {
    expect([cutTo('漢字', 4), cutTo('漢字', 3), cutTo('abc', 2), cutTo('abc', 0)]).toEqual([
      ...['漢字', '漢…', 'a…', ''],
    ]);
    // An accent stands on its letter.
    expect(columnsOf('e\u0301')).toBe(1);
  });
});

/** A service that is ready at its fifth look. */
const coming = {
  'GET /api/v1/workloads/hello': (_asked: unknown, times: number): Answer => ({
    body: times < 5 ? hello : helloReady,
  }),
  'GET /api/v1/instances': { body: { items: instances, revision: 1 } },
};

async function wait(world: World, words = 'wait workload hello --timeout 10s') {
  await using stub = await StubGateway.start(coming);
  const ran = await shoal(stub, words, world);
  return { ...ran, err: ran.err.replaceAll('\u001b', '␛'), asked: stub.lines };
}

/** What was drawn, each time the line was begun anew. */
function drawings(err: string): readonly string[] {
  return err.split('\r').map((each) => each.replace(/␛\[\d*[A-Za-z]/g, ''));
}

describe('waiting', () => {
  test('on a terminal draws one line, with what holds it up, and leaves the last word', async () => {
    const { err, code, out } = await wait({ columns: () => 120, environment: { NO_COLOR: '1' } });
    expect([code, out]).toEqual([0, '']);
    const drawn = drawings(err);
    expect(drawn[1]).toBe(
      '━━━━━━──────────────  1/3  0s  hello: progressing; hello-d3e4f: pending, 0 of 3 nodes fit: removed 1 by accepts, 2 by …',
    );
    expect(drawn.at(-1)).toBe('✓ hello: 3 of 3 ready (800ms)\n');
    // Every line but the last word was taken away before the next.
    expect(err.match(/\r␛\[J/g)?.length).toBe(drawn.length - 1);
    expect(err.match(/\n/g)?.length).toBe(1);
  });

  test('draws again only what has changed', async () => {
    const { err, asked } = await wait({ columns: () => 120 });
    expect(asked.filter((each) => each.includes('workloads'))).toHaveLength(5);
    // The same within one second, and the last word.
    expect(err.split('\r')).toHaveLength(3);
  });

  test('takes all rows of its line away where the terminal was made narrower', async () => {
    let columns = 120;
    await using stub = await StubGateway.start({
      ...coming,
      'GET /api/v1/workloads/hello': (asked, times) => {
        if (times === 4) columns = 50;
        return coming['GET /api/v1/workloads/hello'](asked, times);
      },
    });
    const ran = await shoal(stub, 'wait workload hello', { columns: () => columns });
    const err = ran.err.replaceAll('\u001b', '␛');
    expect(err).toContain('\r␛[2A␛[J');
  });

  test('elsewhere tells each change in a line, and asks for nothing more', async () => {
    const { err, asked } = await wait({});
    expect(err).toBe(
      'hello: progressing: 1 of 3 ready, 1 pending, 1 waiting for a node (0ms)\nhello: 3 of 3 ready (800ms)\n',
    );
    expect(asked.join()).not.toContain('/instances');
  });

  test('on a terminal that can do nothing, too', async () => {
    const { err } = await wait({ columns: () => 120, environment: { TERM: 'dumb' } });
    expect(err).not.toContain('\r');
  });

  test('that is too long takes its line away before it says so', async () => {
    const { err, code } = await wait(
      { columns: () => 120, environment: { NO_COLOR: '1' } },
      'wait workload hello --timeout 300ms',
    );
    expect(code).toBe(4);
    const last = err.slice(err.lastIndexOf('\r'));
    expect(last).toMatch(/^\r␛\[Jerror: hello is not ready after 300ms;/);
  });
});
