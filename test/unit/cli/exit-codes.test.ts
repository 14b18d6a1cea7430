import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { freePort } from '../../../nats/start.ts';
import { refused, StubGateway, shoal } from './stub-gateway.ts';

describe('nobody answers: exit 3, with what to do', () => {
  test.each([
    'get workloads',
    'describe node n1',
    'logs hello',
    'logs hello -f',
    'events -w',
    'scale hello --count 1',
    'node ls',
  ])('%s', async (words) => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const environment = { SHOAL_GATEWAY: `${url}/` };
    expect(await shoal(undefined, words, { environment })).toEqual({
      code: 3,
      out: '',
      err: `error: no gateway at ${url} (connection refused); start a fabric with \`make up\`, or set SHOAL_GATEWAY or --gateway to where one runs\n`,
    });
  });

  test('somebody else does', async () => {
    const other = createServer((_request, response) => {
      response.writeHead(404, { 'Content-Type': 'text/html' }).end('<h1>Not here</h1>');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const { code, err } = await shoal(undefined, `get nodes --gateway ${url}`);
    other.close();
    expect(code).toBe(3);
    expect(err).toBe(
      `error: what answers at ${url} is no gateway of Shoal (status 404, text/html); set SHOAL_GATEWAY or --gateway to where one runs\n`,
    );
  });

  test('the connection breaks off', async () => {
    await using stub = await StubGateway.start({
      'GET /api/v1/nodes': { raw: (response) => response.destroy() },
    });
    expect(await shoal(stub, 'get nodes')).toMatchObject({
      code: 3,
      err: expect.stringContaining('(connection lost)'),
    });
  });
});

describe('wrong usage: exit 2', () => {
  test.each([
    ['', 'Usage: shoal'],
    ['aply -f x', "error: unknown command 'aply'\n(Did you mean apply?)"],
    ['get', "error: missing required argument 'what'"],
    ['get workload hello more', 'error: too many arguments'],
    ['get pods', 'error: there are no "pods"; one of workloads, instances, nodes'],
    ['get workloda', 'error: there are no "workloda"; did you mean "workload"?'],
    ['get nodes -o xml', 'Allowed choices are table, json, yaml'],
    ['get nodes --frobnicate', "error: unknown option '--frobnicate'"],
    ['get instances --phase dancing', 'Allowed choices are pending, placed'],
    ['get workloads --label app', 'Expected key=value.'],
    ['get workloads --tenant UPPER', 'error: "UPPER" is not the name of a tenant'],
    ['scale hello --count 1001', 'Expected a whole number from 0 to 1000.'],
    ['events --limit 0', 'Expected a whole number from 1 to 1000.'],
    ['logs hello --tail 10001', 'Expected a whole number from 0 to 10000.'],
    ['logs hello --since yesterday', 'Expected a length of time (10m) or a moment'],
    [
      'get nodes --gateway localhost:8480',
      'error: "localhost:8480" is not the address of a gateway',
    ],
  ])('%s', async (words, why) => {
    const ran = await shoal(undefined, words);
    expect(ran).toMatchObject({ code: 2, out: '', err: expect.stringContaining(why) });
  });

  test('help is none', async () => {
    for (const words of ['--help', 'help apply', 'apply --help', 'node --help']) {
      const { code, out, err } = await shoal(undefined, words);
      expect([code, err]).toEqual([0, '']);
      expect(out).toContain('Usage: shoal');
    }
    expect(await shoal(undefined, '--version')).toMatchObject({ code: 0, out: '0.1.0\n' });
    expect((await shoal(undefined, '--help')).out).toContain('Exit codes: 0 done; 1 refused');
  });
});

test('refused: exit 1, with sentence, case, places, code and id', async () => {
  const places = [{ path: 'spec.count', message: 'expected a whole number' }];
  await using stub = await StubGateway.start({
    'POST /api/v1/workloads/hello/scale': refused('request-malformed', 'count: too large', {
      places,
    }),
  });
  const { code, err } = await shoal(stub, 'scale hello --count 1000');
  expect(code).toBe(1);
  expect(err).toMatchInlineSnapshot(`
    "error: The request is not valid; the details name the place.
      count: too large
      spec.count: expected a whole number
      code request-malformed, id r-1
      next: correct what is named; \`--help\` of the command says what it takes
    "
  `);
});

test('Ctrl-C while waiting: exit 130, quietly', async () => {
  await using stub = await StubGateway.start({
    'POST /api/v1/workloads/hello/scale': { body: { generation: 2 } },
    'GET /api/v1/workloads/hello': { raw: () => undefined },
  });
  const { code, err } = await shoal(stub, 'scale hello --count 1 --wait', {
    interruptWhen: (out) => out.includes('scaled'),
  });
  expect([code, err]).toEqual([130, '']);
});
