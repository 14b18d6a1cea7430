/**
 * Makes sure that the fabric knows this node: it joins, beats, answers prompts, and tells what it
 * uses when that has changed. Beats never wait for anything but the clock.
 */

import type { Answered, Due, Received, Reported } from '../actors/runtime/actor.ts';
import { after, type Effects, none, publish, request, run } from '../actors/runtime/effect.ts';
import {
  nodeBeat,
  nodeJoin,
  type nodePrompt,
  nodeSnapshot,
  nodeUsage,
  type Snapshot,
  USES_MAX,
  type Usage,
} from '../subjects/index.ts';
import { list } from './compare.ts';
import { overDisk } from './disk-limit.ts';
import { offersChanged } from './engine-away.ts';
import type { ConnectionReport, FactsReport, InstanceUse, MeasureReport } from './jobs.ts';
import { sayAll } from './say.ts';
import { type Ctx, isActive, type State } from './state.ts';

/** How long to wait before asking again to join, in milliseconds. */
const JOIN_AGAIN_MS = 500;
/** And where it is too many versions away: until somebody upgrades something. */
const APART_AGAIN_MS = 5_000;
/** A snapshot is told at least this often. */
const SNAPSHOT_MS = 15_000;
/** And at once when a share of CPU or memory moved by this much. */
const SNAPSHOT_CHANGE = 0.05;
/** Beats are spread by this share of their interval, so that thousands do not come together. */
const JITTER = 0.1;

/** The bus is there: for the first time, or again. */
export function connected(state: State, message: { readonly isFirst: boolean }): Effects {
  const again = message.isFirst
    ? [run('facts', {}), run('adopt', {}), run('measure', {})]
    : [run('reread', {}), ...(state.isAdopted ? [list(state)] : [])];
  return [run('connection', {}), ...again, after('say', 0)];
}

export function connectionKnown(node: string) {
  return (state: State, message: Reported<ConnectionReport>, context: Ctx): Effects => {
    state.connection = message.outcome;
    return state.isJoined ? beat(node)(state, { key: '', payload: undefined }, context) : none;
  };
}

export function factsKnown(node: string) {
  return (state: State, message: Reported<FactsReport>): Effects => {
    state.facts = message.outcome;
    return [...join(node, state), ...offersChanged(state)];
  };
}

function join(node: string, state: State): Effects {
  return state.facts ? [request(nodeJoin, { node }, state.facts, undefined)] : none;
}

export function joinAgain(node: string) {
  return (state: State): Effects => join(node, state);
}

export function joined(node: string) {
  return (state: State, message: Answered<typeof nodeJoin>, context: Ctx): Effects => {
    const { answer } = message;
    if (!answer.ok) {
      const isFinal = answer.refusal.code === 'node-taken';
      if (isFinal && !state.isJoined) return [run('giveUp', answer.refusal.detail)];
      const isApart = answer.refusal.code === 'protocol-unsupported';
      if (isApart) return keptOut(node, state, answer.refusal.detail, context);
      return [after('join', JOIN_AGAIN_MS)];
    }
    state.apart = undefined;
    state.isJoined = true;
    state.beatMs = answer.value.beatMs;
    state.incarnation = Math.max(state.incarnation, answer.value.incarnation);
    return [run('reread', {}), ...beat(node)(state, { key: '', payload: undefined }, context)];
  };
}

/**
 * Refused as too many versions away: it beats all the same, so that what runs here is not replaced,
 * says so once, and asks again.
 */
function keptOut(node: string, state: State, why: string, context: Ctx): Effects {
  const isNews = state.apart !== why;
  state.apart = why;
  const told = isNews ? [run('tellApart', why)] : [];
  // A beat arranges the next one: they are begun once.
  const isBeating = state.isJoined;
  state.isJoined = true;
  const begun = isBeating
    ? []
    : [run('reread', {}), ...beat(node)(state, { key: '', payload: undefined }, context)];
  return [...told, ...begun, after('join', APART_AGAIN_MS)];
}

/** A beat, and the next one arranged. */
export function beat(node: string) {
  return (state: State, _due: Due, context: Ctx): Effects => {
    if (!state.connection) return none;
    const { incarnation, applied, connection } = state;
    const delayMs = state.beatMs * (1 - JITTER * context.random());
    return [
      publish(nodeBeat, { node }, { incarnation, applied, connection }),
      after('beat', delayMs),
    ];
  };
}

export function prompted(node: string) {
  return (state: State, message: Received<typeof nodePrompt>, context: Ctx): Effects => {
    switch (message.payload.want) {
      case 'beat':
        return beat(node)(state, { key: '', payload: undefined }, context);
      case 'join':
        // Asked by whoever misses it in the store, or what it sees.
        return [...join(node, state), ...sayAll(state)];
      case 'ledger':
        return [run('reread', {})];
    }
  };
}

/** A measurement: told when it differs from the last one told, or that is old. */
export function measured(node: string) {
  return (state: State, message: Reported<MeasureReport>, context: Ctx): Effects => {
    const programs = [...state.local.values()].filter(({ sidecar }) => sidecar === undefined);
    const instances = programs.filter(isActive).length;
    const { now } = context;
    const { uses, ...of } = message.outcome;
    const told = uses
      ? [publish(nodeUsage, { node }, usageOf(of, uses, now)), ...overDisk(state, uses, context)]
      : none;
    const snapshot: Snapshot = { ...of, at: now, instances, applied: state.applied };
    if (!isNews(state.snapshot, snapshot, state)) return told;
    state.snapshot = snapshot;
    return [publish(nodeSnapshot, { node }, snapshot), ...told];
  };
}

/** Of more instances than a message holds, those with the most processor time. */
function usageOf(
  { cpuMilli, memoryBytes }: Pick<Snapshot, 'cpuMilli' | 'memoryBytes'>,
  uses: readonly InstanceUse[],
  at: number,
): Usage {
  const most = uses.toSorted((one, other) => other.cpuMilli - one.cpuMilli).slice(0, USES_MAX);
  return {
    ...{ at, cpuMilli, memoryBytes },
    instances: most.map((each) => [each.name, each.cpuMilli, each.memoryBytes]),
  };
}

function isNews(before: Snapshot | undefined, after: Snapshot, state: State): boolean {
  if (!before || Math.abs(after.at - before.at) >= SNAPSHOT_MS) return true;
  if (before.instances !== after.instances) return true;
  if (before.battery?.isCharging !== after.battery?.isCharging) return true;
  const capacity = state.facts?.capacity;
  if (!capacity) return false;
  const moved = (one: number, other: number, whole: number): boolean =>
    Math.abs(one - other) > SNAPSHOT_CHANGE * Math.max(1, whole);
  return (
    moved(before.cpuMilli, after.cpuMilli, capacity.cpuMilli) ||
    moved(before.memoryBytes, after.memoryBytes, capacity.memoryBytes)
  );
}
