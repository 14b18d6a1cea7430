/**
 * Makes sure that a host name leads to ready instances of its workload. What is ready is known here
 * from the store; that an instance answers, only the call will show.
 */
import type { Route } from '../../subjects/index.ts';
import type { Seen } from '../known.ts';

/** Where an instance takes calls. */
export interface Endpoint {
  readonly instance: string;
  readonly host: string;
  readonly port: number;
  /** Which it runs on. */
  readonly node?: string | undefined;
}

/** The ready endpoints behind a route, in an order that stays. */
export function endpointsOf(route: Route, instances: readonly Seen[]): readonly Endpoint[] {
  const found: Endpoint[] = [];
  for (const { instance, observed, phase } of instances) {
    const port = observed?.ports[route.port];
    if (phase !== 'ready' || !observed || port === undefined) continue;
    const { instance: id, node } = instance;
    found.push({ instance: id, host: observed.address, port, node });
  }
  return found.sort((one, other) => (one.instance < other.instance ? -1 : 1));
}

/** The base URL of an endpoint. */
export function urlOf({ host, port }: Endpoint): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** What tells apart where calls go to. */
export function placeOf({ host, port }: Pick<Endpoint, 'host' | 'port'>): string {
  return `${host} ${port}`;
}
