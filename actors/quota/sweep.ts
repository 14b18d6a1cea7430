/** Makes sure that records of callers that stay away go. */
import { quotaRecord } from '../../subjects/index.ts';
import type { Due } from '../runtime/actor.ts';
import { commit, type Effects, none, type Put, remove } from '../runtime/effect.ts';
import { isOver } from './count.ts';
import type { Ctx, State } from './state.ts';

/** Most records removed in one look; the rest waits for the next. */
const REMOVED_MAX = 500;

export function sweep(_state: State, _due: Due, context: Ctx): Effects {
  const puts: Put[] = [];
  for (const { key, value } of context.views.quotas.entries()) {
    if (context.isHeld(key) || !isOver(value, context)) continue;
    const { tenant, quota, caller } = value;
    puts.push(remove(quotaRecord, { tenant, quota, caller }));
    if (puts.length === REMOVED_MAX) break;
  }
  return puts.length === 0 ? none : [commit(...puts)];
}
