/**
 * Makes sure that what tenants want is what runs: workloads are written down, their instances made
 * and retired, tried again when they fail, replaced when their node is lost, and ended when a job
 * is done.
 */
import {
  eventNoticed,
  instanceRecord,
  instanceStop,
  ledgerRecord,
  nodePrompt,
  nodeRecord,
  observedRecord,
  placementExplain,
  placeWork,
  revisionRecord,
  rolloutAbort,
  rolloutPromote,
  rolloutUndo,
  routeRecord,
  specRecord,
  tenantRecord,
  workloadApply,
  workloadDelete,
  workloadRecord,
  workloadScale,
} from '../../subjects/index.ts';
import { type Actor, answered, defineActor, every, follow, on, once } from '../runtime/actor.ts';
import { firmly } from '../runtime/firm.ts';
import { apply, explained } from './apply.ts';
import { forgetFinished } from './finished.ts';
import {
  instanceChanged,
  ledgerChanged,
  nodeChanged,
  observedChanged,
  workloadChanged,
} from './noticed.ts';
import { remove, scale, stop } from './orders.ts';
import { lookAt } from './reconcile.ts';
import { abort, promote, undo } from './rollout-orders.ts';
import { look, newState, type State, type Views } from './state.ts';
import { sweep } from './sweep.ts';

const SWEEP_MS = 15_000;

export function workload(): Actor<State, Views> {
  return defineActor<State, Views>({
    name: 'workload',
    sentence: 'Makes sure that what tenants want is what runs.',
    copies: 'acting',
    init: newState,
    routes: [
      on(workloadApply, apply),
      on(workloadScale, firmly('workloads', scale)),
      on(workloadDelete, firmly('workloads', remove)),
      on(rolloutPromote, firmly('workloads', promote)),
      on(rolloutAbort, firmly('workloads', abort)),
      on(rolloutUndo, firmly('workloads', undo)),
      on(instanceStop, stop),
    ],
    follows: {
      workloads: follow(workloadRecord, { changed: workloadChanged }),
      instances: follow(instanceRecord, { changed: instanceChanged }),
      observed: follow(observedRecord, { changed: observedChanged }),
      nodes: follow(nodeRecord, { changed: nodeChanged }),
      ledgers: follow(ledgerRecord, { changed: ledgerChanged }),
      routes: follow(routeRecord),
      tenants: follow(tenantRecord),
      revisions: follow(revisionRecord),
    },
    answers: answered(placementExplain, explained),
    timers: {
      look: once(lookAt),
      later: once((state: State, due) => look(state, due.key)),
      forget: once(forgetFinished),
      sweep: every(SWEEP_MS, sweep),
    },
    connected: (state, _message, context) => sweep(state, { key: '', payload: undefined }, context),
    publishes: [eventNoticed, nodePrompt, placeWork, placementExplain],
    writes: [workloadRecord, instanceRecord, ledgerRecord, specRecord, routeRecord, revisionRecord],
  });
}
