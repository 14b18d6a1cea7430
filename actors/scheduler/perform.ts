/** Makes sure that a decision becomes effects in the order its invariants need. */
import {
  type AssignedSpec,
  address,
  eventNoticed,
  instanceRecord,
  type Ledger,
  ledgerRecord,
  needsSpec,
  placementDecided,
  type placeWork,
  specRecord,
  type Workload,
  workloadRecord,
} from '../../subjects/index.ts';
import type { Due, Received } from '../runtime/actor.ts';
import {
  after,
  commit,
  type Effect,
  type Effects,
  none,
  publish,
  put,
  remove,
} from '../runtime/effect.ts';
import { type Decision, decide, placedOf, reasonOf } from './place.ts';
import type { Ctx, State } from './state.ts';
import { versionsOf } from './versions.ts';

/** A work item: this workload has instances that want a node. */
export function place(state: State, item: Received<typeof placeWork>, context: Ctx): Effects {
  const { tenant, workload } = item.tokens;
  return placeNamed(state, { tenant, workload }, context);
}

/** The rest of a workload too large for one step. */
export function placeMore(state: State, due: Due, context: Ctx): Effects {
  return placeNamed(state, due.payload as { tenant: string; workload: string }, context);
}

function placeNamed(
  state: State,
  name: { readonly tenant: string; readonly workload: string },
  context: Ctx,
): Effects {
  const workload = context.views.workloads.get(name);
  const found = workload && firstDecision(state, workload, context);
  if (!found) return none;
  const { decision, isLast } = found;
  const more =
    decision.isPartial || !isLast
      ? [after('more', 0, { key: address(workloadRecord, name), payload: name })]
      : [];
  return [...commits(decision, context), ...told(decision, context), ...more];
}

/** The decision for the first version that has any; another one is a message of its own. */
function firstDecision(
  state: State,
  workload: Workload,
  context: Ctx,
): { readonly decision: Decision; readonly isLast: boolean } | undefined {
  const versions = versionsOf(workload, context);
  for (const [index, version] of versions.entries()) {
    const decision = decide(state, version, context);
    // One that changes nothing would be made again, for ever.
    if (!decision || decision.bound.length + decision.parked.length === 0) continue;
    return { decision, isLast: index === versions.length - 1 };
  }
  return undefined;
}

/**
 * What old ledgers lose, then instances and the specs their nodes need, then what new ledgers gain.
 * In this order: an instance that is bound elsewhere no longer tells where a rival may be about to
 * list it, so that ledger must have been written by then.
 */
function commits(decision: Decision, context: Ctx): readonly Effect[] {
  const effects: Effect[] = [...ledgerCommit(decision.vacated)];
  const instances = [...decision.bound, ...decision.parked].map((one) =>
    put(instanceRecord, { tenant: one.tenant, instance: one.instance }, one),
  );
  const specs = decision.filled.map((ledger) =>
    put(specRecord, specTokens(ledger, decision.workload), specOf(decision.workload), 'any'),
  );
  const first = [...instances, ...specs];
  if (first.length > 0) effects.push(commit(...first));
  effects.push(...ledgerCommit(decision.filled));
  const left = decision.vacated.filter((ledger) => isLeft(ledger, decision.workload, context));
  if (left.length > 0) {
    const removed = left.map((each) =>
      remove(specRecord, specTokens(each, decision.workload), 'any'),
    );
    effects.push(commit(...removed));
  }
  return effects;
}

function ledgerCommit(ledgers: readonly Ledger[]): readonly Effect[] {
  if (ledgers.length === 0) return none;
  return [commit(...ledgers.map((each) => put(ledgerRecord, { node: each.node }, each)))];
}

function specTokens(ledger: Ledger, workload: Workload) {
  return {
    node: ledger.node,
    tenant: workload.tenant,
    workload: workload.name,
    generation: String(workload.templateGeneration),
  };
}

function specOf(workload: Workload): AssignedSpec {
  const { tenant, name, templateGeneration: generation, labels } = workload;
  const isLabelled = Object.keys(labels).length > 0;
  const own = { tenant, workload: name, generation, ...(isLabelled ? { labels } : {}) };
  return workload.kind === 'service'
    ? { kind: 'service', spec: workload.spec, ...own }
    : { kind: 'job', spec: workload.spec, ...own };
}

/** Whether this decision takes the last instance of the workload's generation from a node. */
function isLeft(after: Ledger, workload: Workload, context: Ctx): boolean {
  const { tenant, name, templateGeneration: generation } = workload;
  const of = { tenant, workload: name, generation };
  const before = context.views.ledgers.get({ node: after.node });
  return before !== undefined && needsSpec(before, of) && !needsSpec(after, of);
}

function told(decision: Decision, context: Ctx): readonly Effect[] {
  const { workload, bound, parked, seen, next } = decision;
  if (bound.length === 0 && parked.length === 0) return none;
  const { tenant, name, generation } = workload;
  const record = publish(
    placementDecided,
    { tenant, workload: name },
    {
      at: context.now,
      generation,
      revision: context.revision,
      nodes: seen.nodes,
      feasible: seen.feasible,
      removed: seen.removed,
      placed: placedOf(decision),
      parked: parked.map((each) => each.instance),
      next: [...next],
    },
  );
  const events: Effect[] = [];
  const tell = (verb: string, message: string): void => {
    const tokens = { tenant, noun: 'workload', id: name, verb };
    const at = context.now;
    const body = { tenant, noun: 'workload', id: name, verb, at, message, workload: name } as const;
    events.push(publish(eventNoticed, tokens, body));
  };
  if (bound.length > 0) tell('placed', placedMessage(decision));
  if (parked.length > 0) tell('parked', `${parked.length} waiting: ${reasonOf(seen)}`);
  return [record, ...events];
}

function placedMessage(decision: Decision): string {
  const nodes = new Map<string, number>();
  for (const { node = '' } of decision.bound) nodes.set(node, (nodes.get(node) ?? 0) + 1);
  const some = [...nodes].slice(0, 8).map(([node, count]) => `${count} on ${node}`);
  const more = nodes.size > 8 ? ` and ${nodes.size - 8} more nodes` : '';
  return `${some.join(', ')}${more}`;
}
