import { beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  type Actor,
  type Context,
  defineActor,
  every,
  follow,
  on,
  type Received,
} from '../../../actors/runtime/actor.ts';
import { commit, type Effects, none, put, reply } from '../../../actors/runtime/effect.ts';
import { readHistory } from '../../../actors/runtime/recording/history.ts';
import { listenForRecording } from '../../../actors/runtime/recording/listen.ts';
import { replay } from '../../../actors/runtime/recording/replay.ts';
import type { View } from '../../../actors/runtime/view.ts';
import {
  debugFrame,
  debugSwitch,
  decode,
  type Frame,
  pattern,
  RECORDING_MS_MAX,
  record,
  request,
} from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';

const roles = { from: ['gateway'], to: ['control'], summary: 'For a test.' } as const;
const count = record({
  name: 'count',
  subject: 'count.{name}',
  schema: z.object({ value: z.number(), text: z.string().optional() }),
  bytesMax: 900_000,
  bucket: 'shoal',
  indexes: { parity: (one) => (one.value % 2 ? 'odd' : 'even') },
  ...roles,
});
const add = request({
  name: 'count.add',
  subject: 'shoal.count.{name}.add',
  schema: z.object({ by: z.number() }),
  reply: z.object({ value: z.number(), odd: z.number(), luck: z.number(), asks: z.number() }),
  bytesMax: 100,
  timeoutMs: 5_000,
  ...roles,
});

interface Views {
  readonly counts: View<typeof count>;
}
interface State {
  /** Sums, folded. */
  readonly sums: Map<string, number>;
  readonly seen: Set<string>;
  asks: number;
}

/** Reads by key, by group and all; has chance, time, and a private state that steps change. */
function addStep(state: State, ask: Received<typeof add>, context: Context<Views>): Effects {
  const { name } = ask.tokens;
  if (ask.payload.by < 0) throw new Error('never less');
  state.asks++;
  state.seen.add(name);
  const { counts } = context.views;
  const value = (counts.get({ name })?.value ?? 0) + ask.payload.by;
  const odd = [...counts.by('parity', 'odd')].length + [...counts.entries()].length;
  const luck = Math.floor(context.random() * 1e6);
  const { asks } = state;
  return [
    commit(put(count, { name }, { value })),
    reply(add, ask.from, { value, odd, luck, asks: asks + (state.sums.get(`count.${name}`) ?? 0) }),
  ];
}

const counter = (more: Partial<Actor<State, Views>> = {}): Actor<State, Views> =>
  defineActor<State, Views>({
    name: 'counter',
    sentence: 'Makes sure that counts add up.',
    init: () => ({ sums: new Map(), seen: new Set(), asks: 0 }),
    routes: [on(add, addStep)],
    follows: {
      counts: follow<typeof count, State, Views>(count, {
        fold: (state, { key, after }) => state.sums.set(key, after?.value ?? 0),
        changed: () => none,
      }),
    },
    timers: { tick: every(1_000, () => none) },
    publishes: [],
    writes: [count],
    ...more,
  });
const plain = (more: Partial<Actor<State, Views>> = {}): Actor => counter(more) as unknown as Actor;

describe('a recording', () => {
  let bench: Bench;
  let frames: Frame[];
  const lines = (of: readonly Frame[] = frames): string =>
    of.map((each) => JSON.stringify(each)).join('\n');
  const recordings = (of: readonly Frame[] = frames) => {
    const history = readHistory(lines(of));
    if (!history.ok) throw new Error(`${history.line}: ${history.reason}`);
    return history.recordings;
  };
  const replayed = (actor: Actor, of: readonly Frame[] = frames) => {
    const [first] = recordings(of);
    if (!first) throw new Error('nothing was recorded');
    return replay(actor, first);
  };
  const kinds = (): (string | undefined)[] => frames.map(({ entry }) => entry?.kind);

  beforeEach(() => {
    bench = new Bench();
    frames = [];
    bench.outside.bus.subscribe(pattern(debugFrame), undefined, ({ body }) => {
      const frame = decode(debugFrame, body);
      if (!frame.ok) throw new Error(frame.reason);
      frames.push(frame.value);
    });
  });
  const join = () => {
    const joined = bench.join(counter());
    listenForRecording(joined.connection.ports, joined.host);
    bench.clock.settle();
    return joined;
  };
  const order = (forMs: number) => bench.ask(debugSwitch, { actor: 'counter' }, { forMs });

  test('says nothing before it is asked for, and nothing after its time', () => {
    join();
    bench.ask(add, { name: 'a' }, { by: 1 });
    expect(frames).toEqual([]);
    order(5_000);
    bench.clock.advance(60_000);
    bench.ask(add, { name: 'a' }, { by: 1 });
    expect(kinds()[0]).toBe('began');
    expect(kinds().at(-1)).toBe('ended');
    expect(frames.at(-1)?.entry).toEqual({ kind: 'ended', why: 'time' });
  });

  test('ends when it is told to, and another takes its place when asked for again', () => {
    join();
    order(60_000);
    order(60_000);
    order(0);
    bench.clock.settle();
    expect(frames.map(({ entry }) => (entry?.kind === 'ended' ? entry.why : entry?.kind))).toEqual([
      'began',
      'again',
      'began',
      'asked',
    ]);
    expect(recordings()).toHaveLength(2);
  });

  test('is refused for longer than anybody looks', () => {
    join();
    const answer = order(RECORDING_MS_MAX + 1);
    expect(answer).toMatchObject({ ok: false, refusal: { code: 'request-malformed' } });
    expect(frames).toEqual([]);
  });

  test('decides the same when it is run again: reads, chance, time and private state', () => {
    join();
    bench.ask(add, { name: 'b' }, { by: 3 });
    order(60_000);
    for (const [name, by] of [
      ['a', 1],
      ['b', 2],
      ['a', 5],
      ['c', 8],
    ] as const) {
      bench.ask(add, { name }, { by });
    }
    bench.clock.advance(3_000);
    const result = replayed(plain());
    expect(result).toMatchObject({ skipped: 0, missing: 0, first: undefined });
    expect(result.steps).toBeGreaterThanOrEqual(10);
    const outcomes = frames.flatMap(({ entry }) => (entry?.kind === 'outcome' ? [entry] : []));
    expect(outcomes).toHaveLength(4);
    expect(outcomes[0]).toMatchObject({ outcome: 'done', revision: 2 });
  });

  test('names the first effect that another build would want otherwise', () => {
    join();
    order(60_000);
    bench.ask(add, { name: 'a' }, { by: 1 });
    const generous = on<typeof add, State, Views>(add, (state, ask, context) =>
      addStep(state, { ...ask, payload: { by: ask.payload.by + 1 } }, context),
    );
    const { first } = replayed(plain({ routes: [generous] }));
    expect(first).toMatchObject({ label: 'count.add', path: 'effects[0].puts[0].value.value' });
    expect(first).toMatchObject({ recorded: 1, now: 2 });
  });

  test('notices a fold that has changed by what a later step decides', () => {
    join();
    bench.ask(add, { name: 'a' }, { by: 1 });
    order(60_000);
    bench.ask(add, { name: 'a' }, { by: 1 });
    bench.ask(add, { name: 'a' }, { by: 1 });
    const follows = {
      counts: follow<typeof count, State, Views>(count, { changed: () => none, fold: () => 0 }),
    };
    expect(replayed(plain({ follows })).first?.path).toBe('effects[1].answer.value.asks');
  });

  test('notices a step that reads what it did not read then', () => {
    join();
    order(60_000);
    bench.ask(add, { name: 'a' }, { by: 1 });
    const curious = on<typeof add, State, Views>(add, (state, ask, context) => {
      context.views.counts.get({ name: 'z' });
      return addStep(state, ask, context);
    });
    const { first } = replayed(plain({ routes: [curious] }));
    expect(first).toMatchObject({ path: 'reads' });
    expect(first?.now).toContain('count.z');
  });

  test('tells a value once, and again when it is new', () => {
    join();
    order(60_000);
    bench.ask(add, { name: 'a' }, { by: 1 });
    bench.ask(add, { name: 'b' }, { by: 1 });
    bench.ask(add, { name: 'b' }, { by: 1 });
    const told = frames.flatMap(({ entry }) =>
      entry && 'values' in entry
        ? entry.values.map(({ key, revision }) => `${key}@${revision}`)
        : [],
    );
    expect(told).toEqual(['count.a@0', 'count.b@0', 'count.a@1', 'count.b@2']);
  });

  test('says what a throw was, and goes on from the private state that was made anew', () => {
    join();
    order(60_000);
    bench.ask(add, { name: 'a' }, { by: 1 });
    bench.ask(add, { name: 'a' }, { by: -1 });
    bench.ask(add, { name: 'a' }, { by: 1 });
    expect(kinds()).toContain('rebuilt');
    expect(replayed(plain())).toMatchObject({ first: undefined, skipped: 0 });
    const brave = on<typeof add, State, Views>(add, () => none);
    expect(replayed(plain({ routes: [brave] })).first).toMatchObject({ label: 'count.add' });
  });

  test('a frame that was lost is missed by its number, and nothing after it is judged', () => {
    join();
    order(60_000);
    bench.ask(add, { name: 'a' }, { by: 1 });
    bench.ask(add, { name: 'a' }, { by: 1 });
    const lost = frames.findIndex(({ entry }) => entry?.kind === 'step');
    const rest = frames.filter((_, index) => index !== lost);
    const result = replayed(plain(), rest);
    expect(result).toMatchObject({ missing: 1, first: undefined, steps: 0 });
    expect(result.skipped).toBeGreaterThan(0);
  });

  test('an entry that is too long for a frame comes in parts, and is whole again', () => {
    join();
    bench.store(count, { name: 'long' }, { value: 1, text: '"ä\\'.repeat(120_000) });
    bench.clock.settle();
    order(60_000);
    bench.ask(add, { name: 'long' }, { by: 1 });
    const parts = frames.filter(({ part }) => part !== undefined);
    expect(parts.length).toBeGreaterThan(1);
    expect(replayed(plain())).toMatchObject({ missing: 0, skipped: 0, first: undefined });
    const without = frames.filter((each) => each !== parts[1]);
    expect(replayed(plain(), without).missing).toBeGreaterThan(0);
  });

  test('that says too much ends, and says so', () => {
    join();
    order(60_000);
    for (let index = 0; index < 90; index++) {
      bench.store(count, { name: 'a' }, { value: index, text: 'x'.repeat(880_000) });
      bench.clock.settle();
    }
    expect(frames.at(-1)?.entry).toEqual({ kind: 'ended', why: 'size' });
    expect(bench.ask(add, { name: 'b' }, { by: 1 })).toMatchObject({ ok: true });
  });

  test('changes nothing: the actor answers the same with and without one', () => {
    const run = (isRecorded: boolean): unknown[] => {
      bench = new Bench();
      const { host } = bench.join(counter({ timers: {} }));
      if (isRecorded) host.recorder.start(60_000);
      return [1, 2, 3].map((by) => bench.ask(add, { name: `n${by % 2}` }, { by }, `m${by}`));
    };
    expect(run(true)).toEqual(run(false));
  });
});

describe('a history', () => {
  test.each([
    ['that is no JSON', '{"a":', 1],
    ['of something else', '\n{"a":1}', 2],
    ['of an empty frame', '{"recording":"r","copy":"c","seq":0,"at":1}', 1],
  ])('%s is refused with its line', (_, text, line) => {
    expect(readHistory(text)).toMatchObject({ ok: false, line });
  });
});
