/**
 * Makes sure that a slot is handed out at most once: any copy takes any ready slot of a pool by one
 * compare-and-set, so of two that choose the same one the store lets one have it, and the other
 * chooses again.
 *
 * Owns: the way from ready to claimed, and a claim while it is held; that it was released. Not: which
 * slots are ready, when a claim's time is up, and what becomes of its slot then (pool).
 *
 * I1  A claim never changes hands, and what was claimed is never ready again.
 * I2  A plain claim is one write.
 * I3  A slot that became ready while somebody stood in line who could take it is handed out by whoever
 *     keeps the line.
 * I4  What this copy was told is ready no longer it does not hand out, whether or not its keeper has
 *     said so by then.
 */
import {
  claimAcquire,
  claimExtend,
  claimInspect,
  claimRelease,
  instanceRecord,
  nodeRecord,
  observedRecord,
  poolRecord,
  slotRecord,
  waitRecord,
} from '../../subjects/index.ts';
import { type Actor, defineActor, follow, on, once } from '../runtime/actor.ts';
import { acquire } from './acquire.ts';
import { whenSeen } from './behind.ts';
import { extend, inspect, release } from './held.ts';
import { noteReady } from './ring.ts';
import type { State, Views } from './state.ts';

const acquiring = whenSeen<typeof claimAcquire>('acquire', acquire);
const extending = whenSeen<typeof claimExtend>('extend', extend);
const releasing = whenSeen<typeof claimRelease>('release', release);
const inspecting = whenSeen<typeof claimInspect>('inspect', inspect);

export function claim(): Actor<State, Views> {
  return defineActor<State, Views>({
    name: 'claim',
    sentence: 'Makes sure that a slot of a pool is handed out at most once.',
    copies: 'competing',
    init: () => ({ ready: new Map() }),
    routes: [
      on(claimAcquire, acquiring.step),
      on(claimExtend, extending.step),
      on(claimRelease, releasing.step),
      on(claimInspect, inspecting.step),
    ],
    timers: {
      acquire: once(acquiring.again),
      extend: once(extending.again),
      release: once(releasing.again),
      inspect: once(inspecting.again),
    },
    follows: {
      pools: follow(poolRecord),
      slots: follow(slotRecord, {
        fold: (state, { key, before, after }) => noteReady(state, key, before, after),
      }),
      waits: follow(waitRecord),
      nodes: follow(nodeRecord),
      instances: follow(instanceRecord),
      observed: follow(observedRecord),
    },
    publishes: [],
    writes: [slotRecord],
  });
}
