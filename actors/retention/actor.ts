/**
 * Makes sure that what is over is kept as long as its tenant wants, and no longer. Finished
 * instances and jobs are the workload actor's to remove; this one takes the settings.
 */
import { tenantRecord, tenantRetain } from '../../subjects/index.ts';
import { type Actor, defineActor, follow, on } from '../runtime/actor.ts';
import { retain } from './retain.ts';
import type { State, Views } from './state.ts';

export function retention(): Actor<State, Views> {
  return defineActor<State, Views>({
    name: 'retention',
    sentence: 'Makes sure that what is over is kept as long as its tenant wants, and no longer.',
    copies: 'acting',
    init: () => ({}),
    routes: [on(tenantRetain, retain)],
    follows: { tenants: follow(tenantRecord) },
    publishes: [],
    writes: [tenantRecord],
  });
}
