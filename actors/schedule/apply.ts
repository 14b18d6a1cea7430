/** Makes sure that what a person wants of a schedule is its next generation, or refused. */
import {
  address,
  isAlike,
  type Refusal,
  refusal,
  type Schedule,
  scheduleApply,
  scheduleRecord,
} from '../../subjects/index.ts';
import type { Received } from '../runtime/actor.ts';
import { commit, type Effects, put, refuseWith, reply } from '../runtime/effect.ts';
import { firm } from '../runtime/firm.ts';
import { outdated } from '../runtime/outdated.ts';
import { alarmOf, changeEvent } from './facts.ts';
import type { Ctx, State } from './state.ts';

type Ask = Received<typeof scheduleApply>;

export function apply(_state: State, ask: Ask, context: Ctx): Effects {
  const { tokens, payload } = ask;
  const before = context.views.schedules.get(tokens);
  const isMine = context.isMine(scheduleRecord, address(scheduleRecord, tokens));
  if (before && isMine) return [answer(ask, before, before.generation === 1)];
  const refused = refusalOf(ask, before);
  if (refused) return [refuseWith(ask.from, refused)];
  const { wanted, mode } = payload;
  const isTried = mode === 'try-create' || mode === 'try-put';
  if (before && isAlike(wantedIn(before), wanted)) {
    const { generation } = before;
    const unchanged = [reply(scheduleApply, ask.from, { generation, change: 'unchanged' })];
    return isTried ? unchanged : firm(ask, context.views.schedules, unchanged, context);
  }
  const after = changed(before, ask, context.now);
  if (isTried) return [answer(ask, after, !before)];
  const late = outdated(ask, context.views.schedules, context);
  if (late) return [refuseWith(ask.from, late)];
  return [
    commit(put(scheduleRecord, tokens, after)),
    alarmOf(after),
    changeEvent(after),
    answer(ask, after, !before),
  ];
}

function answer(ask: Ask, { generation }: Schedule, isNew: boolean): Effects[number] {
  const change = isNew ? 'created' : 'updated';
  return reply(scheduleApply, ask.from, { generation, change });
}

function wantedIn({ labels, spec }: Schedule) {
  return { labels, spec };
}

function changed(before: Schedule | undefined, { tokens, payload }: Ask, now: number): Schedule {
  const { labels, spec } = payload.wanted;
  if (!before) {
    const { tenant, schedule: name } = tokens;
    const last = { verb: 'created', at: now, message: 'generation 1' };
    return {
      ...{ tenant, name, labels, spec, generation: 1, createdAt: now, since: now },
      ...{ history: [], last },
    };
  }
  const generation = before.generation + 1;
  const last = { verb: 'updated', at: now, message: `to generation ${generation}` };
  const after = { ...before, labels, spec, generation, last };
  if (!isAlike(before.spec.when, spec.when)) return { ...after, since: now, handled: undefined };
  return before.spec.paused && !spec.paused ? { ...after, since: now } : after;
}

function refusalOf({ tokens, payload }: Ask, before: Schedule | undefined): Refusal | undefined {
  const { schedule: name } = tokens;
  const { ifGeneration, mode } = payload;
  if (ifGeneration !== undefined && before?.generation !== ifGeneration) {
    const is = before ? `at generation ${before.generation}` : 'not there';
    return refusal('generation-stale', `${name} is ${is}, not at ${ifGeneration}`);
  }
  const isNew = mode === 'create' || mode === 'try-create';
  if (!before || !isNew) return undefined;
  return refusal('schedule-exists', `${name} exists at generation ${before.generation}`);
}
