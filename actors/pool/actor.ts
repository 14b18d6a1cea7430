/**
 * Makes sure that each pool has as many slots ready as it wants, within what it may have, and that
 * no claim outlives its time: slots are made and warmed, ready ones watched, claims ended when their
 * time is up, and what was claimed or is no good is drained and replaced.
 *
 * A slot runs as a workload of its own, so that placing, probing and restarting it, and emptying its
 * node, are what they are for every workload.
 *
 * Owns: `pool.>`, `wait.>` and `slot.>`, but for the way from ready to claimed and to released (claim).
 *
 * I1  A slot goes `warming → ready → claimed → draining`; it may leave something out, never go back.
 * I2  A slot is made in one write with its pool's record, so that of two copies that decide from one
 *     state one meets a conflict: there are never more than `maximum`.
 * I3  A slot that became ready while callers stood in line is had by nobody behind them (line.ts).
 * I4  A claim with a hand-off is told when that was done on its slot (hand-off.ts).
 * I5  All of it can be decided again from the records: a lost event costs a sweep.
 */
import {
  claimLeave,
  claimWait,
  eventNoticed,
  instanceRecord,
  nodeHandOff,
  nodeRecord,
  observedRecord,
  poolApply,
  poolDelete,
  poolPurge,
  poolRecord,
  slotRecord,
  waitRecord,
  workloadApply,
  workloadDelete,
  workloadRecord,
} from '../../subjects/index.ts';
import { type Actor, answered, defineActor, every, follow, on, once } from '../runtime/actor.ts';
import { firmly } from '../runtime/firm.ts';
import { apply, purge, remove } from './apply.ts';
import { agentAnswered, askAgentAgain, handingKept } from './hand-off.ts';
import { keepLine, leave, wait } from './line.ts';
import {
  instanceChanged,
  nodeChanged,
  observedChanged,
  poolChanged,
  slotChanged,
  waitChanged,
  workloadChanged,
} from './noticed.ts';
import { lookAt } from './reconcile.ts';
import { sizeCame } from './size.ts';
import { newState, type State, type Views } from './state.ts';
import { sweep } from './sweep.ts';
import { looked, timeCame } from './touched.ts';
import { applied, ask, deleted } from './workloads.ts';

/** How long what a lost event left behind may stand, in milliseconds. */
const SWEEP_MS = 15_000;

export function pool(): Actor<State, Views> {
  return defineActor<State, Views>({
    name: 'pool',
    sentence: 'Makes sure that each pool has as many slots ready as it wants.',
    copies: 'acting',
    init: newState,
    routes: [
      on(poolApply, apply),
      on(poolPurge, firmly('pools', purge)),
      on(poolDelete, firmly('pools', remove)),
      on(claimWait, wait),
      on(claimLeave, leave),
    ],
    follows: {
      pools: follow(poolRecord, { changed: poolChanged }),
      slots: follow(slotRecord, { changed: slotChanged }),
      waits: follow(waitRecord, { changed: waitChanged }),
      workloads: follow(workloadRecord, { changed: workloadChanged }),
      instances: follow(instanceRecord, { changed: instanceChanged }),
      observed: follow(observedRecord, { changed: observedChanged }),
      nodes: follow(nodeRecord, { changed: nodeChanged }),
    },
    answers: {
      ...answered(workloadApply, applied),
      ...answered(workloadDelete, deleted),
      ...answered(nodeHandOff, agentAnswered),
    },
    timers: {
      look: once(lookAt),
      looked: once(looked),
      later: once(timeCame),
      line: once(keepLine),
      handing: once(handingKept),
      askAgent: once(askAgentAgain),
      ask: once(ask),
      size: once(sizeCame),
      sweep: every(SWEEP_MS, sweep),
    },
    connected: (state, _message, context) => sweep(state, { key: '', payload: undefined }, context),
    publishes: [eventNoticed, workloadApply, workloadDelete, nodeHandOff],
    writes: [poolRecord, slotRecord, waitRecord],
  });
}
