/** Whatever is heard, however late, and whatever the clock does: who is declared, and when. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { flapLimit } from '../../../actors/membership/actor.ts';
import { beat, disconnected, listen, listenAnew } from '../../../actors/membership/liveness.ts';
import { newState } from '../../../actors/membership/state.ts';
import type { Effects } from '../../../actors/runtime/effect.ts';
import {
  acceptanceOf,
  busDisconnected,
  type Node,
  nodeBeat,
  nodeClasses,
  nodePrompt,
  nodeRecord,
} from '../../../subjects/index.ts';
import { sent, written } from '../../support/effects.ts';
import { addNode } from '../../support/records.ts';
import { due, received, Stage } from '../../support/stage.ts';

const TICK_MS = 250;
const limits = nodeClasses.steady;

/** One node, time as it really passes, and a clock that may be set. */
class Watch {
  readonly stage = new Stage();
  readonly state = newState();
  /** Real time, in milliseconds. */
  real = 0;
  heardAt = 0;
  /** When listening last began anew. */
  anewAt = 0;
  askedAt = -1;
  readonly violations: string[] = [];
  #incarnation = 1;

  constructor() {
    addNode(this.stage, 'n1');
    listenAnew(this.state, undefined, this.stage.context);
  }

  get node(): Node {
    return this.stage.views.nodes.get({ node: 'n1' }) as Node;
  }

  passes(ms: number): void {
    for (let left = ms; left > 0; left -= TICK_MS) {
      const stepMs = Math.min(left, TICK_MS);
      this.real += stepMs;
      this.stage.now += stepMs;
      this.#takes(listen(flapLimit)(this.state, due(), this.stage.context));
    }
  }

  /** The process stands still, and then looks at once. */
  stalls(ms: number): void {
    this.real += ms;
    this.stage.now += ms;
    this.anewAt = this.real;
    this.#takes(listen(flapLimit)(this.state, due(), this.stage.context));
  }

  /** Somebody sets the clock; no time passes. */
  setsClock(byMs: number): void {
    this.stage.now += byMs;
    this.anewAt = this.real;
    this.#takes(listen(flapLimit)(this.state, due(), this.stage.context));
  }

  reconnects(): void {
    this.anewAt = this.real;
    listenAnew(this.state, undefined, this.stage.context);
  }

  beats(client: number): void {
    const payload = { incarnation: 1, applied: 1_000, connection: { server: 'S', client } };
    const message = received(nodeBeat, { node: 'n1' }, payload);
    this.#takes(beat(this.state, message, this.stage.context));
    if (this.state.heard.get('n1')?.isCut === false) this.heardAt = this.real;
  }

  cuts(client: number): void {
    const payload = { server: { id: 'S' }, client: { id: client } };
    const message = received(busDisconnected, {}, payload);
    this.#takes(disconnected(this.state, message, this.stage.context));
  }

  #takes(effects: Effects): void {
    this.stage.perform(effects);
    if (sent(effects, nodePrompt).length > 0) this.askedAt = this.real;
    const ledger = this.stage.views.ledgers.get({ node: 'n1' });
    if (ledger?.accepts !== acceptanceOf(this.node)) this.violations.push('ledger and node differ');
    const isDeclared = written(effects, nodeRecord).some((each) => each.liveness === 'offline');
    const raised = (ledger?.incarnation ?? 0) - this.#incarnation;
    this.#incarnation += raised;
    if (raised !== Number(isDeclared)) this.violations.push(`incarnation raised by ${raised}`);
    if (!isDeclared) return;
    const since = Math.max(this.heardAt, this.anewAt);
    if (this.real - since < limits.offlineMs) {
      this.violations.push(`declared ${this.real - since} ms after it was heard`);
    }
    if (this.askedAt < since) this.violations.push('declared without having been asked');
  }
}

type Act = (watch: Watch) => void;
const client = fc.constantFrom(1, 2, 3);
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.nat(4_000).map(
      (ms): Act =>
        (watch) =>
          watch.passes(ms),
    ),
  },
  {
    weight: 5,
    arbitrary: client.map(
      (id): Act =>
        (watch) =>
          watch.beats(id),
    ),
  },
  {
    weight: 2,
    arbitrary: client.map(
      (id): Act =>
        (watch) =>
          watch.cuts(id),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1_001, max: 100_000 }).map(
      (ms): Act =>
        (watch) =>
          watch.stalls(ms),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(-86_400_000, -3_600_000, -2_000, 2_000, 3_600_000, 86_400_000).map(
      (ms): Act =>
        (watch) =>
          watch.setsClock(ms),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Act>((watch) => watch.reconnects()) },
);
const acts = fc.array(act, { maxLength: 60, size: 'max' });

test('nobody is declared before its time, nor without having been asked', () => {
  fc.assert(
    fc.property(acts, (all) => {
      const watch = new Watch();
      for (const each of all) each(watch);
      expect(watch.violations).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test('who is silent from then on is declared in its time and two ticks', () => {
  fc.assert(
    fc.property(acts, (all) => {
      const watch = new Watch();
      for (const each of all) each(watch);
      watch.passes(limits.offlineMs + 2 * TICK_MS);
      expect(watch.node.liveness).toBe('offline');
    }),
    { numRuns: 300 },
  );
});

test('who beats from then on, on a connection that lasts, is ready and stays so', () => {
  fc.assert(
    fc.property(acts, fc.nat(limits.suspectMs - TICK_MS - 1), (all, gapMs) => {
      const watch = new Watch();
      for (const each of all) each(watch);
      for (let times = 0; times < 20; times++) {
        watch.beats(9);
        expect(watch.node.liveness).toBe('ready');
        watch.passes(gapMs);
        expect(watch.node.liveness).toBe('ready');
      }
      expect(watch.violations).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
