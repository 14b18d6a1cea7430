/** A work item that ends its process each time becomes a dead letter; those in hand with it do not. */
import { beforeEach, describe, expect, test } from 'vitest';
import { dead } from '../../../actors/dead/actor.ts';
import { deadJobs } from '../../../actors/dead/shell.ts';
import { defineActor, on, type Received } from '../../../actors/runtime/actor.ts';
import { type Effects, none } from '../../../actors/runtime/effect.ts';
import { limits } from '../../../actors/runtime/limits.ts';
import { TRIALS_MAX } from '../../../actors/runtime/trials.ts';
import { type DeadLetter, deadReplay, placeWork } from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';

describe('a work item that ends its process', () => {
  let bench: Bench;
  let handled: string[];
  /** Names of items that are still deadly. */
  let deadly: Set<string>;
  let current: ReturnType<typeof start>;
  let crashes: number;
  let starts: number;
  beforeEach(() => {
    bench = new Bench();
    handled = [];
    deadly = new Set(['poison']);
    crashes = 0;
    starts = 0;
    current = start();
  });

  const start = () => {
    starts++;
    return bench.join(
      defineActor<object, object>({
        name: 'taster',
        sentence: 'Makes sure that things are tasted.',
        init: () => ({}),
        routes: [
          on(placeWork, (_state, { tokens }: Received<typeof placeWork>) => taste(tokens.workload)),
        ],
        follows: {},
        publishes: [],
        writes: [],
      }),
    );
  };
  const taste = (name: string): Effects => {
    if (deadly.has(name)) crash();
    handled.push(name);
    return none;
  };
  /** The process is gone in the middle of the step: nothing it does from here on arrives. */
  const crash = (): never => {
    crashes++;
    current.connection.close();
    current.host.stop();
    throw new Error('the process is gone');
  };
  const order = (workload: string): void =>
    bench.send(
      placeWork,
      { priority: 'normal', tenant: 'default', workload },
      { reason: 'a test' },
    );
  const letters = (): DeadLetter[] =>
    [...bench.server.stored('shoal')]
      .filter(({ key, body }) => key.startsWith('dead.') && body)
      .map(({ body }) => JSON.parse(new TextDecoder().decode(body as Uint8Array)));
  /** A supervisor starts the process again each time, until so much time has passed. */
  const live = (ms: number): void => {
    for (let left = ms; left > 0; left -= 500) {
      bench.clock.advance(500);
      while (starts <= crashes) current = start();
    }
  };

  test('becomes a letter after five deliveries, before its step runs again; others are done', () => {
    for (const name of ['before', 'poison', 'after', 'last']) order(name);
    live(120_000);
    expect(crashes).toBe(limits.deliveriesMax);
    expect(new Set(handled)).toEqual(new Set(['before', 'after', 'last']));
    expect(bench.server.items).toBe(0);
    expect(letters()).toMatchObject([
      {
        ...{ actor: 'taster', contract: 'work.place', payload: { reason: 'a test' } },
        about: 'shoal.work.place.normal.default.poison',
        reason: {
          detail: `it ended its process ${TRIALS_MAX} times in a row before it could fail`,
        },
      },
    ]);
    expect(letters()[0]?.trials).toBeUndefined();
  });

  test('is seen while it is being tried, and is done like any other once it is mended', () => {
    order('poison');
    live(12_000);
    expect(letters()).toMatchObject([{ trials: expect.any(Number) }]);
    deadly.clear();
    live(30_000);
    expect(handled).toEqual(['poison']);
    expect(letters()).toEqual([]);
  });

  test('can be put back when what it met is mended', () => {
    order('poison');
    live(120_000);
    const [letter] = letters() as [DeadLetter];
    deadly.clear();
    bench.join(dead(), { jobs: deadJobs(bench.outside.queue) });
    expect(bench.ask(deadReplay, letter, {})).toMatchObject({ ok: true });
    live(10_000);
    expect(handled).toEqual(['poison']);
    expect(letters()).toEqual([]);
  });

  test('does not drag along those that were in hand with it, however often', () => {
    const innocents = Array.from({ length: 12 }, (_, at) => `innocent-${at}`);
    order('poison');
    for (const name of innocents) order(name);
    live(180_000);
    expect([...new Set(handled)].sort()).toEqual([...innocents].sort());
    expect(letters()).toHaveLength(1);
  });

  test('is not one that waits: deliveries that end leave no mark, however many', () => {
    deadly.clear();
    current.host.stop();
    current.connection.close();
    let deliveries = 0;
    const { ports } = bench.connection();
    const of = { consumer: 'patient', pattern: 'shoal.work.place.>', ackWaitMs: 5_000 };
    const close = ports.queue.take(of, 1, (item) => {
      deliveries = item.deliveries;
      item.retry(100);
    });
    order('patient');
    bench.clock.runUntil(() => deliveries > 4 * limits.deliveriesMax, 60_000);
    close();
    current = start();
    live(5_000);
    expect(handled).toEqual(['patient']);
    expect(letters()).toEqual([]);
  });

  test('that a killed process leaves on trial loses its mark after ten minutes', () => {
    order('poison');
    live(12_000);
    expect(letters()).toHaveLength(1);
    bench.server.take({
      ...{ consumer: 'thief', pattern: '>', ackWaitMs: 1_000, inFlightMax: 1 },
      deliver: (turn) => bench.server.ack(turn),
    });
    current.host.stop();
    current.connection.close();
    bench.clock.advance(10_000);
    bench.join(dead(), { jobs: deadJobs(bench.outside.queue) });
    bench.clock.advance(700_000);
    expect(letters()).toEqual([]);
  });
});
