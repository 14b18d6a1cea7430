/**
 * Makes sure that a look at a pool goes through the slots that something has happened to, all of
 * them and no others: a pool may have a thousand, and each claim leads to a look.
 *
 * I1  What was touched stays so until a look at it is over, what it wanted done: one that met a
 *     conflict, or had to wait for a key, begins again.
 */
import { slotRecord, tokensIn } from '../../subjects/index.ts';
import type { Due } from '../runtime/actor.ts';
import { after, type Effect, type Effects, none } from '../runtime/effect.ts';
import { gather, gatherAnew } from '../runtime/gather.ts';
import { type Ctx, groupOf, keyOf, looks, nameIn, type SlotName, type State } from './state.ts';

/** Most slots that one look goes through, so that it ends within a step's budget. */
const LOOKED_MAX = 100;

/** What one look goes through. */
export interface Looked {
  /** Keys of slots, and by which touch each is among them. */
  readonly keys: readonly (readonly [key: string, touch: number])[];
  /** Whether these are all that were touched. */
  readonly isAll: boolean;
}

/** Something has happened to these slots: their pools are looked at soon. */
export function touch(state: State, names: Iterable<SlotName>): Effects {
  const groups = new Set<string>();
  for (const name of names) {
    mark(state, name);
    groups.add(groupOf(name));
  }
  return gather(state, looks, groups);
}

/** The same for all slots of some pools, and for those of which a workload is left. */
export function touchAll(state: State, groups: Iterable<string>, context: Ctx): Effects {
  const all = new Set(groups);
  for (const group of all) markAll(state, group, context);
  return gatherAnew(state, looks, all);
}

function markAll(state: State, group: string, { views }: Ctx): void {
  for (const { value } of views.slots.by('pool', group)) mark(state, value);
  const { tenant, pool } = nameIn(group);
  for (const { value } of views.workloads.by('pool', group)) {
    mark(state, { tenant, pool, slot: value.name });
  }
}

function mark(state: State, name: SlotName): void {
  const group = groupOf(name);
  const touched = state.touched.get(group) ?? new Map<string, number>();
  state.touched.set(group, touched);
  state.touches++;
  touched.set(keyOf(name), state.touches);
}

/** Those of a pool that a look goes through now: who waits longest comes first. */
export function lookedAt(state: State, group: string): Looked {
  const touched = state.touched.get(group);
  if (!touched) return { keys: [], isAll: true };
  const keys = [...touched].slice(0, LOOKED_MAX);
  return { keys, isAll: keys.length === touched.size };
}

/** The last effect of a look: all that it wants is done by then. */
export function lookedEffect(group: string, { keys }: Looked): Effects {
  return keys.length === 0 ? none : [after('looked', 0, { key: group, payload: keys })];
}

/** A look is over: those it went through are done with, but what was touched again meanwhile. */
export function looked(state: State, { key: group, payload }: Due): Effects {
  const touched = state.touched.get(group);
  if (!touched) return none;
  for (const [key, at] of payload as Looked['keys']) {
    if (touched.get(key) === at) touched.delete(key);
  }
  if (touched.size > 0) return gather(state, looks, [group]);
  state.touched.delete(group);
  return none;
}

/** The time of a slot has come at which it is to be looked at although nothing changed. */
export function timeCame(state: State, { key }: Due): Effects {
  const name = tokensIn(slotRecord, key);
  return name ? touch(state, [name]) : none;
}

/** Wakes `timeCame` for a slot. */
export function wake(key: string, delayMs: number): Effect {
  return after('later', delayMs, { key });
}
