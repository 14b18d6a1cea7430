/** Makes sure that exactly the host name a service asks for leads to it. */
import { type Route, routeRecord, type Wanted } from '../../subjects/index.ts';
import { type Put, put, remove } from '../runtime/effect.ts';
import type { Ctx } from './state.ts';

/** The route a spec asks for. */
export function routeOf(
  tenant: string,
  name: string,
  wanted: Wanted,
): Route | 'port-missing' | undefined {
  if (wanted.kind !== 'service' || !wanted.spec.ingress) return undefined;
  const { ingress, ports } = wanted.spec;
  const port = ingress.port ?? ports[0]?.name;
  if (port === undefined || !ports.some((each) => each.name === port)) return 'port-missing';
  const { host, affinity } = ingress;
  return { tenant, host, workload: name, port, ...(affinity ? { affinity } : {}) };
}

/** What is to be written so that exactly the wanted route leads to the workload. */
export function routePuts(tenant: string, name: string, wanted: Wanted, context: Ctx): Put[] {
  const route = routeOf(tenant, name, wanted);
  const puts: Put[] = [];
  let isThere = false;
  for (const { value } of context.views.routes.by('workload', `${tenant}.${name}`)) {
    if (typeof route === 'object' && route.host === value.host) {
      isThere = route.port === value.port && route.affinity === value.affinity;
      continue;
    }
    puts.push(remove(routeRecord, { tenant, host: value.host }));
  }
  if (typeof route === 'object' && !isThere) {
    puts.push(put(routeRecord, { tenant, host: route.host }, route));
  }
  return puts;
}

/** Keys of the routes that lead to a workload. */
export function routesOf(tenant: string, name: string, context: Ctx): readonly Route[] {
  return [...context.views.routes.by('workload', `${tenant}.${name}`)].map((each) => each.value);
}
