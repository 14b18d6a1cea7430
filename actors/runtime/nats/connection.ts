/**
 * Makes sure that every program of Shoal connects alike: reconnects for ever, notices a silent
 * server within seconds, has an inbox of its own, and does not give up because the server could
 * not check its login twice (nats-measured §0: settings and reasons).
 */
import {
  type ConnectionOptions,
  connect,
  type NatsConnection,
  nkeyAuthenticator,
  type Server,
} from 'nats';
import { type Identity, inboxPrefix } from '../../../subjects/permissions.ts';
import { reasonOf } from '../reason.ts';
import { StartError } from '../start-error.ts';

/** Oldest nats-server with atomic batches, schedules and per-key TTL together. */
export const SERVER_VERSION_MIN = '2.14.0';

export interface BusAddress {
  readonly servers: readonly string[];
  /** Seed of the user's nkey, as text; without it the server must let anybody in. */
  readonly seed?: string | undefined;
}

/** Connects; waits for the server for at most `timeoutMs`. Throws StartError. */
export async function connectBus(
  address: BusAddress,
  identity: Identity,
  options: { readonly timeoutMs?: number; readonly name?: string } = {},
): Promise<NatsConnection> {
  const settings: ConnectionOptions = {
    servers: [...address.servers],
    name: options.name ?? `${identity.role}:${identity.name}`,
    inboxPrefix: inboxPrefix(identity),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 200,
    reconnectJitter: 800,
    ignoreAuthErrorAbort: true,
    pingInterval: 2_000,
    maxPingOut: 2,
    noAsyncTraces: true,
    timeout: 2_000,
    reconnectToServer: leastRecent,
    ...(address.seed
      ? { authenticator: nkeyAuthenticator(new TextEncoder().encode(address.seed)) }
      : {}),
  };
  const deadline = performance.now() + (options.timeoutMs ?? 10_000);
  for (;;) {
    try {
      const connection = await connect(settings);
      checkVersion(connection);
      return connection;
    } catch (error) {
      if (error instanceof StartError) throw error;
      if (isRefusedLogin(error)) {
        throw new StartError(
          `nats-server at ${address.servers.join(', ')} refused the login of ${settings.name}; check its seed file`,
        );
      }
      if (performance.now() > deadline) {
        throw new StartError(
          `no nats-server at ${address.servers.join(', ')} (${reasonOf(error)}); start one with \`make up\` or set SHOAL_NATS`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Of the servers known, the one that was tried longest ago: never the one just left, first. */
function leastRecent(servers: readonly Server[]): Server | null {
  const [first = null, ...others] = servers;
  return others.reduce((one, other) => {
    return one && one.lastConnect <= other.lastConnect ? one : other;
  }, first);
}

function checkVersion(connection: NatsConnection): void {
  const version = connection.info?.version ?? '0';
  if (isOlder(version, SERVER_VERSION_MIN)) {
    void connection.close();
    throw new StartError(
      `nats-server ${version} is too old, at least ${SERVER_VERSION_MIN} is needed; set NATS_SERVER to a newer one or unset it to obtain one`,
    );
  }
}

/** Whether a version such as `2.9.25` is older than another. */
export function isOlder(version: string, than: string): boolean {
  const parts = (text: string): number[] => (text.match(/\d+/g) ?? []).slice(0, 3).map(Number);
  const [one, other] = [parts(version), parts(than)];
  for (let index = 0; index < 3; index++) {
    const difference = (one[index] ?? 0) - (other[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function isRefusedLogin(error: unknown): boolean {
  return error instanceof Error && /authorization|authentication/i.test(error.message);
}
