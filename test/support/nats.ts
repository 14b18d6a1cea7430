/** A real nats-server for a test, with Shoal's configuration, gone when the test is. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import type { FanoutKeys } from '../../actors/runtime/fanout.ts';
import { silentLog } from '../../actors/runtime/log.ts';
import { connectBus } from '../../actors/runtime/nats/connection.ts';
import { type NatsPorts, natsPorts } from '../../actors/runtime/nats/ports.ts';
import { ensureStreams } from '../../actors/runtime/nats/streams.ts';
import { type UserKey, userKey } from '../../nats/keys.ts';
import { obtainServer } from '../../nats/obtain.ts';
import { freePort, type RunningServer, startServer } from '../../nats/start.ts';
import type { Identity } from '../../subjects/permissions.ts';
import { ended } from './ended.ts';

export interface NatsFixture extends AsyncDisposable {
  readonly url: string;
  readonly folder: string;
  connect(identity: Identity): Promise<NatsConnection>;
  ports(
    identity: Identity,
    options?: { readonly fanout?: FanoutKeys },
  ): Promise<NatsPorts & { readonly connection: NatsConnection }>;
  /** Ends the server as told and starts it again on the same port and store. */
  restart(signal?: NodeJS.Signals): Promise<void>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a server with a user per identity, and the streams. `isOpen`: anybody may anything. */
export async function natsFixture(
  identities: readonly Identity[] = [{ role: 'control', name: 'test' }],
  options: {
    readonly isOpen?: boolean;
    readonly syncInterval?: string;
    readonly storeBytesMax?: number;
    /** Whether the streams are set up; default yes, where there is a control plane. */
    readonly hasStreams?: boolean;
  } = {},
): Promise<NatsFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-test-nats-'));
  const { path } = await obtainServer();
  const keys = new Map<string, UserKey>();
  for (const identity of identities) {
    keys.set(`${identity.role} ${identity.name}`, await userKey(join(folder, 'keys'), identity));
  }
  const settings = {
    name: 'test',
    host: '127.0.0.1',
    port: await freePort(),
    monitorPort: await freePort(),
    storeDirectory: join(folder, 'store'),
    syncInterval: options.syncInterval ?? '10s',
    ...(options.storeBytesMax === undefined ? {} : { storeBytesMax: options.storeBytesMax }),
    users: [...keys.values()].map((key) => ({
      ...key,
      ...(options.isOpen ? { permissions: { publish: ['>'], subscribe: ['>'] } } : {}),
    })),
  };
  let server: RunningServer = await startServer(path, folder, settings);
  const open: NatsConnection[] = [];

  const connect = async (identity: Identity): Promise<NatsConnection> => {
    const key = keys.get(`${identity.role} ${identity.name}`);
    const seed = key ? await readFile(key.seedFile, 'utf8') : undefined;
    const connection = await connectBus({ servers: [server.url], seed }, identity);
    open.push(connection);
    return connection;
  };
  const kill = (signal: NodeJS.Signals): Promise<void> => ended(server.child, signal);
  const control = identities.find((each) => each.role === 'control');
  if (control && options.hasStreams !== false) {
    const connection = await connect(control);
    await ensureStreams(connection, { replicas: 1 });
  }
  return {
    url: server.url,
    folder,
    connect,
    ports: async (identity, more = {}) => {
      const connection = await connect(identity);
      return { ...natsPorts(connection, identity, { log: silentLog, ...more }), connection };
    },
    kill,
    restart: async (signal = 'SIGTERM') => {
      await kill(signal);
      server = await startServer(path, folder, settings);
    },
    [Symbol.asyncDispose]: async () => {
      for (const connection of open) await connection.close();
      await kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
