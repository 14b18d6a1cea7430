/**
 * Makes sure that what is over is kept as long as its tenant wants, and no longer: messages in
 * streams, and keys that nothing refers to. It takes the settings, too; finished instances and
 * jobs are the workload actor's to remove.
 */
import {
  instanceRecord,
  ledgerRecord,
  nodeRecord,
  tenantRecord,
  tenantRetain,
} from '../../subjects/index.ts';
import { type Actor, defineActor, every, follow, on, reported } from '../runtime/actor.ts';
import { none } from '../runtime/effect.ts';
import { firmly } from '../runtime/firm.ts';
import { type KeyLimits, keyLimits, keysRead, lookThrough } from './keys.ts';
import { retain } from './retain.ts';
import { look, purged, surveyed, weighed } from './rounds.ts';
import { newState, type State, type Views } from './state.ts';

/** How often a round through the streams begins: one that finds nothing costs three asks. */
const LOOK_MS = 60_000;

export function retention(limits: KeyLimits = keyLimits): Actor<State, Views> {
  return defineActor<State, Views>({
    name: 'retention',
    sentence: 'Makes sure that what is over is kept as long as its tenant wants, and no longer.',
    copies: 'acting',
    init: newState,
    routes: [on(tenantRetain, firmly('tenants', retain))],
    follows: {
      tenants: follow(tenantRecord),
      instances: follow(instanceRecord),
      ledgers: follow(ledgerRecord),
      nodes: follow(nodeRecord),
    },
    timers: { look: every(LOOK_MS, look), keys: every(limits.everyMs, lookThrough) },
    connected: (state, _message, context) => look(state, { key: '', payload: undefined }, context),
    jobs: {
      ...reported('survey', surveyed),
      ...reported('weigh', weighed),
      ...reported('purge', purged),
      ...reported('keys', keysRead(limits)),
      ...reported('clear', () => none),
    },
    publishes: [],
    writes: [tenantRecord],
  });
}
