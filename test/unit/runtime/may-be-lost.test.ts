/** What may be lost is said once, after the commits, and nobody waits for it. */
import { beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineActor, follow, on, type Received } from '../../../actors/runtime/actor.ts';
import { commit, publish, put, reply } from '../../../actors/runtime/effect.ts';
import type { Outgoing, Ports } from '../../../actors/runtime/ports.ts';
import type { View } from '../../../actors/runtime/view.ts';
import { event, record, request } from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';

const roles = { from: ['gateway'], to: ['control'], summary: 'For a test.' } as const;
const note = record({
  name: 'note',
  subject: 'note.{name}',
  schema: z.object({ value: z.number() }),
  bytesMax: 100,
  bucket: 'shoal',
  indexes: {},
  ...roles,
});
const write = request({
  name: 'note.write',
  subject: 'shoal.note.{name}.write',
  schema: z.object({ value: z.number(), told: z.string() }),
  reply: z.object({}),
  bytesMax: 1_000,
  timeoutMs: 5_000,
  ...roles,
});
const why = event({
  name: 'note.why',
  subject: 'shoal.decision.default.{name}',
  schema: z.object({ told: z.string() }),
  bytesMax: 100,
  stream: 'DECISIONS',
  mayBeLost: true,
  ...roles,
});

const notes = defineActor<null, { readonly notes: View<typeof note> }>({
  name: 'notes',
  sentence: 'Makes sure that notes are written.',
  init: () => null,
  routes: [
    on(write, (_state, ask: Received<typeof write>) => {
      const { value, told } = ask.payload;
      return [
        commit(put(note, { name: ask.tokens.name }, { value })),
        publish(why, ask.tokens, { told }),
        reply(write, ask.from, {}),
      ];
    }),
  ],
  follows: { notes: follow(note) },
  publishes: [why],
  writes: [note],
});

describe('what may be lost', () => {
  let bench: Bench;
  let offered: { readonly message: Outgoing; readonly done: (isStored: boolean) => void }[];
  beforeEach(() => {
    bench = new Bench();
    offered = [];
  });

  /** An actor whose stream answers when the test says so. */
  function joined() {
    const { ports } = bench.connection();
    const append: Ports['bus']['append'] = (_stream, message, done) => {
      offered.push({ message, done });
    };
    return bench.join(notes, { ports: { ...ports, bus: { ...ports.bus, append } } }).host;
  }

  test('holds no key and ends the flow while the stream is silent', () => {
    const host = joined();
    for (const value of [1, 2, 3]) {
      expect(bench.ask(write, { name: 'a' }, { value, told: 'why' })).toMatchObject({ ok: true });
    }
    expect(bench.stored(note, { name: 'a' })).toEqual({ value: 3 });
    expect(offered).toHaveLength(3);
    expect(host.underWay).toBe(0);
    expect(host.counters).toMatchObject({ lost: 0, waits: 0 });
  });

  test('is counted when it is not stored, and not said again', () => {
    const host = joined();
    bench.ask(write, { name: 'a' }, { value: 1, told: 'why' });
    offered[0]?.done(false);
    bench.clock.advance(60_000);
    expect(offered).toHaveLength(1);
    expect(host.counters.lost).toBe(1);
  });

  test('is lost when it is too large to say, and what was decided stands', () => {
    const host = joined();
    const told = 'x'.repeat(200);
    expect(bench.ask(write, { name: 'a' }, { value: 1, told })).toMatchObject({ ok: true });
    expect(bench.stored(note, { name: 'a' })).toEqual({ value: 1 });
    expect(offered).toEqual([]);
    expect(host.counters).toMatchObject({ lost: 1, faults: 0 });
  });

  test('is said only by the attempt that was stored', () => {
    joined();
    bench.ask(write, { name: 'a' }, { value: 1, told: 'first' });
    let isAnswered = false;
    const answered = (): void => {
      isAnswered = true;
    };
    bench.send(write, { name: 'a' }, { value: 2, told: 'second' }, { answered });
    bench.store(note, { name: 'a' }, { value: 100 });
    bench.clock.runUntil(() => isAnswered, 5_000);
    expect(offered).toHaveLength(2);
    expect(bench.stored(note, { name: 'a' })).toEqual({ value: 2 });
  });
});
