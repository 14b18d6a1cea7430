/**
 * Makes sure that one node does its part: it is known, it runs what its ledger lists, and it says
 * what it sees. The same shape as the actors of the control plane, bound to the node's own tokens.
 */

import {
  type Actor,
  answered,
  defineActor,
  every,
  follow,
  on,
  once,
  reported,
} from '../actors/runtime/actor.ts';
import { none } from '../actors/runtime/effect.ts';
import {
  ledgerRecord,
  nodeBeat,
  nodeHandOff,
  nodeJoin,
  nodePrompt,
  nodeSnapshot,
  nodeUsage,
  observedRecord,
  sessionEnd,
  sessionList,
  sessionOpen,
  specRecord,
} from '../subjects/index.ts';
import { listed, SWEEP_MS, sweep } from './compare.ts';
import { preStopDue, preStopped } from './ending.ts';
import { cutOffTooLong } from './engine-away.ts';
import { handedOff, handOffAsked, handOffKept } from './hand-off.ts';
import type { InstanceReport } from './jobs.ts';
import {
  beat,
  connected,
  connectionKnown,
  factsKnown,
  joinAgain,
  joined,
  measured,
  prompted,
} from './presence.ts';
import { probeDue } from './probing.ts';
import { adopted, probedOn, reconcile, reportedOn, restart } from './runner.ts';
import { confirmed, say } from './say.ts';
import {
  sessionAsked,
  sessionsListed,
  sessionsWanted,
  sessionTold,
  sessionUnwanted,
} from './sessions.ts';
import { type Ctx, newState, type State, type Views } from './state.ts';

export function agent(node: string): Actor<State, Views> {
  const look = (state: State, _message: unknown, context: Ctx) => reconcile(state, node, context);
  const quiet = () => none;
  return defineActor<State, Views>({
    name: 'agent',
    sentence: 'Makes sure that one node runs what its ledger lists, and says what it sees.',
    init: newState,
    routes: [
      on(nodePrompt, prompted(node), { tokens: { node } }),
      on(sessionOpen, sessionAsked(node), { tokens: { node } }),
      on(sessionList, sessionsWanted, { tokens: { node } }),
      on(sessionEnd, sessionUnwanted(node), { tokens: { node } }),
      on(nodeHandOff, handOffAsked, { tokens: { node } }),
    ],
    follows: {
      ledgers: follow(ledgerRecord, { tokens: { node }, changed: look }),
      specs: follow(specRecord, { tokens: { node }, changed: look }),
    },
    timers: {
      beat: once(beat(node)),
      join: once(joinAgain(node)),
      reconcile: once(look),
      specless: once(look),
      restart: once(restart),
      cutOff: once(cutOffTooLong),
      probe: once(probeDue),
      preStop: once(preStopDue),
      handOff: once(handOffKept(node)),
      say: once(say(node)),
      confirmed: once(confirmed),
      sweep: every(SWEEP_MS, sweep),
    },
    answers: answered(nodeJoin, joined(node)),
    jobs: {
      ...reported('facts', factsKnown(node)),
      ...reported('connection', connectionKnown(node)),
      ...reported('measure', measured(node)),
      ...reported('adopt', adopted(node)),
      ...reported<InstanceReport, State, Views>('start', (state, message, context) =>
        reportedOn(state, message.outcome, context),
      ),
      ...reported<InstanceReport, State, Views>('stop', (state, message, context) =>
        reportedOn(state, message.outcome, context),
      ),
      ...reported('probe', probedOn),
      ...reported('preStop', preStopped),
      ...reported('openSession', sessionTold(node)),
      ...reported('listSessions', sessionsListed(node)),
      ...reported('endSession', quiet),
      ...reported('handOff', handedOff(node)),
      ...reported('list', listed(node)),
      ...reported('note', quiet),
      ...reported('freePorts', quiet),
      ...reported('forget', quiet),
      ...reported('relabel', quiet),
      ...reported('reread', quiet),
      ...reported('giveUp', quiet),
      ...reported('tellApart', quiet),
    },
    connected,
    publishes: [nodeBeat, nodeSnapshot, nodeUsage, nodeJoin],
    writes: [observedRecord],
  });
}
