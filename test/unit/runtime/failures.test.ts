/** What becomes of messages whose steps throw, and of work that cannot be done. */
import { beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { dead } from '../../../actors/dead/actor.ts';
import { deadJobs } from '../../../actors/dead/shell.ts';
import { LETTER_AGE_MS_MAX, LETTERS_MAX } from '../../../actors/dead/sweep.ts';
import {
  type Actor,
  defineActor,
  every,
  follow,
  on,
  type Received,
} from '../../../actors/runtime/actor.ts';
import { commit, type Effects, none, put, reply } from '../../../actors/runtime/effect.ts';
import { limits } from '../../../actors/runtime/limits.ts';
import { FAULTS_MAX, Quarantine } from '../../../actors/runtime/quarantine.ts';
import type { View } from '../../../actors/runtime/view.ts';
import {
  address,
  type DeadLetter,
  deadDrop,
  deadRecord,
  deadReplay,
  event,
  placeWork,
  record,
  request,
} from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';

const roles = { from: ['gateway'], to: ['control'], summary: 'For a test.' } as const;
const thing = record({
  name: 'thing',
  subject: 'thing.{name}',
  schema: z.object({ value: z.number() }),
  bytesMax: 100,
  bucket: 'shoal',
  ...roles,
});
const touch = request({
  name: 'thing.touch',
  subject: 'shoal.thing.{name}.touch',
  schema: z.object({}),
  reply: z.object({}),
  bytesMax: 100,
  timeoutMs: 1_000,
  ...roles,
});
const noticed = event({
  name: 'thing.noticed',
  subject: 'shoal.thing.{name}.noticed',
  schema: z.object({}),
  bytesMax: 100,
  ...roles,
});

interface Views {
  readonly things: View<typeof thing>;
}

describe('a message that makes its step throw', () => {
  let bench: Bench;
  let isBroken: boolean;
  let handled: string[];
  let escalated: string[];
  beforeEach(() => {
    bench = new Bench();
    isBroken = true;
    handled = [];
    escalated = [];
  });

  const look = (name: string): Effects => {
    if (name === 'poison' && isBroken) throw new Error('poison');
    handled.push(name);
    return none;
  };
  const actor = (more: Partial<Actor<object, Views>> = {}): Actor<object, Views> =>
    defineActor<object, Views>({
      name: 'taster',
      sentence: 'Makes sure that things are tasted.',
      init: () => ({}),
      routes: [
        on(noticed, (_state, { tokens }: Received<typeof noticed>) => look(tokens.name)),
        on(touch, (_state, ask: Received<typeof touch>) => [
          ...look(ask.tokens.name),
          reply(touch, ask.from, {}),
        ]),
        on(placeWork, (_state, { tokens }: Received<typeof placeWork>) => look(tokens.workload)),
      ],
      follows: { things: follow(thing) },
      publishes: [],
      writes: [thing],
      ...more,
    });
  const join = (more: Partial<Actor<object, Views>> = {}) =>
    bench.join(actor(more), { escalate: (reason) => escalated.push(reason) }).host;
  const letters = (): DeadLetter[] =>
    [...bench.server.stored('shoal')]
      .filter(({ key, body }) => key.startsWith('dead.') && body)
      .map(({ body }) => JSON.parse(new TextDecoder().decode(body as Uint8Array)));
  const notice = (name: string): void => {
    bench.send(noticed, { name }, {});
    bench.clock.advance(20);
  };
  const order = (workload: string): void =>
    bench.send(
      placeWork,
      { priority: 'normal', tenant: 'default', workload },
      { reason: 'a test' },
    );

  test('is set aside after a few times, with a letter; others go on', () => {
    const host = join();
    for (let count = 0; count < FAULTS_MAX + 5; count++) notice('poison');
    notice('honey');
    expect(host.counters.faults).toBe(FAULTS_MAX);
    expect(host.counters.quarantined).toBe(5);
    expect(handled).toEqual(['honey']);
    expect(letters()).toMatchObject([
      {
        actor: 'taster',
        contract: 'thing.noticed',
        about: 'shoal.thing.poison.noticed',
        reason: { code: 'actor-fault', detail: 'Error: poison' },
      },
    ]);
  });

  test('is tried again later, and then as if nothing had been', () => {
    const host = join();
    for (let count = 0; count < FAULTS_MAX; count++) notice('poison');
    isBroken = false;
    notice('poison');
    expect(handled).toEqual([]);
    bench.clock.advance(61_000);
    notice('poison');
    notice('poison');
    expect(handled).toEqual(['poison', 'poison']);
    expect(host.counters.faults).toBe(FAULTS_MAX);
  });

  test('is answered each time, also while it is set aside', () => {
    join();
    for (let count = 0; count < FAULTS_MAX + 2; count++) {
      const answer = bench.ask(touch, { name: 'poison' }, {});
      expect(answer).toMatchObject({ ok: false, refusal: { code: 'actor-fault' } });
    }
    expect(bench.ask(touch, { name: 'honey' }, {})).toMatchObject({ ok: true });
  });

  test('what throws while a change is folded in stays out; the rest of the state is there', () => {
    const known: string[] = [];
    const fold = (_state: object, change: { readonly tokens: { readonly name: string } }): void => {
      look(change.tokens.name);
      known.push(change.tokens.name);
    };
    bench.store(thing, { name: 'poison' }, { value: 1 });
    bench.store(thing, { name: 'honey' }, { value: 1 });
    const host = join({
      follows: { things: follow<typeof thing, object, Views>(thing, { fold }) },
    });
    bench.store(thing, { name: 'bread' }, { value: 1 });
    bench.clock.advance(100);
    expect(known).toContain('honey');
    expect(known).toContain('bread');
    expect(known).not.toContain('poison');
    expect(host.counters.faults).toBeGreaterThan(0);
  });

  test('a look at everything is never set aside; too many throws end the process', () => {
    join({
      timers: {
        listen: every(100, () => {
          throw new Error('always');
        }),
      },
    });
    bench.clock.advance((limits.faultsMax - 1) * 100 + 50);
    expect(escalated).toEqual([]);
    bench.clock.advance(200);
    expect(escalated[0]).toContain('steps threw');
  });

  test('a work item is tried with patience, then becomes a dead letter that holds it', () => {
    const host = join();
    order('poison');
    order('honey');
    bench.clock.advance(500);
    expect(handled).toEqual(['honey']);
    bench.clock.advance(120_000);
    expect(host.counters.faults).toBe(limits.deliveriesMax);
    expect(host.counters.dead).toBe(1);
    const [letter] = letters();
    expect(letter).toMatchObject({ contract: 'work.place', deliveries: limits.deliveriesMax });
    expect(letter?.payload).toEqual({ reason: 'a test' });
  });

  test('a work item no schema accepts is a dead letter at once', () => {
    const host = join();
    const tokens = { priority: 'normal', tenant: 'default', workload: 'w' } as const;
    const body = new TextEncoder().encode('{"reason":');
    bench.server.put({ subject: address(placeWork, tokens), body, headers: {} });
    bench.clock.advance(500);
    expect(host.counters.malformed).toBe(1);
    expect(letters()).toMatchObject([
      { reason: { code: 'request-malformed' }, deliveries: 1, excerpt: '{"reason":' },
    ]);
  });

  test('a letter is put back where it came from, and is gone when that is done', () => {
    join();
    bench.join(dead(), { jobs: deadJobs(bench.outside.queue) });
    order('poison');
    bench.clock.advance(120_000);
    const { actor: name, letter } = letters()[0] as DeadLetter;
    isBroken = false;
    expect(bench.ask(deadReplay, { actor: name, letter }, {})).toMatchObject({ ok: true });
    bench.clock.advance(5_000);
    expect(handled).toEqual(['poison']);
    expect(letters()).toEqual([]);
    expect(bench.ask(deadReplay, { actor: name, letter }, {})).toMatchObject({
      ok: false,
      refusal: { code: 'letter-not-found' },
    });
  });

  test('a letter whose message dies again stays', () => {
    join();
    bench.join(dead(), { jobs: deadJobs(bench.outside.queue) });
    order('poison');
    bench.clock.advance(120_000);
    const { actor: name, letter } = letters()[0] as DeadLetter;
    bench.ask(deadReplay, { actor: name, letter }, {});
    bench.clock.advance(120_000);
    expect(letters()).toMatchObject([{ letter }]);
    expect(letters()[0]?.replayedAt).toBeUndefined();
  });

  test('a replay that a crash cut short is finished by the next keeper', () => {
    const taster = join();
    order('poison');
    bench.clock.advance(120_000);
    const [cut] = letters() as [DeadLetter];
    isBroken = false;
    bench.store(deadRecord, cut, { ...cut, replayedAt: bench.clock.now() });
    bench.clock.advance(11_000);
    bench.join(dead(), { jobs: deadJobs(bench.outside.queue) });
    bench.clock.advance(5_000);
    expect(handled).toEqual(['poison']);
    expect(letters()).toEqual([]);
    expect(taster.counters.dead).toBe(1);
  });

  test('letters that tell of no work item cannot be put back, but dropped', () => {
    join();
    bench.join(dead(), { jobs: deadJobs(bench.outside.queue) });
    for (let count = 0; count < FAULTS_MAX; count++) notice('poison');
    bench.clock.advance(100);
    const { actor: name, letter } = letters()[0] as DeadLetter;
    expect(bench.ask(deadReplay, { actor: name, letter }, {})).toMatchObject({
      ok: false,
      refusal: { code: 'letter-not-replayable' },
    });
    expect(bench.ask(deadDrop, { actor: name, letter }, {})).toMatchObject({ ok: true });
    expect(letters()).toEqual([]);
  });

  test('letters have an end, by number and by age', () => {
    const { clock } = bench;
    const store = (letter: string, ageMs: number): void => {
      const at = clock.now() - ageMs;
      const reason = { code: 'actor-fault', detail: '' };
      const value = { actor: 'taster', letter, at, contract: 'c', about: 'a', reason };
      bench.store(deadRecord, { actor: 'taster', letter }, { ...value, deliveries: 1 });
    };
    for (let index = 0; index < LETTERS_MAX + 7; index++) store(`l${index}`, index);
    bench.join(dead(), { jobs: deadJobs(bench.outside.queue) });
    clock.advance(1_000);
    expect(letters()).toHaveLength(LETTERS_MAX);
    expect(letters().map((each) => each.letter)).not.toContain(`l${LETTERS_MAX}`);
    store('l0', LETTER_AGE_MS_MAX + 1);
    store('l1', LETTER_AGE_MS_MAX - 60_000);
    clock.advance(30_000);
    expect(letters().map((each) => each.letter)).not.toContain('l0');
    expect(letters().map((each) => each.letter)).toContain('l1');
    clock.advance(60_000);
    expect(letters().map((each) => each.letter)).not.toContain('l1');
  });
});

describe('a store that does not answer', () => {
  test('makes no dead letters: waiting is not failing', () => {
    const bench = new Bench();
    const actor = defineActor<object, Views>({
      name: 'writer',
      sentence: 'Makes sure that things are written.',
      init: () => ({}),
      routes: [on(placeWork, () => [commit(put(thing, { name: 'large' }, { value: 1 }, 'any'))])],
      follows: { things: follow(thing) },
      publishes: [],
      writes: [thing],
    });
    let isFull = true;
    const full = { kind: 'refused', reason: 'full' } as const;
    const { ports } = bench.connection();
    const store: typeof ports.store = Object.create(ports.store);
    store.write = (writes, done) => {
      if (isFull) bench.clock.soon(() => done(writes.map(() => full)));
      else ports.store.write(writes, done);
    };
    const { host } = bench.join(actor, { ports: { ...ports, store } });
    bench.send(placeWork, { priority: 'normal', tenant: 'default', workload: 'w' }, { reason: '' });
    bench.clock.advance(300_000);
    expect(host.counters.dead).toBe(0);
    expect(host.counters.abandoned).toBeGreaterThan(0);
    isFull = false;
    bench.clock.advance(60_000);
    expect(bench.stored(thing, { name: 'large' })).toEqual({ value: 1 });
  });
});

describe('the quarantine', () => {
  test('waits twice as long each time, up to an hour, and forgets what went well', () => {
    const quarantine = new Quarantine();
    const waits: number[] = [];
    let now = 0;
    for (let count = 0; count < 12; count++) {
      const until = quarantine.threw('a', now);
      if (until !== undefined) {
        waits.push(until - now);
        expect(quarantine.until('a', until - 1)).toBe(until);
        now = until;
      }
      expect(quarantine.until('a', now)).toBeUndefined();
    }
    expect(waits.slice(0, 3)).toEqual([60_000, 120_000, 240_000]);
    expect(waits.at(-1)).toBe(3_600_000);
    quarantine.clear('a');
    expect(quarantine.threw('a', now)).toBeUndefined();
  });

  test('remembers a limited number', () => {
    const quarantine = new Quarantine();
    for (let count = 0; count < FAULTS_MAX; count++) quarantine.threw('first', 0);
    for (let index = 0; index < 10_000; index++) quarantine.threw(`m${index}`, 0);
    expect(quarantine.until('first', 1)).toBeUndefined();
  });
});
