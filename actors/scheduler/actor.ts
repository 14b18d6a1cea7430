/**
 * Makes sure that every instance that wants a node gets the best one there is, and that what fits
 * nowhere waits with its reason until there is room. All copies compete for the same work queue;
 * one workload is decided by one of them at a time.
 */
import {
  eventNoticed,
  instanceRecord,
  ledgerRecord,
  nodeRecord,
  placementDecided,
  placementExplain,
  placeWork,
  revisionRecord,
  specRecord,
  workloadRecord,
} from '../../subjects/index.ts';
import { type Actor, defineActor, follow, on, once } from '../runtime/actor.ts';
import { explain } from './explain.ts';
import { place, placeMore } from './perform.ts';
import { newState, type State, snapshot, type Views } from './state.ts';
import { ledgerChanged, nodeChanged, noteParked } from './wake.ts';

export function scheduler(): Actor<State, Views> {
  return defineActor<State, Views>({
    name: 'scheduler',
    sentence: 'Makes sure that every instance that wants a node gets the best one there is.',
    init: newState,
    snapshot,
    routes: [on(placeWork, place), on(placementExplain, explain)],
    follows: {
      nodes: follow<typeof nodeRecord, State, Views>(nodeRecord, {
        fold: (state, { tokens, after }) => state.table.nodeChanged(tokens.node, after),
        changed: nodeChanged,
      }),
      ledgers: follow<typeof ledgerRecord, State, Views>(ledgerRecord, {
        fold: (state, { tokens, after }, { views }) => {
          // A ledger that nobody can read takes no work: what is bound there could not be written.
          const isReadable = views.ledgers.unreadable(tokens) === undefined;
          state.table.ledgerChanged(tokens.node, isReadable ? after : undefined);
        },
        changed: ledgerChanged,
      }),
      workloads: follow(workloadRecord),
      revisions: follow(revisionRecord),
      instances: follow<typeof instanceRecord, State, Views>(instanceRecord, {
        fold: (state, { before, after }) => noteParked(state, after, before),
      }),
    },
    timers: { more: once(placeMore) },
    publishes: [placementDecided, eventNoticed, placeWork],
    writes: [instanceRecord, specRecord, ledgerRecord],
  });
}
