/**
 * Makes sure that what this agent believes to run and what its driver says runs do not stay apart:
 * a lost report of an end, or an instance nobody knows of, is met at the next comparison.
 *
 * I1  Nothing is stopped for what the driver says: what it runs and the agent did not know is
 *     taken in as found, and the ledger decides about it as about everything else.
 * I2  Nothing is concluded about what was begun after the driver was asked, or is under way there.
 */
import type { Due, Reported } from '../actors/runtime/actor.ts';
import { after, type Effect, type Effects, none, run } from '../actors/runtime/effect.ts';
import { isStopAsked, stopOf } from './ending.ts';
import { advanceAll } from './group.ts';
import type { ListReport } from './jobs.ts';
import { reconcile, reportedOn, restart, takeIn } from './runner.ts';
import { type Ctx, isActive, type State } from './state.ts';

/** How often the agent looks at everything, in milliseconds. */
export const SWEEP_MS = 10_000;
/** How long a restart may be overdue until its alarm counts as lost, in milliseconds. */
const OVERDUE_MS = 2_000;
/** Every this many sweeps what the store keeps for this node is read again. */
const SWEEPS_PER_READING = 3;

/** Asks the driver what runs. */
export function list(state: State): Effect {
  return run('list', {}, state.runs);
}

/** A look at everything, whatever was told or lost; the ledger is looked at when the driver has answered. */
export function sweep(state: State, _due: Due, context: Ctx): Effects {
  if (!state.isAdopted) return none;
  state.sweeps++;
  const effects: Effect[] = [list(state)];
  for (const [key, local] of state.local) {
    const isOverdue = local.state === 'backing-off' && context.now > local.restartAt + OVERDUE_MS;
    if (isOverdue) effects.push(...restart(state, { key, payload: undefined }, context));
  }
  // A message that was republished and lost is not repeated.
  if (state.sweeps % SWEEPS_PER_READING === 0) effects.push(run('reread', {}));
  if (state.unsaid.size > 0) effects.push(after('say', 0));
  return effects;
}

/** What the driver says runs; the memo says which runs there were when it was asked. */
export function listed(node: string) {
  return (state: State, message: Reported<ListReport>, context: Ctx): Effects => {
    const { outcome } = message;
    if (outcome.kind === 'instance') return reportedOn(state, outcome.report, context);
    if (!state.isAdopted) return none;
    if (outcome.kind === 'unknown') return reconcile(state, node, context);
    const asked = message.memo as number;
    const busy = new Set(outcome.busy);
    const running = new Set(outcome.found.map((each) => `${each.name} ${each.run}`));
    const effects: Effect[] = [];
    for (const [name, local] of state.local) {
      const isJudged = local.run > 0 && local.run <= asked && !busy.has(name);
      if (!isJudged || !isActive(local) || local.state === 'backing-off') continue;
      if (running.has(`${name} ${local.run}`)) {
        if (isStopAsked(local)) effects.push(stopOf(name, local));
        continue;
      }
      const end = { exitCode: undefined, signal: undefined, message: 'it ended unnoticed' };
      effects.push(...reportedOn(state, { name, run: local.run, kind: 'exited', ...end }, context));
    }
    for (const found of outcome.found) {
      const local = state.local.get(found.name);
      // A later run of it is this agent's own business: the driver runs one at a time.
      if (local && (local.run === found.run || local.run > asked)) continue;
      effects.push(...takeIn(state, found, context));
    }
    return [...effects, ...reconcile(state, node, context), ...advanceAll(state, context)];
  };
}
