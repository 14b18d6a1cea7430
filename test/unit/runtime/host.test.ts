import { beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  type Actor,
  type Context,
  defineActor,
  every,
  follow,
  on,
  once,
  type Received,
  reported,
} from '../../../actors/runtime/actor.ts';
import {
  after,
  alone,
  cancel,
  commit,
  type Effects,
  none,
  publish,
  put,
  remove,
  reply,
  run,
  transact,
  work,
} from '../../../actors/runtime/effect.ts';
import { limits } from '../../../actors/runtime/limits.ts';
import type { Link } from '../../../actors/runtime/memory/connection.ts';
import type { View } from '../../../actors/runtime/view.ts';
import { event, record, request, work as workContract } from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';

const roles = { from: ['gateway'], to: ['control'], summary: 'For a test.' } as const;
const count = record({
  name: 'count',
  subject: 'count.{name}',
  schema: z.object({ value: z.number() }),
  bytesMax: 100,
  bucket: 'shoal',
  indexes: { parity: (one) => (one.value % 2 ? 'odd' : 'even') },
  ...roles,
});
const add = request({
  name: 'count.add',
  subject: 'shoal.count.{name}.add',
  schema: z.object({ by: z.number() }),
  reply: z.object({ value: z.number() }),
  bytesMax: 100,
  timeoutMs: 5_000,
  ...roles,
});
const added = event({
  name: 'count.added',
  subject: 'shoal.event.default.count.{name}.added',
  schema: z.object({ value: z.number() }),
  bytesMax: 100,
  stream: 'EVENTS',
  ...roles,
});
const noticed = event({
  name: 'count.noticed',
  subject: 'shoal.count.{name}.noticed',
  schema: z.object({ text: z.string() }),
  bytesMax: 100,
  ...roles,
});
const addWork = workContract({
  name: 'count.work',
  subject: 'shoal.work.{lane}.{name}',
  schema: z.object({ by: z.number() }),
  bytesMax: 100,
  ackWaitMs: 1_000,
  lanes: { token: 'lane', values: ['one'] },
  ...roles,
});

interface Views {
  readonly counts: View<typeof count>;
}
interface State {
  readonly log: string[];
  builds: number;
}
type Ctx = Context<Views>;

/** Adds to a count, tells it, answers. */
function addStep(_state: State, ask: Received<typeof add>, context: Ctx): Effects {
  const { name } = ask.tokens;
  const value = (context.views.counts.get({ name })?.value ?? 0) + ask.payload.by;
  return [
    commit(put(count, { name }, { value })),
    publish(added, { name }, { value }),
    reply(add, ask.from, { value }),
  ];
}

let log: string[];
const counter = (more: Partial<Actor<State, Views>> = {}): Actor<State, Views> =>
  defineActor<State, Views>({
    name: 'counter',
    sentence: 'Makes sure that counts add up.',
    init: () => ({ log, builds: 0 }),
    routes: [on(add, addStep)],
    follows: { counts: follow(count) },
    publishes: [added, noticed, addWork],
    writes: [count],
    ...more,
  });

describe('host', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
    log = [];
  });
  const value = (name: string) => bench.stored(count, { name })?.value;

  test('a commit is stored before its fact is told and its ask answered', () => {
    bench.join(counter());
    expect(bench.ask(add, { name: 'a' }, { by: 2 })).toEqual({ ok: true, value: { value: 2 } });
    expect(value('a')).toBe(2);
    expect(bench.appended(added)).toEqual([{ value: 2 }]);
  });

  test('messages on a held key wait for it and lose nothing; other keys go on', () => {
    const { host } = bench.join(counter());
    const answers: unknown[] = [];
    for (let index = 0; index < 50; index++) {
      const name = index % 5 ? 'hot' : `cold${index}`;
      bench.send(add, { name }, { by: 1 }, { answered: (answer) => answers.push(answer) });
    }
    bench.clock.settle();
    expect(answers).toHaveLength(50);
    expect(value('hot')).toBe(40);
    expect(host.counters.conflicts).toBe(0);
    expect(host.counters.waits).toBeGreaterThan(0);
  });

  test('what is alone with the same decides one after another, whatever keys it writes', () => {
    // At most three in all.
    const step = (_state: State, ask: Received<typeof add>, { views }: Ctx): Effects => {
      if (views.counts.size >= 3) return [reply(add, ask.from, { value: 0 })];
      const { name } = ask.tokens;
      return [
        alone('all'),
        commit(put(count, { name }, { value: 1 })),
        reply(add, ask.from, { value: 1 }),
      ];
    };
    bench.join(counter({ routes: [on(add, step)] }));
    for (let index = 0; index < 9; index++) bench.send(add, { name: `k${index}` }, { by: 1 });
    bench.clock.settle();
    expect([...bench.server.stored('shoal')]).toHaveLength(3);
  });

  test('a commit that met another writer is decided again on the fresh view', () => {
    const { host } = bench.join(counter());
    bench.ask(add, { name: 'a' }, { by: 1 });
    // The rival's write is in the store but has not reached the actor when it decides.
    let isAnswered = false;
    bench.send(
      add,
      { name: 'a' },
      { by: 10 },
      {
        answered: () => {
          isAnswered = true;
        },
      },
    );
    bench.store(count, { name: 'a' }, { value: 100 });
    bench.clock.runUntil(() => isAnswered, 5_000);
    expect(value('a')).toBe(110);
    expect(host.counters.abandoned).toBe(0);
  });

  test('two copies that share a key add up however they interleave', () => {
    const slow: Link = { transfer: () => 3, isUp: true };
    const copies = [bench.join(counter(), { link: slow }), bench.join(counter(), { link: slow })];
    const answers: unknown[] = [];
    for (let index = 0; index < 60; index++) {
      bench.send(add, { name: 'a' }, { by: 1 }, { answered: (answer) => answers.push(answer) });
    }
    bench.clock.runUntil(() => answers.length === 60, 60_000);
    expect(value('a')).toBe(60);
    expect(copies.reduce((sum, each) => sum + each.host.counters.conflicts, 0)).toBeGreaterThan(0);
  });

  test("a write whose answer was lost is recognised as the actor's own", () => {
    let isLosing = true;
    // What comes back once the write is in the store is lost.
    const link: Link = {
      isUp: true,
      transfer: () => (isLosing && value('a') === 1 ? undefined : 1),
    };
    const { host } = bench.join(counter(), { link });
    let isAnswered = false;
    bench.send(
      add,
      { name: 'a' },
      { by: 1 },
      {
        answered: () => {
          isAnswered = true;
        },
      },
    );
    bench.clock.runUntil(() => value('a') === 1, 1_000);
    bench.clock.advance(900);
    isLosing = false;
    bench.clock.runUntil(() => isAnswered, 5_000);
    expect(host.counters.unanswered).toBe(1);
    expect(value('a')).toBe(1);
    expect(bench.appended(added)).toEqual([{ value: 1 }]);
  });

  test('a step that meets its own write when its message comes again makes no second one', () => {
    const step = (_state: State, item: Received<typeof addWork>, context: Ctx): Effects => {
      const { name } = item.tokens;
      if (context.isMine(count, `count.${name}`)) return none;
      const before = context.views.counts.get({ name })?.value ?? 0;
      return [commit(put(count, { name }, { value: before + item.payload.by }))];
    };
    const actor = counter({ routes: [on(addWork, step)] });
    const first = bench.join(actor);
    bench.send(addWork, { lane: 'one', name: 'a' }, { by: 5 }, { id: 'item-1' });
    // The process dies after its write, before its acknowledgement.
    bench.clock.runUntil(() => value('a') === 5, 1_000);
    first.connection.close();
    const second = bench.join(actor);
    bench.clock.advance(3_000);
    expect(value('a')).toBe(5);
    expect(second.host.counters.steps).toBeGreaterThan(0);
    expect(bench.server.items).toBe(0);
  });

  test('a step that throws costs its state, refuses its ask, and nothing else', () => {
    const actor = counter({
      init: () => ({ log, builds: log.push('built') }),
      routes: [
        on(add, (state: State, ask: Received<typeof add>, context: Ctx) => {
          if (ask.payload.by < 0) throw new Error('no');
          return addStep(state, ask, context);
        }),
      ],
    });
    const { host } = bench.join(actor);
    const before = log.length;
    const refused = bench.ask(add, { name: 'a' }, { by: -1 });
    expect(refused).toMatchObject({ ok: false, refusal: { code: 'actor-fault' } });
    expect(log.length).toBe(before + 1);
    expect(host.counters.faults).toBe(1);
    expect(bench.ask(add, { name: 'a' }, { by: 1 })).toMatchObject({ ok: true });
  });

  test('an ask no schema accepts is refused with its place; an event is counted', () => {
    const { host } = bench.join(counter({ routes: [on(add, addStep), on(noticed, () => none)] }));
    const refused = bench.ask(add, { name: 'a' }, { by: 'x' } as never);
    expect(refused).toMatchObject({ ok: false, refusal: { code: 'request-malformed' } });
    expect(JSON.stringify(refused)).toContain('by: ');
    const body = new Uint8Array([0x7b, 0xff]);
    bench.outside.bus.publish({ subject: 'shoal.count.a.noticed', body, headers: {} });
    bench.clock.settle();
    expect(host.counters.malformed).toBe(2);
    expect(bench.ask(add, { name: 'a' }, { by: 1 })).toMatchObject({ ok: true });
  });

  test('a transaction that lost one key stores none and is decided again', () => {
    const both = (_state: State, ask: Received<typeof add>, context: Ctx): Effects => {
      const at = (name: string) => context.views.counts.get({ name })?.value ?? 0;
      return [
        transact(
          put(count, { name: 'x' }, { value: at('x') + ask.payload.by }),
          put(count, { name: 'y' }, { value: at('y') - ask.payload.by }),
        ),
        reply(add, ask.from, { value: at('x') + ask.payload.by }),
      ];
    };
    bench.join(counter({ routes: [on(add, both)] }));
    let isAnswered = false;
    bench.send(
      add,
      { name: 'x' },
      { by: 3 },
      {
        answered: () => {
          isAnswered = true;
        },
      },
    );
    bench.store(count, { name: 'y' }, { value: 50 });
    bench.clock.runUntil(() => isAnswered, 5_000);
    expect([value('x'), value('y')]).toEqual([3, 47]);
  });

  test('changes reach the actor, merged while they wait, and indexes follow them', () => {
    const seen: unknown[] = [];
    const { views } = bench.join(
      counter({
        follows: {
          counts: follow<typeof count, State, Views>(count, {
            changed: (_state, change, context) => {
              seen.push([change.before?.value, change.after?.value]);
              const odd = [...context.views.counts.by('parity', 'odd')];
              seen.push(odd.map((each) => each.value.value));
              return none;
            },
          }),
        },
      }),
    );
    for (const each of [1, 2, 3]) bench.store(count, { name: 'a' }, { value: each });
    bench.clock.settle();
    expect(seen).toEqual([[undefined, 3], [3]]);
    bench.store(count, { name: 'a' }, null);
    bench.clock.settle();
    expect(seen.slice(2)).toEqual([[3, undefined], []]);
    expect(views.revision()).toBe(4);
  });

  test('alarms ring once, are replaced by name and key, and can be cancelled', () => {
    const step = (_state: State, ask: Received<typeof noticed>): Effects =>
      ask.payload.text === 'cancel'
        ? [cancel('ring', ask.tokens.name)]
        : [after('ring', 100, { key: ask.tokens.name, payload: ask.payload.text })];
    bench.join(
      counter({
        routes: [on(noticed, step)],
        timers: {
          ring: once((state: State, due) => {
            state.log.push(`${due.key} ${due.payload}`);
            return none;
          }),
          tick: every(1_000, (state: State) => {
            state.log.push('tick');
            return none;
          }),
        },
      }),
    );
    bench.send(noticed, { name: 'a' }, { text: 'one' });
    bench.send(noticed, { name: 'b' }, { text: 'one' });
    bench.clock.advance(50);
    bench.send(noticed, { name: 'a' }, { text: 'two' });
    bench.send(noticed, { name: 'b' }, { text: 'cancel' });
    bench.clock.advance(900);
    expect(log).toEqual(['a two']);
    bench.clock.advance(1_000);
    expect(log).toEqual(['a two', 'tick']);
  });

  test('a job reports as often as it likes, each report a message', () => {
    const actor = counter({
      routes: [on(noticed, (_state, ask) => [run('count', ask.payload.text, 'memo')])],
      jobs: reported('count', (state: State, report: { outcome: number; memo: unknown }) => {
        state.log.push(`${report.outcome} ${report.memo}`);
        return none;
      }),
    });
    const job = (input: unknown, report: (outcome: unknown) => void): void => {
      report(Number(input));
      report(Number(input) + 1);
    };
    bench.join(actor, { jobs: { count: job } });
    bench.send(noticed, { name: 'a' }, { text: '1' });
    bench.clock.settle();
    expect(log).toEqual(['1 memo', '2 memo']);
  });

  test('draining takes nothing more and ends when what is under way is done', () => {
    const { host } = bench.join(counter(), { link: { transfer: () => 10, isUp: true } });
    let isAnswered = false;
    let isDrained = false;
    bench.send(
      add,
      { name: 'a' },
      { by: 1 },
      {
        answered: () => {
          isAnswered = true;
        },
      },
    );
    bench.clock.advance(15);
    host.drain(() => {
      isDrained = true;
    });
    expect(isDrained).toBe(false);
    bench.clock.advance(100);
    expect([isAnswered, isDrained, value('a')]).toEqual([true, true, 1]);
    bench.send(add, { name: 'a' }, { by: 1 });
    bench.clock.advance(100);
    expect(value('a')).toBe(1);
  });

  test('a step may put work on a queue, and take it', () => {
    const actor = counter({
      routes: [
        on(noticed, (_state, ask) => [
          work(addWork, { lane: 'one', name: ask.tokens.name }, { by: 7 }),
        ]),
        on(addWork, (_state, item: Received<typeof addWork>) => [
          commit(put(count, { name: item.tokens.name }, { value: item.payload.by })),
        ]),
      ],
    });
    bench.join(actor);
    bench.send(noticed, { name: 'a' }, { text: '' });
    bench.clock.settle();
    expect([value('a'), bench.server.items]).toEqual([7, 0]);
  });

  test('a message that never gets through is given up, answered and counted', () => {
    let isStealing = true;
    const { host } = bench.join(
      counter({
        routes: [
          on(add, (state: State, ask: Received<typeof add>, context: Ctx) => {
            // A rival writes between every decision and its commit.
            if (isStealing) bench.store(count, { name: 'a' }, { value: context.random() });
            return addStep(state, ask, context);
          }),
        ],
      }),
    );
    const answer = bench.ask(add, { name: 'a' }, { by: 1 });
    isStealing = false;
    expect(answer).toMatchObject({ ok: false, refusal: { code: 'conflict-persistent' } });
    expect(host.counters.conflicts).toBe(limits.attemptsMax);
    expect(bench.ask(add, { name: 'a' }, { by: 1 })).toMatchObject({ ok: true });
  });

  describe('refuses to begin what a step may not want', () => {
    const bad: Readonly<Record<string, (context: Ctx) => Effects>> = {
      'a fact before its commit': () => [
        publish(noticed, { name: 'a' }, { text: '' }),
        commit(put(count, { name: 'a' }, { value: 1 })),
      ],
      'one key twice': () => [
        commit(put(count, { name: 'a' }, { value: 1 })),
        commit(remove(count, { name: 'a' })),
      ],
      'a bad token': () => [publish(noticed, { name: 'a.b' }, { text: '' })],
      'a body over its limit': () => [publish(noticed, { name: 'a' }, { text: 'x'.repeat(200) })],
      'a timer nobody declared': () => [after('never', 1)],
      'a job nobody declared': () => [run('never', 1)],
    };
    test.each(Object.keys(bad))('%s', (name) => {
      const { host } = bench.join(
        counter({ routes: [on(add, (_s, _ask, context: Ctx) => bad[name]?.(context) ?? none)] }),
      );
      const answer = bench.ask(add, { name: 'a' }, { by: 1 });
      expect(answer).toMatchObject({ ok: false, refusal: { code: 'actor-fault' } });
      expect(host.counters.faults).toBe(1);
      expect(value('a')).toBeUndefined();
    });
  });
});
