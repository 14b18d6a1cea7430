/** gRPC as grpcurl calls it, a caller that knows nothing but reflection. */
import { execFile, spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { services } from '../../../gateway/grpc/methods.ts';
import { findGrpcurl } from '../../../local/grpcurl.ts';
import { eventually } from '../../support/ports.ts';
import { Fabric, service } from './fabric.ts';

let fabric: Fabric;
let grpcurl: string;
let address: string;
beforeAll(async () => {
  const found = await findGrpcurl();
  if (!found) throw new Error('no grpcurl: run `make engines`');
  grpcurl = found.path;
  fabric = await Fabric.start(1);
  await openWithGrpc();
});
afterAll(async () => {
  await fabric?.[Symbol.asyncDispose]();
});

async function openWithGrpc(): Promise<void> {
  await fabric.gateway.stop();
  await fabric.openAgain({ SHOAL_GRPC_PORT: '0' });
  address = fabric.gateway.grpcAddress as string;
}

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(...words: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(grpcurl, ['-plaintext', '-max-time', '20', ...words], (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}

/** Calls a method with JSON; its answer. */
async function call(method: string, request: object) {
  const ran = await run('-d', JSON.stringify(request), address, method);
  expect(ran.err).toBe('');
  return JSON.parse(ran.out);
}

test('it finds every service by reflection, and can say what a method takes', async () => {
  const { out } = await run(address, 'list');
  const listed = out.trim().split('\n');
  expect(listed).toEqual(
    expect.arrayContaining(
      [...Object.keys(services), 'Sessions'].map((name) => `shoal.v1.${name}`),
    ),
  );
  expect(listed).toContain('grpc.health.v1.Health');
  const methods = await run(address, 'describe', 'shoal.v1.Workloads');
  expect(methods.out).toContain(
    'rpc ApplyWorkload ( .shoal.v1.ApplyWorkloadRequest ) returns ( .shoal.v1.Applied );',
  );
  const sessions = await run(address, 'describe', 'shoal.v1.Sessions');
  expect(sessions.out).toContain(
    'rpc OpenSession ( stream .shoal.v1.SessionInput ) returns ( stream .shoal.v1.SessionOutput );',
  );
  const message = await run(address, 'describe', 'shoal.v1.ScaleWorkloadRequest');
  expect(message.out).toMatch(/^ {2}int64 count = \d+;$/m);
  expect(message.out).toMatch(/^ {2}optional int64 if_generation = \d+;$/m);
});

test('it applies a workload, watches it come up, and reads it', async () => {
  const watch = spawn(grpcurl, [
    ...['-plaintext', '-d', '{"workload":"web"}', address, 'shoal.v1.Events/WatchEvents'],
  ]);
  const ended = new Promise((resolve) => watch.once('close', resolve));
  let seen = '';
  watch.stdout.on('data', (part) => {
    seen += part;
  });
  try {
    await eventually(
      async () => {
        const { body } = await fabric.get(`${fabric.gateway.apiUrl}/metrics`);
        return /^shoal_grpc_streams 1$/m.test(body);
      },
      10_000,
      'grpcurl to watch',
    );
    const manifest = service('web', { count: 1 });
    expect(await call('shoal.v1.Workloads/ApplyWorkload', { name: 'web', manifest })).toEqual({
      ...{ name: 'web', generation: '1', change: 'created' },
    });
    await fabric.until('web', 'ready');
    await eventually(() => /"verb": "ready"/.test(seen), 10_000, 'the event to arrive');
    expect(seen).toMatch(/"verb": "created"/);
    const read = await call('shoal.v1.Workloads/GetWorkload', { name: 'web' });
    expect(read).toMatchObject({ state: 'ready', instances: { ready: '1' }, spec: { count: 1 } });
    expect(Date.parse(read.createdAt)).toBeGreaterThan(Date.now() - 60_000);
  } finally {
    watch.kill();
    await ended;
  }
});

test('a refusal has its code and its reason', async () => {
  const { code, err } = await run(
    ...['-d', '{"name":"nobody"}', address, 'shoal.v1.Workloads/GetWorkload'],
  );
  // 64 and the status, NOT_FOUND.
  expect(code).toBe(64 + 5);
  expect(err).toContain('Code: NotFound');
  expect(err).toContain('Message: there is no workload nobody of tenant default');
  expect(err).toContain('"reason": "workload-not-found"');
  expect(err).toContain('"domain": "shoal"');
});

test('health says whether it serves: not while the store is away', async () => {
  const health = async (): Promise<string> =>
    (await call('grpc.health.v1.Health/Check', { service: 'shoal.v1.Workloads' })).status;
  expect(await health()).toBe('SERVING');
  await fabric.nats.kill('SIGTERM');
  await eventually(async () => (await health()) === 'NOT_SERVING', 10_000);
  await fabric.nats.restart();
  await eventually(async () => (await health()) === 'SERVING', 20_000);
});

test('it is among the services, with its address', async () => {
  const { connection } = await fabric.nats.ports({ role: 'operator', name: 'o' });
  const answers: { name: string; metadata: Record<string, string> }[] = [];
  const inbox = '_INBOX.operator.o.services';
  connection.subscribe(inbox, { callback: (_error, message) => void answers.push(message.json()) });
  connection.publish('$SRV.INFO', undefined, { reply: inbox });
  await eventually(() => answers.some(({ metadata }) => metadata['grpc'] === address));
});
