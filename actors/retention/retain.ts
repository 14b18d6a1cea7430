/** Makes sure that what a tenant wants kept is written down once, and answered. */
import {
  address,
  type Retention,
  retentionKinds,
  type Tenant,
  tenantRecord,
  tenantRetain,
} from '../../subjects/index.ts';
import type { Received } from '../runtime/actor.ts';
import { commit, type Effects, put, refuse, refuseWith, reply } from '../runtime/effect.ts';
import { outdated } from '../runtime/outdated.ts';
import type { Ctx, State } from './state.ts';

export function retain(_state: State, ask: Received<typeof tenantRetain>, context: Ctx): Effects {
  const { tenant } = ask.tokens;
  const { retention, ifGeneration } = ask.payload;
  const before = context.views.tenants.get({ tenant });
  const generation = before?.generation ?? 0;
  if (isSame(before?.retention ?? {}, retention)) {
    // Set by this very ask, whose answer was lost; or there was nothing to change.
    const isMine = context.isMine(tenantRecord, address(tenantRecord, { tenant }));
    if (isMine || ifGeneration === undefined || ifGeneration === generation) {
      const change = isMine ? 'changed' : 'unchanged';
      return [reply(tenantRetain, ask.from, { generation, change })];
    }
  }
  if (ifGeneration !== undefined && ifGeneration !== generation) {
    const detail = `what ${tenant} has set is at generation ${generation}, not at ${ifGeneration}`;
    return [refuse(ask.from, 'generation-stale', detail)];
  }
  const late = outdated(ask, context.views.tenants, context);
  if (late) return [refuseWith(ask.from, late)];
  const after: Tenant = {
    // What a newer version keeps here stays.
    ...before,
    tenant,
    retention,
    generation: generation + 1,
    last: { verb: 'changed', at: context.now, message: messageOf(retention) },
  };
  return [
    commit(put(tenantRecord, { tenant }, after)),
    reply(tenantRetain, ask.from, { generation: after.generation, change: 'changed' }),
  ];
}

/** Whether two settings say the same: what is set to nothing is not set. */
function isSame(one: Retention, other: Retention): boolean {
  return retentionKinds.every((kind) => {
    const [a, b] = [one[kind] ?? {}, other[kind] ?? {}];
    return a.count === b.count && a.age === b.age && a.bytes === b.bytes;
  });
}

function messageOf(retention: Retention): string {
  const set = retentionKinds.filter((kind) => Object.keys(retention[kind] ?? {}).length > 0);
  return set.length === 0 ? 'everything as by default' : `of its own: ${set.join(', ')}`;
}
