/** Makes sure that what a person wants of a pool is its next generation, or refused; and its end. */
import {
  isAlike,
  type Pool,
  poolApply,
  poolDelete,
  poolPurge,
  poolRecord,
  type Refusal,
  refusal,
} from '../../subjects/index.ts';
import type { Received } from '../runtime/actor.ts';
import { commit, type Effects, put, refuse, refuseWith, reply } from '../runtime/effect.ts';
import { firm } from '../runtime/firm.ts';
import { outdated } from '../runtime/outdated.ts';
import { poolEvent } from './facts.ts';
import type { Ctx, State } from './state.ts';

type Ask = Received<typeof poolApply>;

export function apply(_state: State, ask: Ask, context: Ctx): Effects {
  const { tokens, payload } = ask;
  const before = context.views.pools.get(tokens);
  // Who wrote it is not enough: each look that makes slots writes the pool, too, as it is.
  if (before?.last.askedBy === ask.id) return [answer(ask, before, before.generation === 1)];
  const refused = refusalOf(ask, before);
  if (refused) return [refuseWith(ask.from, refused)];
  const { wanted, mode } = payload;
  const isTried = mode === 'try-create' || mode === 'try-put';
  if (before && isAlike({ labels: before.labels, spec: before.spec }, wanted)) {
    const { generation } = before;
    const unchanged = [reply(poolApply, ask.from, { generation, change: 'unchanged' })];
    return isTried ? unchanged : firm(ask, context.views.pools, unchanged, context);
  }
  const after = changed(before, ask, context.now);
  if (isTried) return [answer(ask, after, !before)];
  const late = outdated(ask, context.views.pools, context);
  if (late) return [refuseWith(ask.from, late)];
  return [commit(put(poolRecord, tokens, after)), poolEvent(after), answer(ask, after, !before)];
}

function answer(ask: Ask, { generation }: Pool, isNew: boolean): Effects[number] {
  const change = isNew ? 'created' : 'updated';
  return reply(poolApply, ask.from, { generation, change });
}

function changed(
  before: Pool | undefined,
  { tokens, payload, id: askedBy }: Ask,
  now: number,
): Pool {
  const { tenant, pool: name } = tokens;
  const { labels, spec } = payload.wanted;
  if (!before) {
    const message = `${spec.ready} to be ready, ${spec.maximum} at most`;
    const last = { verb: 'created', at: now, message, askedBy };
    const first = { generation: 1, templateGeneration: 1, createdAt: now };
    return { tenant, name, labels, spec, ...first, last };
  }
  const generation = before.generation + 1;
  // Labels are its workloads', too: slots made with others are of another template.
  const made = ({ template, route }: Pool['spec']) => ({ template, route });
  const isSame = isAlike(made(before.spec), made(spec)) && isAlike(before.labels, labels);
  const templateGeneration = isSame ? before.templateGeneration : generation;
  const how = isSame ? 'slots stay' : 'slots are replaced';
  const message = `generation ${generation}: ${how}`;
  const last = { verb: 'updated', at: now, message, askedBy };
  return { ...before, labels, spec, generation, templateGeneration, last };
}

function refusalOf({ tokens, payload }: Ask, before: Pool | undefined): Refusal | undefined {
  const { pool: name } = tokens;
  const { ifGeneration, mode } = payload;
  if (ifGeneration !== undefined && before?.generation !== ifGeneration) {
    const is = before ? `at generation ${before.generation}` : 'not there';
    return refusal('generation-stale', `${name} is ${is}, not at ${ifGeneration}`);
  }
  if (before?.deletedAt !== undefined) {
    return refusal('pool-deleting', `${name} is being deleted`);
  }
  const isNew = mode === 'create' || mode === 'try-create';
  if (!before || !isNew) return undefined;
  return refusal('pool-exists', `${name} exists at generation ${before.generation}`);
}

/** Which slots go is what the next generation says: whatever becomes of this copy, they do. */
export function purge(_state: State, ask: Received<typeof poolPurge>, context: Ctx): Effects {
  const before = context.views.pools.get(ask.tokens);
  if (!before) return [refuseWith(ask.from, missing(ask))];
  const slots = idleOf(before, context);
  const { generation: last, name } = before;
  // The same ask again: its answer was lost.
  if (before.last.askedBy === ask.id) {
    return [reply(poolPurge, ask.from, { generation: last, slots })];
  }
  if (before.deletedAt !== undefined) {
    return [refuse(ask.from, 'pool-deleting', `${name} is being deleted`)];
  }
  const stale = staleFor(ask, before);
  if (stale) return [refuseWith(ask.from, stale)];
  const late = outdated(ask, context.views.pools, context);
  if (late) return [refuseWith(ask.from, late)];
  const generation = last + 1;
  const after: Pool = {
    ...before,
    ...{ generation, templateGeneration: generation, purgeGeneration: generation },
    last: {
      ...{ verb: 'purged', at: context.now, askedBy: ask.id },
      message: `generation ${generation}: slots that nobody has are replaced, ${slots} of them`,
    },
  };
  const answer = reply(poolPurge, ask.from, { generation, slots });
  return [commit(put(poolRecord, ask.tokens, after)), poolEvent(after), answer];
}

/** How many slots of a pool are on their way to a caller. */
function idleOf({ tenant, name }: Pool, { views }: Ctx): number {
  const idle = ['warming', 'ready'];
  return [...views.slots.by('pool', `${tenant}.${name}`)].filter(({ value }) =>
    idle.includes(value.state),
  ).length;
}

type Named = Received<typeof poolPurge | typeof poolDelete>;

function missing({ tokens: { tenant, pool } }: Named): Refusal {
  return refusal('pool-not-found', `there is no pool ${pool} of tenant ${tenant}`);
}

function staleFor({ payload: { ifGeneration } }: Named, pool: Pool): Refusal | undefined {
  if (ifGeneration === undefined || ifGeneration === pool.generation) return undefined;
  const detail = `${pool.name} is at generation ${pool.generation}, not at ${ifGeneration}`;
  return refusal('generation-stale', detail);
}

/** Deleting again answers the same: it is under way. */
export function remove(_state: State, ask: Received<typeof poolDelete>, context: Ctx): Effects {
  const { tokens } = ask;
  const before = context.views.pools.get(tokens);
  if (!before) return [refuseWith(ask.from, missing(ask))];
  const of = [...context.views.slots.by('pool', `${tokens.tenant}.${tokens.pool}`)];
  const claims = of.filter(({ value }) => value.state === 'claimed').length;
  const answer = reply(poolDelete, ask.from, { slots: of.length - claims, claims });
  if (before.deletedAt !== undefined) return [answer];
  const stale = staleFor(ask, before);
  if (stale) return [refuseWith(ask.from, stale)];
  const late = outdated(ask, context.views.pools, context);
  if (late) return [refuseWith(ask.from, late)];
  const { trouble: _trouble, ...rest } = before;
  const message = claims === 0 ? 'its slots are drained' : `${claims} claims go on until they end`;
  const after: Pool = {
    ...rest,
    generation: before.generation + 1,
    deletedAt: context.now,
    last: { verb: 'deleting', at: context.now, message },
  };
  return [commit(put(poolRecord, tokens, after)), poolEvent(after), answer];
}
