/**
 * Makes sure that the routes Caddy should have follow from the store alone: the host name of each slot
 * that is not over, as soon as its program has a port, so before it can be claimed.
 */
import type { Slot } from '../../subjects/index.ts';
import type { Known } from '../known.ts';
import type { CaddyRoute } from './table.ts';

/** What a node may call its address: Caddy reads sockets and placeholders out of other texts. */
const ADDRESS = /^[A-Za-z0-9.:-]{1,255}$/;

/** The routes of all slots, in the order of their hosts. */
export function wantedRoutes(
  known: Pick<Known, 'slots' | 'routes' | 'seeAll'>,
): readonly CaddyRoute[] {
  const found = new Map<string, CaddyRoute>();
  for (const { value } of known.slots.entries()) {
    const route = value.state === 'draining' ? undefined : routeOf(known, value);
    if (route) found.set(route.host, route);
  }
  return [...found.values()].sort((one, other) => (one.host < other.host ? -1 : 1));
}

function routeOf(
  known: Pick<Known, 'routes' | 'seeAll'>,
  { tenant, slot }: Slot,
): CaddyRoute | undefined {
  const [route] = known.routes.by('workload', `${tenant}.${slot}`);
  if (!route) return undefined;
  const { host, port: name } = route.value;
  let running: string | undefined;
  for (const { observed, phase } of known.seeAll(tenant, slot)) {
    const port = observed?.ports[name];
    if (!observed || port === undefined || !ADDRESS.test(observed.address)) continue;
    const { address } = observed;
    const dial = `${address.includes(':') ? `[${address}]` : address}:${port}`;
    if (phase === 'ready') return { host, dial };
    if (phase === 'running') running = dial;
  }
  return running === undefined ? undefined : { host, dial: running };
}
