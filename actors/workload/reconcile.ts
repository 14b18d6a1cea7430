/**
 * Makes sure that a workload becomes what its spec says, from whatever the store holds: the one
 * place where what is wanted and what is meet. Runs at every change that concerns a workload, at
 * the times it asks for, and in the sweep; each run looks at everything anew.
 *
 * Order of writes: instances, then ledgers, then specs nobody needs any more, then the workload
 * itself. A crash in between leaves what the next run sees and finishes.
 */
import {
  type Instance,
  instanceRecord,
  isHeldBack,
  laneOf,
  placeWork,
  routeRecord,
  tokensIn,
  type Workload,
  wantsNode,
  workloadRecord,
} from '../../subjects/index.ts';
import type { Due } from '../runtime/actor.ts';
import {
  after,
  cancel,
  commit,
  type Effect,
  type Effects,
  type Put,
  remove,
  work,
} from '../runtime/effect.ts';
import { Changes } from './changes.ts';
import { goneEvent } from './facts.ts';
import { judge } from './give-up.ts';
import { routesOf } from './routes.ts';
import { type Known, knownOf, settle, toldAt } from './settle.ts';
import { type Ctx, nameIn, type State } from './state.ts';
import { allRevisions, unneeded } from './versions.ts';
import { type Adjustment, adjust, adjustJob } from './wanted.ts';

/** Most instances made or retired in one step; the rest follow at once. */
const CHANGED_MAX = 250;
/** How long a placement may take before it is asked for again, in milliseconds. */
const CHASE_MS = 1_000;

/** A look at one workload, arranged by `look` or by an earlier run. */
export function lookAt(state: State, due: Due, context: Ctx): Effects {
  state.due.delete(due.key);
  return reconcile(due.key, context);
}

/** The effects that bring a workload closer to its spec; none when it is there. */
export function reconcile(group: string, context: Ctx): Effects {
  const { tenant, workload: name } = nameIn(group);
  const workload = context.views.workloads.get({ tenant, workload: name });
  if (isUnreadable(tenant, name, context)) return [];
  const changes = new Changes(context);
  const { known, ended } = settled(group, workload, changes, context);
  if (!workload) return orphaned(known, ended, changes, allRevisions(tenant, name, context));
  const verdict = judge(workload, known, context);
  if (verdict.kind === 'instead') return verdict.effects;
  const adjustment =
    workload.kind === 'job'
      ? adjustJob(workload, known, ended, context)
      : adjust(workload, known, context.now);
  if (adjustment.isGuarded) changes.guard(workload);
  const isAll = carryOut(workload, adjustment, changes);
  if (isGone(workload, known, changes)) return gone(workload, ended, context);
  changes.forget(workload, ended);
  const after = adjustment.outcome ? withOutcome(workload, adjustment.outcome) : undefined;
  const generations = new Set(known.map(({ instance }) => instance.generation));
  // One that is complete takes the place of what an earlier life of the name left there.
  const versions =
    verdict.kind === 'complete' ? [verdict.put] : unneeded(workload, generations, context);
  const looks = [adjustment.lookAt, verdict.kind === 'goes-on' ? verdict.lookAt : undefined];
  return [
    ...changes.effects(after, versions),
    ...(verdict.kind === 'complete' ? [verdict.told] : []),
    ...next(workload, known, { adjustment, isAll, looks }, context),
  ];
}

function committed(puts: readonly Put[]): Effects {
  return puts.length === 0 ? [] : [commit(...puts)];
}

/**
 * What nobody can read is not gone: where it is the workload its instances run on as they are, and
 * where it is one of them it is not replaced, or there would be one too many when it is mended.
 */
function isUnreadable(tenant: string, name: string, { views }: Ctx): boolean {
  if (views.workloads.unreadable({ tenant, workload: name })) return true;
  for (const key of views.instances.unreadableKeys()) {
    const of = tokensIn(instanceRecord, key);
    if (of?.tenant === tenant && of.instance.replace(/-[^-]*$/, '') === name) return true;
  }
  return false;
}

interface Settled {
  /** Instances that have not ended, as they are after this step. */
  readonly known: readonly Known[];
  readonly ended: readonly Instance[];
}

/** Settles every instance of a workload. */
function settled(
  group: string,
  workload: Workload | undefined,
  changes: Changes,
  context: Ctx,
): Settled {
  const all = [...context.views.instances.by('workload', group)].map((each) => each.value);
  const isEarlier = (one: Instance): boolean => one.createdAt < (workload?.createdAt ?? 0);
  let retriesLeft = retriesOf(
    workload,
    all.filter((one) => !isEarlier(one)),
  );
  const known: Known[] = [];
  const ended: Instance[] = [];
  for (const instance of all) {
    const one = knownOf(instance, context);
    const settlement = settle(one, workload, retriesLeft, context.now);
    let after = instance;
    if (settlement.kind === 'stop') changes.stop(one);
    if (settlement.kind === 'write' || settlement.kind === 'release') {
      after = settlement.instance ?? instance;
      if (settlement.instance) changes.write(after, settlement.kind === 'release');
    }
    if (settlement.kind === 'release') changes.release(one);
    else changes.withdraw(one);
    if (after.attempt > instance.attempt) retriesLeft--;
    // Of a workload of this name that was deleted, and back from the dead: it proves nothing now.
    if (after.outcome && isEarlier(after)) changes.drop(after);
    else if (after.outcome) ended.push(after);
    else known.push(after === instance ? one : { ...one, instance: after });
  }
  return { known, ended };
}

function retriesOf(workload: Workload | undefined, all: readonly Instance[]): number {
  if (workload?.kind !== 'job') return 0;
  const used = all.reduce((sum, each) => sum + each.attempt - 1, 0);
  return workload.spec.retries - used;
}

/** Instances whose workload is gone, or came back from the dead, end and go. */
function orphaned(
  known: readonly Known[],
  ended: readonly Instance[],
  changes: Changes,
  revisions: readonly Put[],
): Effects {
  for (const { instance } of known) {
    if (instance.intent === 'run') changes.retire(instance, 'its workload is gone');
  }
  for (const instance of ended) changes.drop(instance);
  return changes.effects(undefined, revisions);
}

/** Makes and retires instances; false: there is more to do than one step takes. */
function carryOut(workload: Workload, adjustment: Adjustment, changes: Changes): boolean {
  const { create, restore = 0 } = adjustment;
  const { templateGeneration, rollout } = workload;
  // What serves comes first.
  const made = [
    ...Array.from({ length: restore }, () => rollout?.from ?? templateGeneration),
    ...Array.from({ length: create }, () => templateGeneration),
  ];
  for (const generation of made.slice(0, CHANGED_MAX)) changes.create(workload, generation);
  const retire = adjustment.retire.slice(0, CHANGED_MAX);
  for (const { instance, why } of retire) changes.retire(instance, why);
  return made.length <= CHANGED_MAX && retire.length === adjustment.retire.length;
}

function withOutcome(workload: Workload, outcome: NonNullable<Workload['outcome']>): Workload {
  const last = { verb: outcome.result, at: outcome.at, message: outcome.message };
  return { ...workload, outcome, last };
}

/** A deleted workload of which nothing lives and nothing is listed. */
function isGone(workload: Workload, known: readonly Known[], changes: Changes): boolean {
  return workload.deletedAt !== undefined && known.length === 0 && changes.isEmpty;
}

/** Ended instances first, then what leads to the workload, its versions, then the workload. */
function gone(workload: Workload, ended: readonly Instance[], context: Ctx): Effects {
  const { tenant, name } = workload;
  const instances = ended.map((each) =>
    remove(instanceRecord, { tenant, instance: each.instance }),
  );
  const routes = routesOf(tenant, name, context).map((each) =>
    remove(routeRecord, { tenant, host: each.host }),
  );
  return [
    ...committed(instances),
    ...committed(routes),
    ...committed(allRevisions(tenant, name, context)),
    commit(remove(workloadRecord, { tenant, workload: name })),
    goneEvent(workload, context.now),
    cancel('later', `${tenant}.${name}`),
  ];
}

/** Asks for nodes where instances want one, and arranges the next look. */
function next(
  workload: Workload,
  known: readonly Known[],
  done: {
    readonly adjustment: Adjustment;
    readonly isAll: boolean;
    readonly looks: readonly (number | undefined)[];
  },
  context: Ctx,
): Effects {
  const { now } = context;
  const { tenant, name } = workload;
  const times = done.looks.flatMap((at) => at ?? []);
  if (!done.isAll) times.push(now);
  let isWanting = done.adjustment.create + (done.adjustment.restore ?? 0) > 0;
  for (const one of known) {
    const { instance, ledger } = one;
    const at = toldAt(one, workload, now);
    if (at !== undefined) times.push(at);
    if (instance.parked || !wantsNode(instance, ledger)) continue;
    if (isHeldBack(instance, now)) times.push(instance.notBefore as number);
    else isWanting = true;
  }
  const effects: Effect[] = [];
  if (isWanting && workload.deletedAt === undefined && !done.adjustment.outcome) {
    const tokens = { priority: laneOf(workload.spec), tenant, workload: name };
    effects.push(work(placeWork, tokens, { reason: 'instances want a node' }));
    times.push(now + CHASE_MS);
  }
  if (times.length > 0) {
    const delayMs = Math.max(0, Math.min(...times) - now);
    effects.push(after('later', delayMs, { key: `${tenant}.${name}` }));
  }
  return effects;
}
