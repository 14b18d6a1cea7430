/** One probe, asked of a real server or command: what counts as a success, and why it is none. */
import { createServer as createHttp, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net';
import { Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from 'vitest';
import type { Executed } from '../../../../edge-agent/drivers/driver.ts';
import { Prober } from '../../../../edge-agent/probes/prober.ts';
import { type Probe, probesSpec } from '../../../../subjects/index.ts';
import { selfSigned } from '../../../support/self-signed.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Lets a server listen; its connections end with the test. */
async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

let executed: Executed = { kind: 'ended', exitCode: 0, signal: undefined, output: '' };
const asked: object[] = [];
const drivers = {
  exec: async (input: object) => {
    asked.push(input);
    return executed;
  },
  staysMs: (name: string) => (name.includes('box') ? 150 : 0),
};
const prober = new Prober(drivers);

/** Why the probe fails; undefined: it does not. */
async function reason(way: object, port = 1, more: object = {}, name = 'default.web-1') {
  const of = probesSpec.parse({ readiness: { timeout: '500ms', ...way, ...more } }).readiness;
  const turn = { name, run: 3, probe: 'readiness', lane: 'network' } as const;
  const where = { address: '127.0.0.1', ports: { main: port } };
  const report = await prober.probe({ ...turn, ...where, of: of as Probe });
  expect(report).toMatchObject(turn);
  return report.reason;
}

describe('http', () => {
  const serve = (answer: RequestListener) => listening(createHttp(answer));
  const http = (more: object = {}) => ({ http: { port: 'main', path: '/ready', ...more } });

  test.each([200, 204, 301, 399])('%i is a success, redirects are not followed', async (status) => {
    const asked: (string | undefined)[] = [];
    const port = await serve((request, response) => {
      asked.push(request.url);
      response.writeHead(status, { location: '/elsewhere' }).end();
    });
    expect(await reason(http(), port)).toBeUndefined();
    expect(asked).toEqual(['/ready']);
  });

  test.each([400, 404, 503])('%i is a failure that names it', async (status) => {
    const port = await serve((_, response) => response.writeHead(status).end('no'));
    expect(await reason(http(), port)).toBe(`HTTP ${status} from /ready`);
  });

  test('other statuses may be what is expected', async () => {
    const port = await serve((_, response) => response.writeHead(429).end());
    expect(await reason(http({ status: { from: 429, to: 429 } }), port)).toBeUndefined();
    expect(await reason(http({ status: { to: 299 } }), port)).toBe('HTTP 429 from /ready');
  });

  test('the path, the headers and the host are those of the spec', async () => {
    const seen: IncomingMessage[] = [];
    const port = await serve((request, response) => {
      seen.push(request);
      response.end();
    });
    await reason(http({ path: '/a?b=c', headers: { Host: 'shop.test', 'X-Probe': 'yes' } }), port);
    expect(seen[0]?.url).toBe('/a?b=c');
    expect(seen[0]?.headers).toMatchObject({
      ...{ host: 'shop.test', 'x-probe': 'yes', connection: 'close' },
      'user-agent': expect.stringMatching(/^shoal-probe\//),
    });
  });

  test('a body without end is an answer, and is not read for ever', async () => {
    let isCut = false;
    const port = await serve((_, response) => {
      response.on('close', () => {
        isCut = true;
      });
      const more = (): void => {
        while (response.write('x'.repeat(10_000)));
        response.once('drain', more);
      };
      more();
    });
    expect(await reason(http(), port)).toBeUndefined();
    await expect.poll(() => isCut).toBe(true);
  });

  test('no answer in time, no answer at all, and no HTTP are told apart', async () => {
    const silent = await serve(() => undefined);
    expect(await reason(http(), silent)).toBe('port main: no answer in time (http /ready)');
    const rude = await listening(createTcp((socket) => socket.destroy()));
    expect(await reason(http(), rude)).toMatch(/^port main: the connection was closed without/);
    const other = await listening(createTcp((socket) => socket.end('SSH-2.0-x\r\n')));
    expect(await reason(http(), other)).toBe('port main: the answer is no HTTP (http /ready)');
    expect(await reason(http(), 1)).toMatch(/^port main: nobody takes connections there/);
  });

  test('with https a certificate nobody signed will do', async () => {
    const port = await listening(
      createHttps(selfSigned, (_, response) => response.writeHead(503).end()),
    );
    expect(await reason(http({ scheme: 'https' }), port)).toBe('HTTP 503 from /ready');
  });

  test('a port the instance does not have is a reason', async () => {
    expect(await reason({ tcp: { port: 'other' } })).toBe('it has no port other');
  });
});

describe('tcp', () => {
  test('a port that takes a connection is a success', async () => {
    expect(await reason({ tcp: { port: 'main' } }, await listening(createTcp()))).toBeUndefined();
    expect(await reason({ tcp: { port: 'main' } }, 1)).toBe(
      'port main: nobody takes connections there',
    );
  });

  test('where an engine takes it first, it must stay', async () => {
    const port = await listening(createTcp((socket) => socket.end()));
    expect(await reason({ tcp: { port: 'main' } }, port, {}, 'default.box-1')).toBe(
      'port main: nobody takes connections there',
    );
    const open = await listening(createTcp());
    expect(await reason({ tcp: { port: 'main' } }, open, {}, 'default.box-1')).toBeUndefined();
  });
});

describe('exec', () => {
  const exec = { exec: { command: ['check', '--all'] } };

  test('is asked of the driver, for this run, with its time', async () => {
    asked.length = 0;
    expect(await reason(exec)).toBeUndefined();
    expect(asked).toEqual([
      { name: 'default.web-1', run: 3, command: ['check', '--all'], timeoutMs: 500 },
    ]);
  });

  test.each<[Executed, string]>([
    [
      { kind: 'ended', exitCode: 2, signal: undefined, output: 'one\nno  space left\n\n' },
      'exited with 2: no space left',
    ],
    [{ kind: 'ended', exitCode: 1, signal: undefined, output: '' }, 'exited with 1'],
    [{ kind: 'ended', exitCode: undefined, signal: 'SIGKILL', output: '' }, 'ended by SIGKILL'],
    [{ kind: 'timed-out', output: 'waiting' }, 'did not end within 0.5 s: waiting'],
    [
      { kind: 'not-run', message: 'cannot be started: there is no check on PATH' },
      'cannot be started: there is no check on PATH',
    ],
  ])('%j', async (came, why) => {
    executed = came;
    expect(await reason(exec)).toBe(why);
  });

  test('what nobody can say is neither a success nor a failure', async () => {
    executed = { kind: 'unknown', message: 'the engine does not answer' };
    const where = { name: 'default.web-1', run: 3, address: '', ports: {} };
    const turn = { ...where, probe: 'liveness', lane: 'command' } as const;
    const of = probesSpec.parse({ liveness: exec }).liveness as Probe;
    expect(await new Prober(drivers).probe({ ...turn, of })).toMatchObject({ isUnknown: true });
    executed = { kind: 'ended', exitCode: 1, signal: undefined, output: '' };
    const failed = await new Prober(drivers).probe({ ...turn, of });
    expect(failed).not.toHaveProperty('isUnknown');
  });

  test('a driver that fails is a reason, too', async () => {
    const broken = new Prober({ ...drivers, exec: () => Promise.reject(new Error('broken')) });
    const of = { command: ['drain'] };
    const where = { name: 'default.web-1', run: 1, address: '', ports: {}, limitMs: 10 };
    expect(await broken.preStop({ ...where, of })).toMatchObject({ reason: 'broken' });
  });
});

test('preStop calls, too: 200 to 399 is a success', async () => {
  let status = 204;
  const port = await listening(createHttp((_, response) => response.writeHead(status).end()));
  const http = { scheme: 'http', port: 'main', path: '/drain', headers: {} } as const;
  const where = { name: 'default.web-1', run: 1, address: '127.0.0.1', ports: { main: port } };
  const done = () => prober.preStop({ ...where, limitMs: 500, of: { http } });
  expect(await done()).toMatchObject({ name: 'default.web-1', run: 1, reason: undefined });
  status = 500;
  expect(await done()).toMatchObject({ reason: 'HTTP 500 from /drain' });
});

describe('grpc', () => {
  const grpc = (service = '') => ({ grpc: { port: 'main', service } });
  const bytes = (of: Buffer) => of;

  /** A server of the reference implementation that says these statuses, by service. */
  async function serving(statuses: Readonly<Record<string, number>>): Promise<number> {
    const server = new GrpcServer();
    const method = {
      ...{ path: '/grpc.health.v1.Health/Check', requestStream: false, responseStream: false },
      ...{ requestSerialize: bytes, requestDeserialize: bytes },
      ...{ responseSerialize: bytes, responseDeserialize: bytes },
    } as const;
    server.addService(
      { Check: method },
      {
        Check: (
          call: { readonly request: Buffer },
          answer: (error: object | null, value?: Buffer) => void,
        ) => {
          const service = call.request.subarray(2).toString();
          const found = statuses[service];
          if (found === undefined) return answer({ code: 5, details: `no ${service}: sorry` });
          answer(null, found === 0 ? Buffer.alloc(0) : Buffer.from([0x08, found]));
        },
      },
    );
    closing.push(() => server.forceShutdown());
    return new Promise((resolve, reject) => {
      const credentials = ServerCredentials.createInsecure();
      server.bindAsync('127.0.0.1:0', credentials, (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
  }

  test('SERVING is a success, of the server and of a service of it', async () => {
    const long = `shop.${'x'.repeat(150)}`;
    const port = await serving({ '': 1, 'shop.Cart': 1 });
    expect(await reason(grpc(), port)).toBeUndefined();
    expect(await reason(grpc('shop.Cart'), port)).toBeUndefined();
    expect(await reason(grpc(long), port)).toContain('NOT_FOUND: it does not know this service');
  });

  test('what is not is told in the words of gRPC', async () => {
    const port = await serving({ '': 2, unset: 0 });
    expect(await reason(grpc(), port)).toBe('port main: NOT_SERVING');
    expect(await reason(grpc('unset'), port)).toBe('port main: UNKNOWN');
    expect(await reason(grpc('none'), port)).toBe(
      'port main: gRPC NOT_FOUND: it does not know this service (no none: sorry)',
    );
    const bare = new GrpcServer();
    closing.push(() => bare.forceShutdown());
    const at = await new Promise<number>((resolve) =>
      bare.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, port) => resolve(port)),
    );
    expect(await reason(grpc(), at)).toContain('UNIMPLEMENTED: it has no health service');
  });

  test('what is no gRPC, silent or not there, is a reason in time', async () => {
    const http1 = await listening(createHttp((_, response) => response.end()));
    expect(await reason(grpc(), http1)).toMatch(
      /^port main: (it speaks no HTTP\/2|the connection)/,
    );
    const silent = await listening(createTcp());
    expect(await reason(grpc(), silent)).toBe('port main: no answer in time');
    expect(await reason(grpc(), 1)).toBe('port main: nobody takes connections there');
  });
});
