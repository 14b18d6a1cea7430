/**
 * What Caddy is told of the host names of slots, and when: decided from what it has and what it should
 * have. All of it lies in one object, a `subroute` handler found by its id; nothing else of Caddy's
 * configuration is ever changed.
 *
 * I1  A write replaces the whole table and is refused by Caddy if the table is not the one that was
 *     read (`If-Match`): of two that write at once, one reads again.
 * I2  A table carries what its writer had seen of the store. Who has seen less does not write over it.
 * I3  However many routes change, a write is one reload of Caddy.
 */
import { isAlike } from '../../subjects/index.ts';

/** A host name and where its calls go to, as `address:port`. */
export interface CaddyRoute {
  readonly host: string;
  readonly dial: string;
}

/** How far a gateway has read the store: the newest revision of each bucket. */
export interface Seen {
  readonly wanted: number;
  readonly observed: number;
}

/** What Caddy has. `server`: the one that is prepared, where there is no table yet. */
export type Found =
  | { readonly kind: 'table'; readonly etag: string; readonly handler: unknown }
  | { readonly kind: 'none'; readonly server: { readonly routes: number } | undefined };

/** What the table is to be. */
export interface Wanted {
  /** Name of the prepared server; ids begin with it. */
  readonly server: string;
  /** What the server listens on where it is made: Caddy's addresses. */
  readonly listen: readonly string[];
  /** Where calls go that no route is for, where the server is made: the ingress, as `address:port`. */
  readonly ingress: string;
  readonly routes: readonly CaddyRoute[];
  readonly seen: Seen;
  /** What its writer had seen is no reason to leave the table alone. */
  readonly isOverruling: boolean;
}

/** One call of the admin API. */
export interface Write {
  readonly method: 'PATCH' | 'PUT' | 'POST';
  readonly path: string;
  readonly ifMatch?: string;
  readonly body: unknown;
}

export type Decision =
  | { readonly kind: 'same' }
  /** Whoever wrote it had seen more: it is left alone. */
  | { readonly kind: 'behind'; readonly seen: Seen }
  /** What has the id of the table is something else. */
  | { readonly kind: 'strange' }
  | { readonly kind: 'write'; readonly write: Write };

/** The id of the table. */
export function tableId(server: string): string {
  return `${server}-routes`;
}

/** What to do so that Caddy has what is wanted. */
export function decide(found: Found, wanted: Wanted): Decision {
  const id = tableId(wanted.server);
  const body = tableOf(wanted);
  if (found.kind === 'none') return { kind: 'write', write: prepare(found.server, wanted, body) };
  const { etag: ifMatch, handler } = found;
  if (!isTable(handler)) return { kind: 'strange' };
  if (isSame(handler.routes ?? [], body.routes)) return { kind: 'same' };
  const before = seenIn(handler.routes ?? [], markId(wanted.server));
  if (before && !wanted.isOverruling && isAhead(before, wanted.seen)) {
    return { kind: 'behind', seen: before };
  }
  return { kind: 'write', write: { method: 'PATCH', path: `/id/${id}`, ifMatch, body } };
}

/** The first write of a table: with its server, or as the first route of one that is there. */
function prepare(
  server: { readonly routes: number } | undefined,
  { server: name, listen, ingress }: Wanted,
  table: object,
): Write {
  const path = `/config/apps/http/servers/${name}`;
  const first = { handle: [table] };
  if (server) {
    if (server.routes === 0) return { method: 'POST', path: `${path}/routes`, body: first };
    return { method: 'PUT', path: `${path}/routes/0`, body: first };
  }
  const last = { handle: [proxyTo(ingress)] };
  return { method: 'PUT', path, body: { listen, routes: [first, last] } };
}

interface Table {
  readonly handler: 'subroute';
  readonly routes?: readonly unknown[];
}

function isTable(of: unknown): of is Table {
  const { handler, routes = [] } = (of ?? {}) as { readonly handler?: unknown; routes?: unknown };
  return handler === 'subroute' && Array.isArray(routes);
}

/** The table as Caddy keeps it. */
export function tableOf({ server, routes, seen }: Wanted): {
  readonly routes: readonly { readonly '@id': string }[];
} {
  const mark = { handler: 'vars', shoal_seen: `${seen.wanted}.${seen.observed}` };
  const rest = routes.map(({ host, dial }) => ({
    '@id': `${server}-route-${host}`,
    match: [{ host: [host] }],
    handle: [proxyTo(dial)],
    terminal: true,
  }));
  const all = [{ '@id': markId(server), handle: [mark] }, ...rest];
  const head = { '@id': tableId(server), handler: 'subroute' };
  return { ...head, routes: all };
}

function proxyTo(dial: string): object {
  return { handler: 'reverse_proxy', upstreams: [{ dial }] };
}

function markId(server: string): string {
  return `${server}-seen`;
}

/** Whether two tables lead every call to the same place; who wrote them says nothing of that. */
function isSame(
  found: readonly unknown[],
  [mark, ...wanted]: readonly { readonly '@id': string }[],
): boolean {
  const there = new Map(found.map((each) => [idOf(each), each]));
  return (
    found.length === wanted.length + 1 &&
    there.has(mark?.['@id']) &&
    wanted.every((each) => isAlike(there.get(each['@id']), each))
  );
}

function idOf(route: unknown): unknown {
  return (route as { readonly '@id'?: unknown } | null)?.['@id'];
}

/** What the writer of a table had seen; undefined: the table does not say. */
function seenIn(routes: readonly unknown[], id: string): Seen | undefined {
  const text = JSON.stringify(routes.find((each) => idOf(each) === id) ?? '');
  const said = /"shoal_seen":"(\d{1,15})\.(\d{1,15})"/.exec(text);
  return said ? { wanted: Number(said[1]), observed: Number(said[2]) } : undefined;
}

function isAhead(one: Seen, other: Seen): boolean {
  return one.wanted > other.wanted || one.observed > other.observed;
}
