/**
 * Makes sure that what is handed off reaches a slot once, however often it is asked for, and that each
 * ask is answered: with what came of it, or that nothing came of it yet.
 *
 * What came of it is remembered beside the instance (handing-off.ts), not here: it outlives this agent.
 */
import type { Due, Received, Reported } from '../actors/runtime/actor.ts';
import {
  after,
  type Effects,
  none,
  type ReplyTo,
  refuse,
  refuseWith,
  reply,
  run,
} from '../actors/runtime/effect.ts';
import { nodeHandOff, type Refusal, refusal } from '../subjects/index.ts';
import type { HandOffReport } from './jobs.ts';
import type { State } from './state.ts';

/** How long an ask is kept without an answer, in milliseconds: well below what asks wait (nodeHandOff). */
const KEPT_MS = 1_000;
/** Most hand-offs at a time: each is a command that runs. */
export const HAND_OFFS_PER_NODE_MAX = 64;

type Ask = Received<typeof nodeHandOff>;

/** Somebody wants a slot to be handed something, or to know what came of it. */
export function handOffAsked(state: State, { payload, from, id }: Ask): Effects {
  const { tenant, instance, claim, handOff } = payload;
  const name = `${tenant}.${instance}`;
  const underWay = state.handOffs.get(name);
  if (underWay) {
    if (underWay.claim !== claim) return [refuseWith(from, unknown('another claim has it'))];
    const isFirst = underWay.waiting.size === 0;
    underWay.waiting.set(id, from);
    return isFirst ? [after('handOff', KEPT_MS, { key: name })] : none;
  }
  const refused = refusalOf(state, payload);
  if (refused) return [refuseWith(from, refused)];
  const local = state.local.get(name);
  state.handOffs.set(name, { claim, waiting: new Map([[id, from]]) });
  return [
    run('handOff', { name, run: local?.run ?? 0, claim, handOff }),
    after('handOff', KEPT_MS, { key: name }),
  ];
}

/** Who was kept waiting for a while hears that nothing came of it yet. */
export function handOffKept(node: string) {
  return ({ handOffs }: State, { key }: Due): Effects => {
    const underWay = handOffs.get(key);
    const waiting = [...(underWay?.waiting.values() ?? [])];
    underWay?.waiting.clear();
    return waiting.map((from) => reply(nodeHandOff, from, { node, isUnderWay: true }));
  };
}

/** What came of one. */
export function handedOff(node: string) {
  return ({ handOffs }: State, { outcome }: Reported<HandOffReport>): Effects => {
    const { name, came } = outcome;
    const waiting: readonly (ReplyTo | undefined)[] = [
      ...(handOffs.get(name)?.waiting.values() ?? []),
    ];
    handOffs.delete(name);
    return waiting.map((from) =>
      'unknown' in came
        ? refuse(from, 'hand-off-unknown', came.unknown)
        : reply(nodeHandOff, from, { node, ...came }),
    );
  };
}

function refusalOf(
  { local, handOffs }: State,
  { tenant, instance, epoch, handOff }: Ask['payload'],
): Refusal | undefined {
  const there = local.get(`${tenant}.${instance}`);
  if (!there) return refusal('instance-not-running', `${instance} is not on this node`);
  // A later epoch alone restarts nothing.
  if (there.epoch < epoch) return refusal('instance-not-running', `${instance} has not begun yet`);
  if (there.state !== 'running' || there.ending) {
    const is = there.ending ? 'being ended' : there.state;
    return refusal('instance-not-running', `${instance} is ${is}`);
  }
  if (handOff === undefined || handOffs.size < HAND_OFFS_PER_NODE_MAX) return undefined;
  return refusal('overloaded', `this node has ${HAND_OFFS_PER_NODE_MAX} hand-offs under way`);
}

function unknown(detail: string): Refusal {
  return refusal('hand-off-unknown', detail);
}
