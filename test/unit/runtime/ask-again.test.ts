/** An ask reaches somebody who answers, although one of those who listen stands still. */
import { beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineActor, on, type Received } from '../../../actors/runtime/actor.ts';
import { paceOf, TRY_MS } from '../../../actors/runtime/answer-pace.ts';
import { ask } from '../../../actors/runtime/ask.ts';
import { refuse, reply } from '../../../actors/runtime/effect.ts';
import { type Answer, request } from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';

const roles = { from: ['gateway'], to: ['control'], summary: 'For a test.' } as const;
const look = request({
  name: 'thing.look',
  subject: 'shoal.thing.look',
  schema: z.object({}),
  reply: z.object({ by: z.string() }),
  bytesMax: 100,
  timeoutMs: 1_000,
  ...roles,
});

describe('an ask', () => {
  let bench: Bench;
  /** Ids under which it was heard. */
  let heard: string[];
  let answers: Answer<{ by: string }>[];
  beforeEach(() => {
    bench = new Bench();
    heard = [];
    answers = [];
  });

  /** One that is connected and never answers. */
  const frozen = (): void =>
    void bench.connection().ports.bus.subscribe('shoal.thing.look', 'looker', (message) => {
      heard.push(message.headers['Nats-Msg-Id'] ?? '');
    });
  const copy = (isElsewhere = () => false) =>
    bench.join(
      defineActor<object, object>({
        name: 'looker',
        sentence: 'Makes sure that things are looked at.',
        init: () => ({}),
        routes: [
          on(look, (_state, message: Received<typeof look>) => {
            heard.push(message.id);
            return isElsewhere()
              ? [refuse(message.from, 'actor-unavailable', 'elsewhere')]
              : [reply(look, message.from, { by: 'copy' })];
          }),
        ],
        follows: {},
        publishes: [],
        writes: [],
      }),
    );
  const send = (withinMs?: number): void =>
    void ask(bench.outside, look, {}, {}, withinMs === undefined ? {} : { withinMs }).then(
      ({ answer }) => void answers.push(answer as Answer<{ by: string }>),
    );
  /** Lets time pass, and what promises wait for with it. */
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 10) {
      bench.clock.advance(10);
      await Promise.resolve();
      await Promise.resolve();
      await Promise.resolve();
    }
  };

  test('goes to another copy when the first one it reached stands still, under the same id', async () => {
    frozen();
    copy();
    for (let count = 0; count < 10; count++) send();
    await pass(7 * TRY_MS);
    expect(answers).toHaveLength(10);
    expect(answers.every((each) => each.ok)).toBe(true);
    expect(heard.length).toBeGreaterThan(10);
    expect(new Set(heard).size).toBe(10);
  });

  test('is answered by the first try although a later one was made meanwhile', async () => {
    let calls = 0;
    bench.connection().ports.bus.subscribe('shoal.thing.look', 'looker', (message) => {
      calls++;
      if (calls > 1) return;
      const body = new TextEncoder().encode('{"ok":true,"value":{"by":"slow"}}');
      bench.clock.after(3 * TRY_MS, () => message.reply?.(body, {}));
    });
    send();
    await pass(3 * TRY_MS + 20);
    expect(answers).toMatchObject([{ ok: true, value: { by: 'slow' } }]);
  });

  test('is sent once where every answer is slow, and soon where answers are quick again', async () => {
    let tookMs = 2 * TRY_MS - 50;
    bench.connection().ports.bus.subscribe('shoal.thing.look', 'looker', (message) => {
      heard.push(message.headers['Nats-Msg-Id'] ?? '');
      const body = new TextEncoder().encode('{"ok":true,"value":{"by":"slow"}}');
      bench.clock.after(tookMs, () => message.reply?.(body, {}));
    });
    const round = async (count: number): Promise<number> => {
      heard = [];
      for (let index = 0; index < count; index++) send(6_000);
      await pass(3 * TRY_MS);
      return heard.length;
    };
    // Nobody knows yet that answers are slow; those of that moment are what tells.
    expect(await round(10)).toBe(20);
    expect(await round(10)).toBe(10);
    tookMs = 10;
    await round(50);
    tookMs = 10 * TRY_MS;
    expect(await round(1)).toBeGreaterThanOrEqual(3);
  });

  test('makes nobody patient with a copy that stands still while others answer', async () => {
    frozen();
    copy();
    for (let count = 0; count < 40; count++) send();
    await pass(7 * TRY_MS);
    expect(answers.length).toBeGreaterThan(30);
    expect(paceOf(bench.outside.bus, look.name).tryMs).toBe(TRY_MS);
  });

  test('that nobody hears waits for somebody to come, and is refused in the end', async () => {
    send(1_000);
    await pass(500);
    expect(answers).toEqual([]);
    copy();
    await pass(2 * TRY_MS);
    expect(answers).toMatchObject([{ ok: true }]);
    bench = new Bench();
    send(1_000);
    await pass(1_100);
    expect(answers[1]).toMatchObject({ ok: false, refusal: { code: 'actor-unavailable' } });
  });

  test('that a copy gives back because it acts no longer is asked again', async () => {
    let isElsewhere = true;
    copy(() => isElsewhere);
    send();
    await pass(100);
    isElsewhere = false;
    await pass(500);
    expect(answers).toMatchObject([{ ok: true }]);
  });

  test('that rests on too old a look is asked anew, with what its sender has seen by then', async () => {
    let seen = 7;
    const told: (number | undefined)[] = [];
    bench.connection().ports.bus.subscribe('shoal.thing.look', 'looker', (message) => {
      const known = Number(message.headers['Shoal-Seen']);
      told.push(known);
      const no = { ok: false, refusal: { code: 'ask-outdated', detail: 'gone at 9' } };
      const answer = known < 9 ? no : { ok: true, value: { by: 'copy' } };
      message.reply?.(new TextEncoder().encode(JSON.stringify(answer)), {});
    });
    const options = { seen: () => seen };
    void ask(bench.outside, look, {}, {}, options).then(
      ({ answer }) => void answers.push(answer as Answer<{ by: string }>),
    );
    await pass(100);
    expect(answers).toEqual([]);
    seen = 9;
    await pass(500);
    expect(answers).toMatchObject([{ ok: true }]);
    expect(told).toEqual([7, 9]);
  });

  test('is repeated a limited number of times', async () => {
    frozen();
    send(2_000);
    await pass(10_000);
    expect(answers).toMatchObject([{ ok: false, refusal: { code: 'actor-unavailable' } }]);
    expect(heard.length).toBeLessThanOrEqual(2_000 / TRY_MS);
  });
});
