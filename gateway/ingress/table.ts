/** Makes sure that the way of a host is worked out once per change of the store, not per call. */
import type { Route } from '../../subjects/index.ts';
import type { Known } from '../known.ts';
import { byCookie, cookieOf } from './affinity-cookie.ts';
import type { Calls } from './calls.ts';
import { byAddress, leastBusy } from './choose.ts';
import { type Endpoint, endpointsOf } from './endpoints.ts';

interface Way {
  readonly route: Route;
  readonly endpoints: readonly Endpoint[];
}

/** Who calls, as far as it decides where to. */
export interface Caller {
  readonly address: string;
  /** The Cookie header. */
  readonly cookie: string | undefined;
}

export interface FoundEndpoint {
  readonly kind: 'endpoint';
  readonly route: Route;
  readonly endpoint: Endpoint;
  /** Set-Cookie header for the answer, where the caller is to come back to this one. */
  readonly cookie: string | undefined;
}

export type Found =
  | { readonly kind: 'unrouted' }
  | { readonly kind: 'none'; readonly route: Route }
  | FoundEndpoint;

export class IngressTable {
  readonly #known: Known;
  readonly #calls: Calls;
  readonly #ways = new Map<string, Way>();
  /** Whose turn it is, by host. */
  readonly #turns = new Map<string, number>();

  constructor(known: Known, calls: Calls) {
    this.#known = known;
    this.#calls = calls;
    known.whenWayChanged(() => this.#ways.clear());
  }

  /** The endpoint of a host for a call; not one of those that have been tried for it. */
  find(host: string, caller: Caller, tried: ReadonlySet<string> = new Set()): Found {
    const way = this.#ways.get(host) ?? this.#workOut(host);
    if (!way) return { kind: 'unrouted' };
    const { route, endpoints } = way;
    const left =
      tried.size === 0 ? endpoints : endpoints.filter(({ instance }) => !tried.has(instance));
    const likely = this.#calls.likely(left);
    const kept = keptTo(route, likely, caller);
    const endpoint = kept ?? this.#next(host, likely);
    if (!endpoint) return { kind: 'none', route };
    const isTold = route.affinity === 'cookie' && endpoint !== kept;
    const cookie = isTold ? cookieOf(endpoint) : undefined;
    return { kind: 'endpoint', route, endpoint, cookie };
  }

  #next(host: string, endpoints: readonly Endpoint[]): Endpoint | undefined {
    const turn = this.#turns.get(host) ?? 0;
    this.#turns.set(host, turn + 1);
    return leastBusy(endpoints, turn, (each) => this.#calls.at(each));
  }

  #workOut(host: string): Way | undefined {
    const [found] = this.#known.routes.by('host', host);
    if (!found) {
      this.#turns.delete(host);
      return undefined;
    }
    const route = found.value;
    const endpoints = endpointsOf(route, this.#known.seeAll(route.tenant, route.workload));
    const way = { route, endpoints };
    this.#ways.set(host, way);
    return way;
  }
}

/** The endpoint that a caller keeps to where its host asks for that; undefined: any will do. */
function keptTo(
  { affinity }: Route,
  endpoints: readonly Endpoint[],
  { address, cookie }: Caller,
): Endpoint | undefined {
  if (affinity === 'cookie') return byCookie(endpoints, cookie);
  return affinity === 'address' ? byAddress(endpoints, address) : undefined;
}
