/** `get --watch`: what there is, then each change, until Ctrl-C. */
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { WorkloadShape } from '../../../cli/shapes.ts';
import { hello, helloReady, instances, job } from './fabric.ts';
import { type Answer, refused, StubGateway, shoal } from './stub-gateway.ts';

const PATH = 'GET /api/v1/workloads';
const away: Answer = { raw: (response) => response.destroy() };
/** Answers with each in turn, then with the last one. */
const inTurn =
  (...answers: readonly Answer[]) =>
  (_asked: unknown, times: number): Answer =>
    answers[Math.min(times, answers.length) - 1] ?? away;
const listed = (...items: readonly WorkloadShape[]): Answer => ({ body: { items, revision: 1 } });
/** Lines with one space between what stands in them. */
const lines = (out: string): readonly string[] =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => line.replaceAll(/ +/g, ' ').replace(/ \d+m\d+s/, ' AGO'));
const says = (last: string) => (out: string) => lines(out).at(-1)?.startsWith(last) === true;

describe('watching', () => {
  test('tells what there is, then only what changes, comes or goes, in the same columns', async () => {
    await using stub = await StubGateway.start({
      [PATH]: inTurn(listed(hello), listed(hello), listed(helloReady, job), listed(job)),
    });
    const interruptWhen = says('hello service gone');
    const { code, out, err } = await shoal(stub, 'get workloads -w', { interruptWhen });
    expect([code, err]).toEqual([130, '']);
    expect(lines(out)).toEqual([
      'NAME KIND STATE READY GENERATION AGE URL',
      'hello service progressing 1/3 2 AGO http://hello.localhost:8481/',
      'hello service ready 3/3 2 AGO http://hello.localhost:8481/',
      'count-to-three job succeeded 1/1 done 1 AGO -',
      'hello service gone 3/3 2 AGO http://hello.localhost:8481/',
    ]);
    const [title = '', first = ''] = out.split('\n');
    expect(first.indexOf('progressing')).toBe(title.indexOf('STATE'));
  });

  test('one that goes may come again; one that never was is refused', async () => {
    const none = refused('instance-not-found', 'there is no instance hello-a1b2c');
    const path = 'GET /api/v1/instances/hello-a1b2c';
    const there = { body: instances[0] };
    const answers = inTurn(there, none, { body: { ...instances[0], epoch: 2 } });
    await using stub = await StubGateway.start({
      [path]: answers,
      'GET /api/v1/instances/none': none,
    });
    const { out } = await shoal(stub, 'get instance hello-a1b2c --watch', {
      interruptWhen: (so) => lines(so).length === 4,
    });
    expect(lines(out).map((line) => line.split(' ').slice(2, 5).join(' '))).toEqual([
      ...['PHASE NODE EPOCH', 'ready n1 1', 'gone n1 1', 'ready n1 2'],
    ]);
    expect(await shoal(stub, 'get instance none -w')).toMatchObject({ code: 1, out: '' });
  });

  test('programs get each with what became of it', async () => {
    const routes = { [PATH]: inTurn(listed(hello), listed(helloReady), listed()) };
    const expected = [
      { change: 'there', item: hello },
      { change: 'changed', item: helloReady },
      { change: 'gone', item: helloReady },
    ];
    const interruptWhen = (out: string): boolean => out.includes('gone');
    await using stub = await StubGateway.start(routes);
    const { out } = await shoal(stub, 'get workloads -w -o json', { interruptWhen });
    expect(lines(out).map((line) => JSON.parse(line))).toEqual(expected);
    await using other = await StubGateway.start(routes);
    const { out: yaml } = await shoal(other, 'get workloads -w -o yaml', { interruptWhen });
    expect(parseAllDocuments(yaml).map((each) => each.toJS())).toEqual(expected);
  });

  test('a gateway that is away is waited for, but not at the beginning', async () => {
    await using stub = await StubGateway.start({
      [PATH]: inTurn(listed(), away, away, listed(hello)),
    });
    const interruptWhen = says('hello');
    const { out, err } = await shoal(stub, 'get workloads -w', { interruptWhen });
    expect(lines(out)).toHaveLength(2);
    expect(err).toBe(
      'no workloads in tenant default\nconnection lost, trying again\nconnected again\n',
    );
    await using never = await StubGateway.start({ [PATH]: away });
    expect((await shoal(never, 'get workloads -w')).code).toBe(3);
  });
});

describe('how wide lists are', () => {
  const all = 'NAME KIND STATE READY GENERATION AGE URL';
  test.each<readonly [number, string]>([
    [100, all],
    [75, 'NAME KIND STATE READY AGE URL'],
    [54, 'NAME KIND STATE READY AGE'],
    [45, 'NAME STATE READY AGE'],
    [10, 'NAME STATE READY'],
  ])('on a terminal of %i columns', async (columns, titles) => {
    await using stub = await StubGateway.start({ [PATH]: listed(hello, job) });
    const { out } = await shoal(stub, '--color never get workloads', { columns: () => columns });
    expect(lines(out)[0]).toBe(titles);
    const widest = Math.max(...out.split('\n').map((line) => line.length));
    if (columns > 10) expect(widest).toBeLessThanOrEqual(columns);
  });

  test('what is left of the last column is cut', async () => {
    await using stub = await StubGateway.start({
      'GET /api/v1/instances': { body: { items: instances, revision: 1 } },
    });
    const world = { columns: () => 72 };
    const { out } = await shoal(stub, '--color never get instances', world);
    expect(lines(out)[0]).toBe('INSTANCE WORKLOAD PHASE NODE AGE NOTE');
    expect(out).toContain('…');
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(72);
  });

  test('-o wide shows all there is on any terminal, in colour, and to a pipe', async () => {
    await using stub = await StubGateway.start({ [PATH]: listed(hello) });
    const wide = 'NAME KIND STATE READY GENERATION AGE DRIVER RUNS LABELS URL';
    const { out } = await shoal(stub, '--color never get workloads -o wide', {
      columns: () => 30,
    });
    expect(lines(out)[0]).toBe(wide);
    expect(lines(out)[1]).toContain(' process node app=hello ');
    expect(lines((await shoal(stub, 'get workloads -o wide')).out)[0]).toBe(wide);
    expect(lines((await shoal(stub, 'get workloads')).out)[0]).toBe(all);
    const painted = await shoal(stub, 'get workloads -o wide', { columns: () => 30 });
    expect(painted.out).toContain('\u001b[');
  });
});
