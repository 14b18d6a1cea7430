/** A server that refuses a login for a while, twice and more, does not lose the client for good. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connectBus } from '../../actors/runtime/nats/connection.ts';
import { type UserKey, userKey } from '../../nats/keys.ts';
import { obtainServer } from '../../nats/obtain.ts';
import { freePort, type RunningServer, startServer } from '../../nats/start.ts';
import { eventually } from '../support/ports.ts';

const identity = { role: 'control', name: 'test' } as const;
let folder: string;
let server: RunningServer | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-test-logins-'));
});
afterEach(async () => {
  await stop();
  await rm(folder, { recursive: true, force: true });
});

async function stop(): Promise<void> {
  const child = server?.child;
  server = undefined;
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

test('a client that is refused again and again is back when it is let in', async () => {
  const { path } = await obtainServer();
  const [port, monitorPort] = [await freePort(), await freePort()];
  const start = async (users: readonly UserKey[]): Promise<void> => {
    server = await startServer(path, folder, {
      ...{ name: 'test', host: '127.0.0.1', port, monitorPort, users },
      ...{ storeDirectory: join(folder, 'store'), syncInterval: '10s' },
    });
  };
  const known = await userKey(join(folder, 'keys'), identity);
  const other = await userKey(join(folder, 'keys'), { role: 'control', name: 'other' });
  await start([known]);
  const seed = await readFile(known.seedFile, 'utf8');
  const connection = await connectBus({ servers: [server?.url ?? ''], seed }, identity);
  // The server comes back without the user, as one that cannot check logins.
  await stop();
  await start([other]);
  const refused = async (): Promise<number> => {
    const log = await readFile(server?.logFile ?? '', 'utf8');
    return log.split('\n').filter((line) => /authentication error/i.test(line)).length;
  };
  await eventually(async () => (await refused()) > 3, 20_000, 'refusals');
  expect(connection.isClosed()).toBe(false);
  await stop();
  await start([known]);
  await eventually(
    () =>
      connection.flush().then(
        () => true,
        () => false,
      ),
    20_000,
    'the connection',
  );
  await connection.close();
});
