/**
 * Makes sure that the servers of a local fabric have their configurations: one that stands alone,
 * or three that keep the same streams.
 */
import { randomBytes } from 'node:crypto';
import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from '../actors/runtime/start-error.ts';
import { type ServerUser, serverConfig } from '../nats/config.ts';
import type { Layout } from './layout.ts';

export interface ServerPorts {
  /** Where clients come. */
  readonly nats: number;
  /** `/healthz` and the other monitoring pages. */
  readonly monitor: number;
  /** Where the other servers come; unused by one that stands alone. */
  readonly cluster: number;
}

/** Where a server reaches another, `host:port`, instead of at its own port: for tests. */
export type Route = (from: number, to: number) => string;

export interface LocalServers {
  readonly host: string;
  /** One, or three: of one cluster. */
  readonly servers: readonly ServerPorts[];
  readonly syncInterval: string;
  readonly users: readonly ServerUser[];
  readonly route?: Route | undefined;
}

/** Nobody listens there: servers that are told it as an address keep to those they have. */
const NOWHERE = '127.0.0.1:1';

/** Name of a server's program: `nats`, `nats-2`, `nats-3`. */
export function serverProgram(index: number): string {
  return index === 0 ? 'nats' : `nats-${index + 1}`;
}

/** Whether a program of a fabric is one of its servers. */
export function isServerProgram(name: string): boolean {
  return /^nats(-\d+)?$/.test(name);
}

/** The configuration file of a server. */
export function serverFile(layout: Layout, index: number): string {
  return join(layout.nats, `server${suffix(index)}.conf`);
}

/** Writes the configuration of each server. Throws StartError when what is stored forbids it. */
export async function writeServerFiles(layout: Layout, of: LocalServers): Promise<void> {
  const { servers } = of;
  await checkStore(storeFolder(layout, 0), servers.length);
  const secret = servers.length > 1 ? await routeSecret(layout) : '';
  for (const [index, ports] of servers.entries()) {
    const cluster = servers.length > 1 ? { cluster: clusterOf(of, index, secret) } : {};
    const config = serverConfig({
      name: servers.length > 1 ? `shoal-${index + 1}` : 'shoal',
      ...{ host: of.host, port: ports.nats, monitorPort: ports.monitor, users: of.users },
      storeDirectory: storeFolder(layout, index),
      syncInterval: of.syncInterval,
      ...cluster,
    });
    await writeFile(serverFile(layout, index), config, { mode: 0o600 });
  }
}

function clusterOf(of: LocalServers, index: number, secret: string) {
  const { servers, host, route } = of;
  const direct: Route = (_from, to) => `${host}:${servers[to]?.cluster}`;
  const others = servers.map((_, to) => to).filter((to) => to !== index);
  return {
    ...{ name: 'shoal', port: servers[index]?.cluster ?? 0, secret },
    routes: others.map((to) => (route ?? direct)(index, to)),
    ...(route ? { advertise: NOWHERE, isAdvertised: false } : {}),
  };
}

function suffix(index: number): string {
  return index === 0 ? '' : `-${index + 1}`;
}

/** Where a server keeps its streams. */
export function storeFolder(layout: Layout, index: number): string {
  return join(layout.nats, `store${suffix(index)}`);
}

/**
 * A server that stood alone and is started as one of three takes the streams it finds for
 * leftovers, and deletes them half a minute later (seen with nats-server 2.15.1). So nothing is
 * started that does not fit what is stored.
 */
async function checkStore(store: string, servers: number): Promise<void> {
  const made = await storeKind(store);
  if (made === 'empty' || (made === 'cluster') === servers > 1) return;
  throw new StartError(
    made === 'cluster'
      ? `the streams in ${store} belong to three servers; set SERVERS=3, or STATE to another folder`
      : `the streams in ${store} belong to one server; set SERVERS=1 or STATE to another folder, or see docs/how-to/grow-to-three-servers.md`,
  );
}

/** How the server ran that last wrote a store. */
export async function storeKind(store: string): Promise<'empty' | 'alone' | 'cluster'> {
  const isThere = (path: string): Promise<boolean> =>
    access(path).then(
      () => true,
      () => false,
    );
  const jetstream = join(store, 'jetstream');
  if (await isThere(join(jetstream, '$SYS', '_js_', '_meta_'))) return 'cluster';
  const accounts = await readdir(jetstream).catch(() => []);
  for (const account of accounts) {
    const streams = await readdir(join(jetstream, account, 'streams')).catch(() => []);
    if (streams.length > 0) return 'alone';
  }
  return 'empty';
}

/** What servers show each other: made the first time, readable by its owner only. */
async function routeSecret(layout: Layout): Promise<string> {
  const file = join(layout.keys, 'routes.secret');
  const kept = await readFile(file, 'utf8').catch(() => '');
  if (kept.trim() !== '') return kept.trim();
  const secret = randomBytes(24).toString('base64url');
  await writeFile(file, secret, { mode: 0o600 });
  return secret;
}
