/**
 * Makes sure that what a caller wants is either written down as the workload's next generation or
 * refused with the reason, before anything runs.
 *
 * A spec that no node could ever hold is refused here: the scheduler is asked, and its answer is
 * a later message. Without an answer the spec is taken and waits, as it would for a node.
 */
import {
  changeOf,
  type Explanation,
  type Fact,
  placementExplain,
  type Refusal,
  type RefusalCode,
  type Rollout,
  refusal,
  type Wanted,
  type Workload,
  type WorkloadChange,
  wantedOver,
  workloadApply,
  workloadRecord,
} from '../../subjects/index.ts';
import type { Answered, Received } from '../runtime/actor.ts';
import {
  commit,
  type Effects,
  put,
  refuseWith,
  reply,
  request,
  transact,
} from '../runtime/effect.ts';
import { firm } from '../runtime/firm.ts';
import { outdated } from '../runtime/outdated.ts';
import { workloadEvent } from './facts.ts';
import { isMine } from './mine.ts';
import { notOwned } from './owned.ts';
import { routeOf, routePuts } from './routes.ts';
import type { Ctx, State } from './state.ts';
import { leave } from './versions.ts';

type Ask = Received<typeof workloadApply>;

export function apply(_state: State, ask: Ask, context: Ctx): Effects {
  const refused = refusalOf(ask, context);
  if (refused) return [refuseWith(ask.from, refused)];
  const before = current(ask, context);
  const change = changeOf(before, wantedOver(before, ask.payload.wanted));
  const { mode } = ask.payload;
  if (mode === 'try-create' || mode === 'try-put') {
    const generation = (before?.generation ?? 0) + (change === 'unchanged' ? 0 : 1);
    return [reply(workloadApply, ask.from, { generation, change })];
  }
  if (change !== 'created' && change !== 'updated') return write(ask, context);
  const { tenant, workload } = ask.tokens;
  const payload = { tenant, workload, wanted: ask.payload.wanted };
  return [request(placementExplain, {}, payload, ask)];
}

/** The scheduler has said where the spec could go. */
export function explained(
  _state: State,
  message: Answered<typeof placementExplain>,
  context: Ctx,
): Effects {
  const ask = message.memo as Ask;
  const { answer } = message;
  // Much may have changed since the ask: everything is looked at again.
  const refused =
    refusalOf(ask, context) ??
    (answer.ok ? impossible(ask.payload.wanted, answer.value) : undefined);
  return refused ? [refuseWith(ask.from, refused)] : write(ask, context);
}

function current(ask: Ask, context: Ctx): Workload | undefined {
  return context.views.workloads.get(ask.tokens);
}

/** Why the ask cannot be met, as far as this actor knows. */
function refusalOf(ask: Ask, context: Ctx): Refusal | undefined {
  const { tenant, workload: name } = ask.tokens;
  const { wanted, mode, ifGeneration, owner } = ask.payload;
  const before = current(ask, context);
  const no = (code: RefusalCode, detail: string): Refusal => refusal(code, detail);
  const isStale = ifGeneration !== undefined && before?.generation !== ifGeneration;
  if (isStale && !isMine(ask, context)) {
    const is = before ? `at generation ${before.generation}` : 'not there';
    return no('generation-stale', `${name} is ${is}, not at ${ifGeneration}`);
  }
  const route = routeOf(tenant, name, wanted);
  if (route === 'port-missing') {
    return no('request-malformed', `${name}: ingress names a port that the spec does not list`);
  }
  if (route) {
    for (const { value } of context.views.routes.by('host', route.host)) {
      if (value.tenant === tenant && value.workload === name) continue;
      return no('host-taken', `${route.host} is served by ${value.tenant}/${value.workload}`);
    }
  }
  if (!before) return undefined;
  const foreign = notOwned(before, owner);
  if (foreign) return foreign;
  if (before.deletedAt !== undefined) return no('workload-deleting', `${name} is being deleted`);
  if ((mode === 'create' || mode === 'try-create') && !isMine(ask, context)) {
    return no('workload-exists', `${name} exists at generation ${before.generation}`);
  }
  if (before.kind !== wanted.kind) {
    return no('workload-kind-fixed', `${name} is a ${before.kind}, not a ${wanted.kind}`);
  }
  if (before.kind === 'service') return undefined;
  const change = changeOf(before, wantedOver(before, wanted));
  if (before.outcome && change !== 'unchanged') {
    return no('job-finished', `${name} has ${before.outcome.result}`);
  }
  return change === 'updated' ? no('job-fixed', `${name} has been accepted`) : undefined;
}

/** Why no node could ever hold the spec; undefined: some could, or there are no nodes yet. */
function impossible(wanted: Wanted, found: Explanation): Refusal | undefined {
  if (found.nodes === 0 || found.possible > 0) return undefined;
  const { driver } = wanted.spec;
  if (!found.drivers.includes(driver)) {
    const there = found.drivers.join(', ') || 'none';
    return refusal('driver-unknown', `no node offers driver ${driver}; there is ${there}`);
  }
  const { devices: there = [] } = found;
  const asked = Object.keys(wanted.spec.resources.devices ?? {});
  const missing = asked.filter((name) => !there.includes(name));
  if (found.impossible['devices'] && missing.length > 0) {
    const detail = `no node offers device ${missing.join(', ')}; there is ${there.join(', ') || 'none'}`;
    return refusal('spec-unplaceable', detail);
  }
  const counts = Object.entries(found.impossible).map(([name, count]) => `${count} by ${name}`);
  const what = `none of ${found.nodes} nodes could hold it even empty: removed ${counts.join(', ')}`;
  // What one of them lacks tells a person more than how many lack it.
  const one = found.table.find(({ removedBy = '' }) => Object.hasOwn(found.impossible, removedBy));
  const lacks = one?.detail === undefined ? '' : `; ${one.node} ${one.detail}`;
  return refusal('spec-unplaceable', `${what}${lacks}`);
}

function write(ask: Ask, context: Ctx): Effects {
  const { tenant, workload: name } = ask.tokens;
  const before = current(ask, context);
  const wanted = wantedOver(before, ask.payload.wanted);
  const change = changeOf(before, wanted);
  if (before && change === 'unchanged') {
    const told = isMine(ask, context) ? (before.last.verb as WorkloadChange) : change;
    const answer = reply(workloadApply, ask.from, { generation: before.generation, change: told });
    return firm(ask, context.views.workloads, [answer], context);
  }
  const late = outdated(ask, context.views.workloads, context);
  if (late) return [refuseWith(ask.from, late)];
  const generation = (before?.generation ?? 0) + 1;
  const templateGeneration =
    before && change !== 'updated' ? before.templateGeneration : generation;
  const last = { ...factOf(change, wanted, generation, context.now), askedBy: ask.id };
  const { owner } = ask.payload;
  const left =
    change === 'updated' && before?.kind === 'service' ? leave(before, context) : undefined;
  const rollout = rolloutOf(change, { before, wanted }, left?.from, context.now);
  const after = {
    ...(before ?? { tenant, name, createdAt: context.now, ...(owner ? { owner } : {}) }),
    ...wanted,
    ...{ generation, templateGeneration },
    ...(rollout ? { rollout } : {}),
    last,
  } as Workload;
  const puts = [
    ...(left ? [left.put] : []),
    put(workloadRecord, { tenant, workload: name }, after),
    ...routePuts(tenant, name, wanted, context),
  ];
  return [
    puts.length > 1 ? transact(...puts) : commit(...puts),
    workloadEvent(after),
    reply(workloadApply, ask.from, { generation, change }),
  ];
}

/**
 * How a version begins that was asked for, and what a strategy that is new counts from; undefined:
 * as it is. Only a version that is asked for with canaries waits for a person.
 */
function rolloutOf(
  change: WorkloadChange,
  of: { readonly before: Workload | undefined; readonly wanted: Wanted },
  from: number | undefined,
  now: number,
): Rollout | undefined {
  const { before, wanted } = of;
  const strategy = strategyOf(wanted);
  const waits = strategy === 'canary' ? {} : { promotedAt: now };
  if (from !== undefined) return { from, at: now, ...waits };
  const isNew = strategy !== undefined && (change === 'created' || !strategyOf(before));
  return isNew ? { ...before?.rollout, at: now, promotedAt: now } : undefined;
}

function strategyOf(of: Wanted | Workload | undefined) {
  return of?.kind === 'service' ? of.spec.update?.strategy : undefined;
}

function factOf(change: WorkloadChange, wanted: Wanted, generation: number, now: number): Fact {
  const { count } = wanted.spec;
  const what = { service: 'service', job: 'job' }[wanted.kind];
  const message = {
    created: `${what} of ${count}`,
    updated: `generation ${generation}: ${howReplaced(wanted)}`,
    scaled: `generation ${generation}: ${count} wanted`,
    changed: `generation ${generation}: nothing is restarted`,
    unchanged: '',
  }[change];
  return { verb: change, at: now, message };
}

/** How the instances of a service come to another version, for people. */
function howReplaced(wanted: Wanted): string {
  const update = wanted.kind === 'service' ? wanted.spec.update : undefined;
  switch (update?.strategy) {
    case undefined:
      return 'instances are replaced one after another';
    case 'rolling':
      return `instances are replaced, ${update.minAvailable} stay available`;
    case 'recreate':
      return 'instances are stopped, then made anew';
    case 'canary':
      return `${update.canary.count} first, the rest when it is promoted`;
  }
}
