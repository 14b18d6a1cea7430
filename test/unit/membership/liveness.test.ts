/** Beats, silence, disconnects and clocks that jump. The states are in `states`. */
import { beforeEach, describe, expect, test } from 'vitest';
import { flapLimit } from '../../../actors/membership/actor.ts';
import {
  beat,
  disconnected,
  listen,
  listenAnew,
  pulsed,
  verdictOf,
} from '../../../actors/membership/liveness.ts';
import { newState, type State } from '../../../actors/membership/state.ts';
import type { Effects } from '../../../actors/runtime/effect.ts';
import {
  address,
  type Beat,
  busDisconnected,
  busPulse,
  ledgerRecord,
  nodeBeat,
  nodeClasses,
  nodePrompt,
  nodeRecord,
  OFFLINE_KEPT,
} from '../../../subjects/index.ts';
import { sent, stages, told, written } from '../../support/effects.ts';
import { addNode, nodeOf } from '../../support/records.ts';
import { due, received, Stage } from '../../support/stage.ts';

let stage: Stage;
let state: State;
beforeEach(() => {
  stage = new Stage();
  state = newState();
  listenAnew(state, undefined, stage.context);
});

const first = { server: 'S', client: 1 };
const second = { server: 'S', client: 2 };
const beats = (more: Partial<Beat> = {}, node = 'n1'): Effects => {
  const payload = { incarnation: 1, applied: 1_000, connection: first, ...more };
  return beat(state, received(nodeBeat, { node }, payload), stage.context);
};
const cut = (client: number, reason?: string): Effects => {
  const payload = {
    server: { id: 'S' },
    client: { id: client },
    ...(reason === undefined ? {} : { reason }),
  };
  return disconnected(state, received(busDisconnected, {}, payload), stage.context);
};
const tick = () => listen(flapLimit)(state, due(), stage.context);
/** Lets time pass as it does: a tick each quarter of a second. Returns what all of them wanted. */
const passes = (ms: number): Effects => {
  const effects: Effects[number][] = [];
  for (let passed = 250; passed <= ms; passed += 250) {
    stage.now += 250;
    const now = tick();
    stage.perform(now);
    effects.push(...now);
  }
  return effects;
};
const asked = (effects: Effects) =>
  sent(effects, nodePrompt).map(({ tokens, payload }) => `${payload.want} of ${tokens.node}`);
const liveness = (node = 'n1') => stage.views.nodes.get({ node })?.liveness;

describe('the verdict', () => {
  test.each(Object.entries(nodeClasses))('on a %s node', (_, limits) => {
    const at = 1_000_000;
    expect(verdictOf(at, at - 60_000, limits)).toBe('alive');
    expect(verdictOf(at, at, limits)).toBe('alive');
    expect(verdictOf(at, at + limits.suspectMs - 1, limits)).toBe('alive');
    expect(verdictOf(at, at + limits.suspectMs, limits)).toBe('silent');
    expect(verdictOf(at, at + limits.offlineMs - 1, limits)).toBe('silent');
    expect(verdictOf(at, at + limits.offlineMs, limits)).toBe('dead');
  });

  test('leaves time for an answer between the question and the declaration', () => {
    for (const { beatMs, suspectMs, offlineMs } of Object.values(nodeClasses)) {
      expect(suspectMs).toBeGreaterThan(beatMs);
      expect(offlineMs - suspectMs).toBeGreaterThanOrEqual(1_000);
    }
  });
});

describe('a beat', () => {
  test('of a node nobody knows asks it to join, once a second at most', () => {
    expect(asked(beats())).toEqual(['join of n1']);
    expect(beats()).toEqual([]);
    stage.now += 1_000;
    expect(asked(beats())).toEqual(['join of n1']);
  });

  test('of a node without a ledger asks it to join, too', () => {
    stage.put(nodeRecord, { node: 'n1' }, nodeOf('n1'));
    expect(asked(beats())).toEqual(['join of n1']);
  });

  test('of a ready node writes nothing', () => {
    addNode(stage, 'n1');
    expect(beats()).toEqual([]);
    expect(state.heard.get('n1')).toMatchObject({ at: stage.now, connection: first });
  });

  test.each([
    ['enrolling', 'takes work'],
    ['suspect', 'is heard again'],
    ['offline', 'is back; what its ledger lists goes on running'],
  ] as const)('of a node that is %s makes it ready, once', (before, message) => {
    addNode(stage, 'n1', { liveness: before });
    const effects = beats();
    expect(stages(effects)).toEqual([['ledger'], ['node']]);
    expect(told(effects)).toEqual(['node n1 ready']);
    expect(written(effects, nodeRecord)[0]?.last.message).toBe(message);
    stage.perform(effects);
    expect(beats()).toEqual([]);
  });

  test('with an old incarnation is a beat: the ledger says what the node still owns', () => {
    addNode(stage, 'n1', { liveness: 'offline' });
    const ledger = stage.views.ledgers.get({ node: 'n1' });
    if (ledger) stage.put(ledgerRecord, { node: 'n1' }, { ...ledger, incarnation: 5 });
    stage.perform(beats({ incarnation: 4 }));
    expect(stage.views.ledgers.get({ node: 'n1' })).toMatchObject({
      incarnation: 5,
      accepts: 'yes',
    });
  });

  test('of an agent behind its ledger sends it there, after a second and not more often', () => {
    addNode(stage, 'n1');
    expect(beats({ applied: 0 })).toEqual([]);
    stage.now += 1_001;
    expect(asked(beats({ applied: 0 }))).toEqual(['ledger of n1']);
    expect(beats({ applied: 0 })).toEqual([]);
    stage.now += 1_000;
    expect(beats({ applied: stage.views.ledgers.at('for.n1.ledger')?.revision ?? 0 })).toEqual([]);
    expect(asked(beats({ applied: 0 }))).toEqual(['ledger of n1']);
  });
});

describe('the end of a connection', () => {
  beforeEach(() => {
    addNode(stage, 'n1');
    beats();
  });

  test('makes its node suspect at once, with the reason', () => {
    const effects = cut(1, 'Client Closed');
    expect(told(effects)).toEqual(['node n1 suspect']);
    expect(written(effects, nodeRecord)[0]?.last.message).toBe(
      'lost its connection (Client Closed)',
    );
    stage.perform(effects);
    expect(cut(1)).toEqual([]);
  });

  test('of somebody else means nothing', () => {
    expect(cut(9)).toEqual([]);
    expect(liveness()).toBe('ready');
  });

  test('makes beats that were still on their way count no more', () => {
    stage.perform(cut(1));
    stage.now += 100;
    expect(beats()).toEqual([]);
    expect(state.heard.get('n1')?.at).toBe(stage.now - 100);
    expect(liveness()).toBe('suspect');
  });

  test('is over when the node is heard on another', () => {
    stage.perform(cut(1));
    stage.perform(beats({ connection: second }));
    expect(liveness()).toBe('ready');
    // News of the first connection that comes late, or again, is not about this one.
    expect(cut(1)).toEqual([]);
    expect(cut(2)).not.toEqual([]);
  });

  test('that comes after the next connection was heard means nothing', () => {
    expect(beats({ connection: second })).toEqual([]);
    expect(cut(1)).toEqual([]);
    expect(liveness()).toBe('ready');
  });

  test('does not shorten the time until the node is declared', () => {
    stage.perform(cut(1));
    passes(nodeClasses.steady.offlineMs - 250);
    expect(liveness()).toBe('suspect');
    passes(250);
    expect(liveness()).toBe('offline');
  });
});

describe('silence', () => {
  const { suspectMs, offlineMs } = nodeClasses.steady;
  beforeEach(() => {
    addNode(stage, 'n1');
    beats();
  });

  test('shorter than two beats is nothing', () => {
    expect(passes(suspectMs - 250)).toEqual([]);
  });

  test('makes a node suspect once, and asks it to beat', () => {
    const effects = passes(suspectMs);
    expect(told(effects)).toEqual(['node n1 suspect']);
    expect(asked(effects)).toEqual(['beat of n1']);
    expect(written(effects, nodeRecord)[0]?.last.message).toBe('unheard for 2s');
    expect(passes(offlineMs - suspectMs - 250)).toEqual([]);
  });

  test('makes it offline at its time: the incarnation is raised, the moment kept', () => {
    const effects = passes(offlineMs);
    expect(told(effects)).toEqual(['node n1 suspect', 'node n1 offline']);
    expect(stage.views.ledgers.get({ node: 'n1' })).toMatchObject({
      accepts: 'offline',
      incarnation: 2,
    });
    expect(stage.views.nodes.get({ node: 'n1' })?.offlineAt).toEqual([stage.now]);
    expect(passes(60_000)).toEqual([]);
  });

  test('that ends in time leaves no trace but the two events', () => {
    passes(offlineMs - 250);
    stage.perform(beats());
    expect(liveness()).toBe('ready');
    expect(stage.views.ledgers.get({ node: 'n1' })).toMatchObject({
      accepts: 'yes',
      incarnation: 1,
    });
  });

  test('of a node with a write under way is judged at the next tick', () => {
    stage.now += offlineMs - 250;
    state.listenedAt = stage.now;
    stage.held.add(address(ledgerRecord, { node: 'n1' }));
    expect(passes(500)).toEqual([]);
    stage.held.clear();
    expect(told(passes(250))).toEqual(['node n1 offline']);
  });

  test('of a node that never beat: it is offline without having been suspect', () => {
    addNode(stage, 'n2', { liveness: 'enrolling' });
    const effects = passes(offlineMs);
    expect(told(effects).filter((each) => each.includes('n2'))).toEqual(['node n2 offline']);
    expect(asked(effects)).toContain('beat of n2');
  });

  test.each(Object.entries(nodeClasses))('of a %s node takes its class`s time', (name, limits) => {
    addNode(stage, 'n1', { class: name as keyof typeof nodeClasses });
    passes(limits.offlineMs - 250);
    expect(liveness()).toBe('suspect');
    passes(250);
    expect(liveness()).toBe('offline');
  });

  test('of many is declared in parts', () => {
    for (let index = 0; index < 200; index++) addNode(stage, `m${index}`);
    stage.now += offlineMs;
    state.listenedAt = stage.now - 250;
    const effects = tick();
    expect(written(effects, nodeRecord)).toHaveLength(128);
    stage.perform(effects);
    expect(written(tick(), nodeRecord)).toHaveLength(201 - 128);
  });
});

describe('a node that keeps going away', () => {
  const dies = () => {
    stage.perform(beats({ connection: { server: 'S', client: stage.now } }));
    passes(nodeClasses.steady.offlineMs);
  };
  const node = () => stage.views.nodes.get({ node: 'n1' });

  test('fails at the limit, says why, and stays failed when it is back', () => {
    addNode(stage, 'n1');
    for (let time = 1; time < flapLimit.times; time++) dies();
    expect(node()).toMatchObject({ liveness: 'offline' });
    expect(node()?.administered).toBeUndefined();
    dies();
    expect(node()).toMatchObject({ liveness: 'offline', administered: 'failed' });
    expect(node()?.last).toMatchObject({ verb: 'failed' });
    expect(node()?.last.message).toContain('10 times within 10m');
    stage.perform(beats({ connection: second }));
    expect(node()).toMatchObject({ liveness: 'ready', administered: 'failed' });
    expect(stage.views.ledgers.get({ node: 'n1' })?.accepts).toBe('failed');
    dies();
    expect(node()?.last.verb).toBe('offline');
  });

  test('does not fail when it does so slowly, and its record has an end', () => {
    addNode(stage, 'n1');
    for (let time = 0; time < 2 * OFFLINE_KEPT; time++) {
      dies();
      stage.now += Math.ceil(flapLimit.withinMs / (flapLimit.times - 1));
      listenAnew(state, undefined, stage.context);
    }
    expect(node()?.administered).toBeUndefined();
    expect(node()?.offlineAt).toHaveLength(OFFLINE_KEPT);
  });
});

describe('whoever was away', () => {
  const { suspectMs, offlineMs } = nodeClasses.steady;
  beforeEach(() => {
    addNode(stage, 'n1');
    beats();
  });

  test.each<[string, () => void]>([
    ['has lost the bus', () => listenAnew(state, undefined, stage.context)],
    ['was stopped, as its late tick shows', () => stage.perform(tick())],
  ])('and %s listens anew before it declares anyone', (_, comesBack) => {
    stage.now += 10 * offlineMs;
    comesBack();
    expect(passes(offlineMs - 250).filter((each) => each.kind === 'publish')).not.toEqual([]);
    expect(liveness()).toBe('suspect');
    passes(250);
    expect(liveness()).toBe('offline');
  });

  test('has just begun: nodes it never heard have their whole time', () => {
    stage.now += 60_000;
    state = newState();
    listenAnew(state, undefined, stage.context);
    passes(offlineMs - 250);
    expect(liveness()).toBe('suspect');
    passes(250);
    expect(liveness()).toBe('offline');
  });

  test('a clock that jumps ahead kills nobody', () => {
    passes(500);
    stage.now += 3_600_000;
    expect(tick()).toEqual([]);
    expect(liveness()).toBe('ready');
  });

  test('a clock that jumps back hides no death, and the dead are asked first', () => {
    passes(suspectMs);
    stage.now -= 3_600_000;
    const effects = passes(offlineMs + 250);
    expect(asked(effects)).toContain('beat of n1');
    expect(liveness()).toBe('offline');
  });

  test('a tick that is a little late is nothing special', () => {
    for (let late = 0; late < 6; late++) {
      stage.now += 900;
      stage.perform(tick());
    }
    expect(liveness()).toBe('offline');
  });
});

describe('of several servers', () => {
  const pulse = (...servers: string[]) =>
    pulsed(state, received(busPulse, {}, { servers, of: 3 }), stage.context);
  /** Time passes with a pulse each half second. */
  const passesNaming = (ms: number, ...servers: string[]): void => {
    for (let passed = 500; passed <= ms; passed += 500) {
      pulse(...servers);
      passes(500);
    }
  };

  beforeEach(() => {
    addNode(stage, 'n1');
    beats();
  });

  test('one that is away takes no node with it: its nodes get ten seconds to come back', () => {
    passesNaming(9_500, 'T', 'U');
    expect(liveness()).toBe('suspect');
    stage.perform(beats({ connection: { server: 'T', client: 9 } }));
    passesNaming(1_000, 'T', 'U');
    expect(liveness()).toBe('ready');
  });

  test('a node that finds no other one is declared then', () => {
    passesNaming(10_000, 'T', 'U');
    expect(liveness()).toBe('offline');
  });

  test('a node on one that is there is declared as ever', () => {
    passesNaming(3_000, 'S', 'T');
    expect(liveness()).toBe('offline');
  });

  /** Another copy acts: it has heard nobody yet. */
  const takesOver = (): void => {
    state = newState();
    listenAnew(state, undefined, stage.context);
  };

  test('a copy that has just begun to listen gives that time to every node it has not heard', () => {
    takesOver();
    passesNaming(9_500, 'T', 'U');
    expect(liveness()).toBe('suspect');
    passesNaming(500, 'T', 'U');
    expect(liveness()).toBe('offline');
  });

  test('where every server is there such a copy declares as ever', () => {
    takesOver();
    passesNaming(3_000, 'S', 'T', 'U');
    expect(liveness()).toBe('offline');
  });

  test('without pulses nothing is known of servers: a node is declared as ever', () => {
    pulse('T', 'U');
    passes(3_000);
    expect(liveness()).toBe('offline');
  });

  test('one that is named no more is forgotten', () => {
    passesNaming(500, 'S', 'T');
    passesNaming(61_000, 'T', 'U');
    expect([...state.servers.keys()]).toEqual(['T', 'U']);
  });
});
