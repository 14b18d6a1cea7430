/** The whole table of a node's states: how it lives, what was decided about it, and what shows. */
import { describe, expect, test } from 'vitest';
import { cordon, drain, uncordon } from '../../../actors/membership/administer.ts';
import { beat, disconnected, listen } from '../../../actors/membership/liveness.ts';
import { newState } from '../../../actors/membership/state.ts';
import type { Effects } from '../../../actors/runtime/effect.ts';
import {
  acceptanceOf,
  busDisconnected,
  type Node,
  nodeBeat,
  nodeClasses,
  nodeCordon,
  nodeDrain,
  nodeState,
  nodeUncordon,
} from '../../../subjects/index.ts';
import { addNode, nodeOf } from '../../support/records.ts';
import { due, received, Stage } from '../../support/stage.ts';

type Liveness = Node['liveness'];
type Decided = NonNullable<Node['administered']> | 'nothing';
const livenesses: readonly Liveness[] = ['enrolling', 'ready', 'suspect', 'offline'];
const decisions: readonly Decided[] = ['nothing', 'cordoned', 'draining', 'failed'];

/** Down: how it lives. Across: what was decided about it. */
const shown: Readonly<Record<Liveness, Readonly<Record<Decided, string>>>> = {
  enrolling: { nothing: 'enrolling', cordoned: 'cordoned', draining: 'draining', failed: 'failed' },
  ready: { nothing: 'ready', cordoned: 'cordoned', draining: 'draining', failed: 'failed' },
  suspect: { nothing: 'suspect', cordoned: 'cordoned', draining: 'draining', failed: 'failed' },
  offline: { nothing: 'offline', cordoned: 'offline', draining: 'offline', failed: 'failed' },
};

/** What is heard of a node, and how it lives then; a missing one: nothing is written. */
const lives: Readonly<Record<Liveness, Partial<Record<string, Liveness>>>> = {
  enrolling: { beat: 'ready', cut: 'suspect', death: 'offline' },
  ready: { cut: 'suspect', silence: 'suspect', death: 'offline' },
  suspect: { beat: 'ready', death: 'offline' },
  offline: { beat: 'ready' },
};

/** What a person orders, and what is decided then; a missing one: nothing is written. */
const orders: Readonly<Record<Decided, Partial<Record<string, Decided>>>> = {
  nothing: { cordon: 'cordoned', drain: 'draining' },
  cordoned: { drain: 'draining', uncordon: 'nothing' },
  draining: { cordon: 'cordoned', uncordon: 'nothing' },
  failed: { uncordon: 'nothing' },
};

const connection = { server: 'S', client: 1 };
const { suspectMs, offlineMs } = nodeClasses.steady;

/** A node in a state, heard just now, and what may happen to it. */
function lab(liveness: Liveness, decided: Decided) {
  const stage = new Stage();
  const state = newState();
  const administered = decided === 'nothing' ? {} : { administered: decided };
  addNode(stage, 'n1', { liveness, ...administered });
  state.heard.set('n1', { at: stage.now, connection, isCut: false, promptedAt: 0 });
  state.byConnection.set('S:1', 'n1');
  const after = (silentMs: number): Effects => {
    // The tick before this one saw nothing yet.
    state.listenedAt = stage.now + silentMs - 250;
    stage.now += silentMs;
    return listen({ times: 10, withinMs: 600_000 })(state, due(), stage.context);
  };
  const order = { node: 'n1' };
  const happens: Readonly<Record<string, () => Effects>> = {
    beat: () => {
      const payload = { incarnation: 1, applied: 1, connection };
      return beat(state, received(nodeBeat, order, payload), stage.context);
    },
    cut: () => {
      const payload = { server: { id: 'S' }, client: { id: 1 } };
      return disconnected(state, received(busDisconnected, {}, payload), stage.context);
    },
    silence: () => after(suspectMs),
    death: () => after(offlineMs),
    cordon: () => cordon(state, received(nodeCordon, order, {}), stage.context),
    uncordon: () => uncordon(state, received(nodeUncordon, order, {}), stage.context),
    drain: () => drain(state, received(nodeDrain, order, {}), stage.context),
  };
  return {
    happens: (what: string) => {
      const before = stage.revision;
      stage.perform(happens[what]?.() ?? []);
      const node = stage.views.nodes.get(order);
      const ledger = stage.views.ledgers.get(order);
      return {
        liveness: node?.liveness,
        decided: node?.administered ?? 'nothing',
        accepts: ledger?.accepts,
        incarnation: ledger?.incarnation,
        writes: stage.revision - before,
      };
    },
  };
}

const all = livenesses.flatMap((liveness) => decisions.map((decided) => ({ liveness, decided })));

test.each(all)('$liveness and $decided shows as it should', ({ liveness, decided }) => {
  const node = nodeOf('n1', {
    liveness,
    ...(decided === 'nothing' ? {} : { administered: decided }),
  });
  const state = shown[liveness][decided];
  expect(nodeState(node)).toBe(state);
  // Only a ready node takes work.
  expect(acceptanceOf(node)).toBe(state === 'ready' ? 'yes' : state);
});

describe.each(['beat', 'cut', 'silence', 'death'])('a %s', (what) => {
  test.each(all)('of a node $liveness and $decided', ({ liveness, decided }) => {
    const next = lives[liveness][what];
    const state = shown[next ?? liveness][decided];
    expect(lab(liveness, decided).happens(what)).toEqual({
      liveness: next ?? liveness,
      decided,
      accepts: state === 'ready' ? 'yes' : state,
      incarnation: next === 'offline' ? 2 : 1,
      writes: next ? 2 : 0,
    });
  });
});

describe.each(['cordon', 'drain', 'uncordon'])('the order to %s', (what) => {
  test.each(all)('a node $liveness and $decided', ({ liveness, decided }) => {
    const next = orders[decided][what];
    const state = shown[liveness][next ?? decided];
    expect(lab(liveness, decided).happens(what)).toEqual({
      liveness,
      decided: next ?? decided,
      accepts: state === 'ready' ? 'yes' : state,
      incarnation: 1,
      writes: next ? 2 : 0,
    });
  });
});
