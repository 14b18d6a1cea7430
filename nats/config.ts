/**
 * Makes sure that a nats-server runs with the settings Shoal was measured with (nats-measured §0)
 * and lets each user do what the contracts say, no more: the permissions in the file are derived.
 */
import {
  type Identity,
  mayAnswer,
  type Permissions,
  permissionsOf,
  SERVER_ASKS,
} from '../subjects/permissions.ts';
import { STORE_BYTES_MAX } from '../subjects/streams.ts';

export interface ServerUser {
  readonly identity: Identity;
  /** Public half of the user's nkey. */
  readonly publicKey: string;
  /** Instead of what the contracts say: for tests of the bus itself. */
  readonly permissions?: Permissions;
}

/** What makes a server one of several that keep the same streams. */
export interface ClusterSettings {
  /** Name of the cluster, the same on each of its servers. */
  readonly name: string;
  /** Where the others reach this one: a port of its own beside the clients'. */
  readonly port: number;
  /** Where this one reaches the others, `host:port`; itself may be among them. */
  readonly routes: readonly string[];
  /** What servers show each other, so that nobody else becomes one of them. */
  readonly secret: string;
  /** Whether clients are told of the other servers' addresses; default yes. */
  readonly isAdvertised?: boolean;
  /** Address that others are told for routes to this one, instead of its own. */
  readonly advertise?: string;
}

export interface ServerSettings {
  /** Each server of a cluster has one like no other, and keeps it: it owns the copies by it. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Port of `/healthz` and the other monitoring pages. */
  readonly monitorPort: number;
  /** Address of these pages; default: `host`. */
  readonly monitorHost?: string;
  readonly storeDirectory: string;
  /** How often written data is flushed to disk: a time, or `always`. */
  readonly syncInterval: string;
  readonly storeBytesMax?: number;
  readonly users: readonly ServerUser[];
  /** None: it stands alone. */
  readonly cluster?: ClusterSettings;
}

/** Account of everything Shoal does. */
const ACCOUNT = 'SHOAL';
/**
 * How long a receiver may take to answer, and how often it may: a process with several actors
 * answers the services protocol once for each of them, all to one inbox.
 */
const RESPONSES = '{ max: 32, expires: "2m" }';

/** Every server answers these: hence a stream of answers. */
const asks = Object.values(SERVER_ASKS);

/** The configuration file of a server. */
export function serverConfig(settings: ServerSettings): string {
  const bytes = settings.storeBytesMax ?? STORE_BYTES_MAX;
  return `# Written by Shoal; changes are lost when it is written again.
server_name: ${quote(settings.name)}
listen: ${quote(`${settings.host}:${settings.port}`)}
http: ${quote(`${settings.monitorHost ?? settings.host}:${settings.monitorPort}`)}

# Beats answer "alive?" within three seconds; pings only clear away dead connections.
ping_interval: "5s"
ping_max: 2
${settings.cluster ? cluster(settings.cluster, settings.host) : ''}
jetstream {
  store_dir: ${quote(settings.storeDirectory)}
  sync_interval: ${quote(settings.syncInterval)}
  max_file_store: ${bytes}
  max_memory_store: ${Math.round(bytes / 8)}
  limits {
    default_max_consumers: 20000
    batch { timeout: "2s", max_inflight_per_stream: 200 }
  }
}

system_account: SYS
accounts {
  SYS {
    exports: [
      { stream: "$SYS.ACCOUNT.*.DISCONNECT", account_token_position: 3 }
${asks.map((ask) => `      { service: ${quote(ask)}, response_type: stream }`).join('\n')}
    ]
  }
  ${ACCOUNT} {
    jetstream: enabled
    imports: [
      {
        stream: { account: SYS, subject: "$SYS.ACCOUNT.${ACCOUNT}.DISCONNECT" }
        to: "shoal.bus.disconnected"
      }
${asks.map((ask) => `      { service: { account: SYS, subject: ${quote(ask)} } }`).join('\n')}
    ]
    users: [
${settings.users.map(user).join('\n')}
    ]
  }
}
`;
}

/** What a configuration says of where a server can be looked at, for whoever looks after its store. */
export function keptIn(
  config: string,
): { readonly monitorUrl: string; readonly storeDirectory: string } | undefined {
  const [, address] = /^http: "(.+)"$/m.exec(config) ?? [];
  const [, directory] = /^ {2}store_dir: (".+")$/m.exec(config) ?? [];
  if (address === undefined || directory === undefined) return undefined;
  return { monitorUrl: `http://${address}`, storeDirectory: JSON.parse(directory) as string };
}

/** Name under which servers log in at each other. */
const ROUTE_USER = 'shoal-server';

function cluster(of: ClusterSettings, host: string): string {
  const login = `${ROUTE_USER}:${encodeURIComponent(of.secret)}`;
  const routes = of.routes.map((route) => `    ${quote(`nats-route://${login}@${route}`)}`);
  const advertise = of.advertise === undefined ? '' : `  advertise: ${quote(of.advertise)}\n`;
  return `
cluster {
  name: ${quote(of.name)}
  listen: ${quote(`${host}:${of.port}`)}
  no_advertise: ${of.isAdvertised === false}
${advertise}  authorization { user: ${quote(ROUTE_USER)}, password: ${quote(of.secret)}, timeout: 2 }
  routes: [
${routes.join('\n')}
  ]
}
`;
}

function user(of: ServerUser): string {
  const { publish, subscribe } = of.permissions ?? permissionsOf(of.identity);
  const responses = mayAnswer(of.identity) ? `\n        allow_responses: ${RESPONSES}` : '';
  return `      # ${of.identity.role} ${of.identity.name}
      { nkey: ${of.publicKey}, permissions: {
        publish: { allow: ${list(publish)} }
        subscribe: { allow: ${list(subscribe)} }${responses}
      } }`;
}

function list(subjects: readonly string[]): string {
  return `[${subjects.map(quote).join(', ')}]`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
