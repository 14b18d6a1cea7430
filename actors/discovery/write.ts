/** Makes sure that the list of a service says what there is, and that nothing is written otherwise. */
import {
  type Endpoints,
  endpointsRecord,
  isAlike,
  nodeState,
  type ReadyEndpoint,
  readyAt,
} from '../../subjects/index.ts';
import type { Due } from '../runtime/actor.ts';
import { commit, type Effects, none, put, remove } from '../runtime/effect.ts';
import { gatherAnew } from '../runtime/gather.ts';
import { type Ctx, looks, type State } from './state.ts';

/** Looks at one service. */
export function write(state: State, { key }: Due, context: Ctx): Effects {
  state.due.delete(key);
  const [tenant = '', workload = ''] = key.split('.');
  const name = { tenant, workload };
  const wanted = listOf(name, context);
  const found = context.views.endpoints.get(name);
  if (isAlike(wanted, found)) return none;
  return [commit(wanted ? put(endpointsRecord, name, wanted) : remove(endpointsRecord, name))];
}

/** Looks at every service, and at every list. */
export function sweep(state: State, _due: Due, { views }: Ctx): Effects {
  const keys = new Set<string>();
  for (const { value } of views.workloads.entries()) {
    if (value.kind === 'service' && value.spec.ports.length > 0) {
      keys.add(`${value.tenant}.${value.name}`);
    }
  }
  for (const { value } of views.endpoints.entries()) keys.add(`${value.tenant}.${value.workload}`);
  return gatherAnew(state, looks, keys);
}

/** What the list of a service is to say; undefined: it is to have none. */
export function listOf(
  name: { readonly tenant: string; readonly workload: string },
  { views }: Pick<Ctx, 'views'>,
): Endpoints | undefined {
  const service = views.workloads.get(name);
  if (service?.kind !== 'service' || service.spec.ports.length === 0) return undefined;
  const ready: ReadyEndpoint[] = [];
  for (const { value } of views.instances.by('workload', `${name.tenant}.${name.workload}`)) {
    const { node, instance } = value;
    if (node === undefined) continue;
    const observed = views.observed.get({ node, tenant: name.tenant, instance });
    const there = views.nodes.get({ node });
    const endpoint = readyAt(value, observed, there && nodeState(there));
    if (endpoint) ready.push(endpoint);
  }
  ready.sort((one, other) => (one.instance < other.instance ? -1 : 1));
  return { ...name, ready };
}
