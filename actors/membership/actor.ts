/**
 * Makes sure that everybody knows which nodes there are and which of them live: agents join, beats
 * are heard, silence is noticed, and what a node's ledger accepts follows from it.
 */
import {
  busDisconnected,
  busPulse,
  eventNoticed,
  ledgerRecord,
  nodeBeat,
  nodeCordon,
  nodeDrain,
  nodeJoin,
  nodePrompt,
  nodeRecord,
  nodeUncordon,
} from '../../subjects/index.ts';
import { type Actor, defineActor, every, follow, on } from '../runtime/actor.ts';
import { firmly } from '../runtime/firm.ts';
import { cordon, drain, uncordon } from './administer.ts';
import { join } from './join.ts';
import { beat, disconnected, type FlapLimit, listen, listenAnew, pulsed } from './liveness.ts';
import { newState, type State, type Views } from './state.ts';
import { sweep } from './sweep.ts';

/** How often silence is looked at: adds at most this to the time until a death is noticed. */
const LISTEN_MS = 250;
const SWEEP_MS = 10_000;

/** Ten times in ten minutes: more often than any upgrade or flaky link seen so far. */
export const flapLimit: FlapLimit = { times: 10, withinMs: 600_000 };

export function membership(limit: FlapLimit = flapLimit): Actor<State, Views> {
  return defineActor<State, Views>({
    name: 'membership',
    sentence: 'Makes sure that everybody knows which nodes there are and which of them live.',
    copies: 'acting',
    init: newState,
    routes: [
      on(nodeJoin, join),
      on(nodeBeat, beat),
      on(busDisconnected, disconnected),
      on(busPulse, pulsed),
      on(nodeCordon, firmly('nodes', cordon)),
      on(nodeUncordon, firmly('nodes', uncordon)),
      on(nodeDrain, firmly('nodes', drain)),
    ],
    follows: { nodes: follow(nodeRecord), ledgers: follow(ledgerRecord) },
    timers: { listen: every(LISTEN_MS, listen(limit)), sweep: every(SWEEP_MS, sweep) },
    connected: listenAnew,
    publishes: [nodePrompt, eventNoticed],
    writes: [nodeRecord, ledgerRecord],
  });
}
