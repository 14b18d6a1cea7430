/** Makes sure that every change that concerns a service's list leads to a look at it. */
import {
  type endpointsRecord,
  type instanceRecord,
  isAlike,
  type nodeRecord,
  nodeState,
  type observedRecord,
  type workloadRecord,
} from '../../subjects/index.ts';
import { type Effects, none } from '../runtime/effect.ts';
import { gather } from '../runtime/gather.ts';
import type { Change } from '../runtime/view.ts';
import { type Ctx, looks, type State } from './state.ts';

interface Member {
  readonly tenant: string;
  readonly workload: string;
}

const keyOf = ({ tenant, workload }: Member): string => `${tenant}.${workload}`;

export function workloadChanged(state: State, change: Change<typeof workloadRecord>): Effects {
  return gather(state, looks, [keyOf(change.tokens)]);
}

/** A list was written: by this actor, or by somebody who should not. */
export function listChanged(state: State, change: Change<typeof endpointsRecord>): Effects {
  return gather(state, looks, [keyOf(change.tokens)]);
}

export function instanceChanged(
  state: State,
  { before, after }: Change<typeof instanceRecord>,
): Effects {
  const of = after ?? before;
  const isSame =
    before?.intent === after?.intent &&
    before?.epoch === after?.epoch &&
    before?.node === after?.node &&
    before?.outcome?.result === after?.outcome?.result;
  return !of || isSame ? none : gather(state, looks, [keyOf(of)]);
}

export function observedChanged(
  state: State,
  { before, after }: Change<typeof observedRecord>,
): Effects {
  const of = after ?? before;
  const isSame =
    before?.isReady === after?.isReady &&
    before?.state === after?.state &&
    before?.epoch === after?.epoch &&
    before?.address === after?.address &&
    isAlike(before?.ports, after?.ports);
  return !of || isSame ? none : gather(state, looks, [keyOf(of)]);
}

/** A node came or went: what it runs counts, or counts no more. */
export function nodeChanged(
  state: State,
  { before, after, tokens }: Change<typeof nodeRecord>,
  { views }: Ctx,
): Effects {
  if ((before && nodeState(before)) === (after && nodeState(after))) return none;
  const there = [...views.instances.by('node', tokens.node)].map((each) => keyOf(each.value));
  return gather(state, looks, there);
}
