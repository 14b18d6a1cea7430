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
}

/** The ready endpoints behind a route, in an order that stays. */
export function endpointsOf(route: Route, instances: readonly Seen[]): readonly Endpoint[] {
  const found: Endpoint[] = [];
  for (const { instance, observed, phase } of instances) {
    const port = observed?.ports[route.port];
    if (phase !== 'ready' || !observed || port === undefined) continue;
    found.push({ instance: instance.instance, host: observed.address, port });
  }
  return found.sort((one, other) => (one.instance < other.instance ? -1 : 1));
}

/** The base URL of an endpoint. */
export function urlOf({ host, port }: Endpoint): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
