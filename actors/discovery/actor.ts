/**
 * Makes sure that whoever calls a service finds its ready instances under one name that stays: a list
 * in the store for each service with ports, as nodes see it, for anybody to watch.
 *
 * Owns: `endpoints.>`. Not: whether an instance is ready (its agent), or when it is told to end
 * (workload, which waits until callers have heard).
 *
 * I1  A list names only instances that are ready in the run that is wanted and are to go on.
 * I2  It can be made again from the other records at any time: a lost event costs a sweep, a list that
 *     was written over or deleted too.
 */
import {
  endpointsRecord,
  instanceRecord,
  nodeRecord,
  observedRecord,
  workloadRecord,
} from '../../subjects/index.ts';
import { type Actor, defineActor, every, follow, once } from '../runtime/actor.ts';
import {
  instanceChanged,
  listChanged,
  nodeChanged,
  observedChanged,
  workloadChanged,
} from './noticed.ts';
import { newState, type State, type Views } from './state.ts';
import { sweep, write } from './write.ts';

/** How long what a lost event left behind may stand, in milliseconds. */
const SWEEP_MS = 15_000;

export function discovery(): Actor<State, Views> {
  return defineActor<State, Views>({
    name: 'discovery',
    sentence: 'Makes sure that whoever calls a service finds its ready instances under one name.',
    copies: 'acting',
    init: newState,
    routes: [],
    follows: {
      workloads: follow(workloadRecord, { changed: workloadChanged }),
      instances: follow(instanceRecord, { changed: instanceChanged }),
      observed: follow(observedRecord, { changed: observedChanged }),
      nodes: follow(nodeRecord, { changed: nodeChanged }),
      endpoints: follow(endpointsRecord, { changed: listChanged }),
    },
    timers: { look: once(write), sweep: every(SWEEP_MS, sweep) },
    connected: (state, _message, context) => sweep(state, { key: '', payload: undefined }, context),
    publishes: [],
    writes: [endpointsRecord],
  });
}
