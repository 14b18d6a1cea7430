/** Makes sure that the way of a host is worked out once per change of the store, not per call. */
import type { Route } from '../../subjects/index.ts';
import type { Known } from '../known.ts';
import { choose, type Endpoint, endpointsOf } from './endpoints.ts';

interface Way {
  readonly route: Route;
  readonly endpoints: readonly Endpoint[];
}

export type Found =
  | { readonly kind: 'unrouted' }
  | { readonly kind: 'none'; readonly route: Route }
  | { readonly kind: 'endpoint'; readonly route: Route; readonly endpoint: Endpoint };

export class IngressTable {
  readonly #known: Known;
  readonly #ways = new Map<string, Way>();
  /** Whose turn it is, by host. */
  readonly #turns = new Map<string, number>();

  constructor(known: Known) {
    this.#known = known;
    known.whenChanged(() => this.#ways.clear());
  }

  /** The next endpoint of a host, other than one that has just failed. */
  find(host: string, failed?: Endpoint): Found {
    const way = this.#ways.get(host) ?? this.#workOut(host);
    if (!way) return { kind: 'unrouted' };
    const { route, endpoints } = way;
    const turn = this.#turns.get(host) ?? 0;
    this.#turns.set(host, turn + 1);
    const endpoint = choose(endpoints, turn, failed);
    return endpoint ? { kind: 'endpoint', route, endpoint } : { kind: 'none', route };
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
