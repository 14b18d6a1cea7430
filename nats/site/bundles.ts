/**
 * Makes sure that each program of a site gets exactly what it needs, as one folder of files: a bundle.
 * It is copied as it is to its machine, mounted into its container, or made a secret.
 */
import { join } from 'node:path';
import { durabilityOf } from '../../subjects/durability.ts';
import type { Identity } from '../../subjects/permissions.ts';
import { type ServerUser, serverConfig } from '../config.ts';
import { bracketed, identitiesOf, type Site, serverName, serversText } from './site.ts';

/** A bundle: a name like no other, where it will lie, and its files. */
export interface Bundle {
  /** `shoal-1`, `control`, `agent-n1`, … */
  readonly name: string;
  /** Folder on the machine, one for each role. */
  readonly at: string;
  /** Text by file name. */
  readonly files: Readonly<Record<string, string>>;
  /** Whose key is to be copied in as `key.nk`; undefined: nobody's. */
  readonly identity: Identity | undefined;
}

/** File names in a bundle. */
export const KEY_FILE = 'key.nk';
const ENVIRONMENT_FILE = 'shoal.env';
export const SERVER_FILE = 'nats.conf';

/** Port of gRPC in every site, as `make up` has it: beside the API's, and on its address. */
const GRPC_PORT = 8482;

/** The bundle of each program. `secret`: what servers show each other. */
export function bundlesOf(
  site: Site,
  users: readonly ServerUser[],
  secret: string,
): readonly Bundle[] {
  return [
    ...site.servers.map((_, index) => serverBundle(site, index, users, secret)),
    ...identitiesOf(site).map((each) => programBundle(site, each)),
  ];
}

function serverBundle(
  site: Site,
  index: number,
  users: readonly ServerUser[],
  secret: string,
): Bundle {
  const { servers, durability: level, state } = site;
  const { port, clusterPort, monitorPort } = servers[index] as Site['servers'][number];
  const chosen = durabilityOf(level, servers.length === 3 ? 3 : 1);
  if (!chosen.ok) throw new Error(chosen.error);
  const others = servers.filter((_, other) => other !== index);
  const name = serverName(index);
  const config = serverConfig({
    ...{ name, host: '0.0.0.0', port, monitorPort, monitorHost: '127.0.0.1', users },
    storeDirectory: join(state, 'nats'),
    syncInterval: chosen.durability.syncInterval,
    ...(servers.length === 1
      ? {}
      : {
          cluster: {
            ...{ name: 'shoal', port: clusterPort, secret },
            routes: others.map((each) => `${bracketed(each.host)}:${each.clusterPort}`),
          },
        }),
  });
  return { name, at: join(site.at, 'nats'), files: { [SERVER_FILE]: config }, identity: undefined };
}

function programBundle(site: Site, identity: Identity): Bundle {
  const { role, name } = identity;
  const at = join(site.at, role);
  const settings: Record<string, string> = {
    SHOAL_NATS: serversText(site),
    SHOAL_SEED: join(at, KEY_FILE),
    ...settingsOf(site, identity),
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  return {
    name: role === 'agent' ? `agent-${name}` : name,
    at,
    files: { [ENVIRONMENT_FILE]: `${lines.join('\n')}\n` },
    identity,
  };
}

/** What a program is told beside where the bus is. */
function settingsOf(site: Site, { role, name }: Identity): Readonly<Record<string, string>> {
  const { servers, durability, state } = site;
  switch (role) {
    case 'control':
      return { SHOAL_COPY: name, SERVERS: String(servers.length), DURABILITY: durability };
    case 'gateway':
      // The API asks nobody who they are: it stays on the machine until somebody decides otherwise.
      return {
        ...{ SHOAL_COPY: name, SHOAL_GATEWAY_HOST: '127.0.0.1', SHOAL_INGRESS_HOST: '0.0.0.0' },
        SHOAL_GRPC_PORT: String(GRPC_PORT),
      };
    case 'agent':
      return {
        SHOAL_NODE: name,
        SHOAL_STATE: join(state, 'agent'),
        SHOAL_ROOT: join(state, 'root'),
      };
    default:
      return {};
  }
}
