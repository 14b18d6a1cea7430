/** Programs one version apart work together; further apart they say so and guess at nothing. */
import { beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineActor, follow, on, type Received } from '../../../actors/runtime/actor.ts';
import { ask } from '../../../actors/runtime/ask.ts';
import { commit, put, reply } from '../../../actors/runtime/effect.ts';
import type { LogFields } from '../../../actors/runtime/log.ts';
import { PROTOCOL_HEADER, TYPE_HEADER } from '../../../actors/runtime/ports.ts';
import type { View } from '../../../actors/runtime/view.ts';
import {
  apartness,
  contentType,
  encode,
  PROTOCOL,
  protocolIn,
  record,
  request,
  speaksWith,
} from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';

const roles = { from: ['gateway'], to: ['control'], summary: 'For a test.' } as const;
const sum = record({
  ...{ name: 'sum', subject: 'sum.{name}', bucket: 'shoal', bytesMax: 200, ...roles },
  schema: z.object({ value: z.number() }),
});
const add = request({
  ...{ name: 'sum.add', subject: 'shoal.sum.{name}.add', bytesMax: 200, ...roles },
  schema: z.object({}),
  reply: z.object({ value: z.number() }),
  timeoutMs: 1_000,
});
interface Sums {
  readonly sums: View<typeof sum>;
}
const adder = defineActor<object, Sums>({
  name: 'adder',
  sentence: 'Makes sure that sums grow.',
  init: () => ({}),
  routes: [
    on(add, (_state, { tokens, from }: Received<typeof add>, { views }) => {
      const before = views.sums.get(tokens) ?? { value: 0 };
      const after = { ...before, value: before.value + 1 };
      return [commit(put(sum, tokens, after)), reply(add, from, { value: after.value })];
    }),
  ],
  follows: { sums: follow(sum) },
  publishes: [],
  writes: [sum],
});
const one = { name: 'one' };
const FAR = PROTOCOL + 2;

let bench: Bench;
let warned: LogFields[];
let views: ReturnType<Bench['join']>['views'];
const log = {
  ...{ debug: () => undefined, info: () => undefined, error: () => undefined },
  warn: (_message: string, fields: LogFields = {}) => void warned.push(fields),
};
beforeEach(() => {
  bench = new Bench();
  warned = [];
  views = bench.join(adder, { log }).views;
});

/** Writes as a program of another version would. */
const writes = (protocol: number | undefined, value: object) => {
  const headers = protocol === undefined ? {} : { [PROTOCOL_HEADER]: String(protocol) };
  const body = new TextEncoder().encode(JSON.stringify(value));
  bench.server.write({ bucket: 'shoal', key: 'sum.one', body, expected: 'any', headers });
  bench.clock.settle();
};
const added = () => bench.ask(add, one, {});

describe('a stored value', () => {
  test.each([undefined, PROTOCOL, PROTOCOL + 1])('of protocol %s is read', (protocol) => {
    writes(protocol, { value: 4 });
    expect(added()).toEqual({ ok: true, value: { value: 5 } });
  });

  test('keeps what a newer program wrote when this one writes it again', () => {
    writes(PROTOCOL + 1, { value: 4, unit: 'm' });
    added();
    expect(bench.stored(sum, one)).toEqual({ value: 5, unit: 'm' });
  });

  test('says in which protocol it was written', () => {
    added();
    const stored = bench.server.side('shoal').keys.get('sum.one');
    expect(stored?.headers[PROTOCOL_HEADER]).toBe(String(PROTOCOL));
  });

  test('of a protocol too far ahead is left out and reported once, though it seems to fit', () => {
    writes(PROTOCOL, { value: 4 });
    writes(FAR, { value: 40 });
    expect(views.unreadable).toBe(1);
    const reason = `written in protocol ${FAR}; upgrade this program to ${FAR - 1} first`;
    expect(warned).toMatchObject([{ contract: 'sum', key: 'sum.one', reason }]);
    expect(added()).toMatchObject({ ok: false, refusal: { code: 'store-unavailable' } });
    expect(bench.stored(sum, one)).toEqual({ value: 40 });
  });
});

describe('an ask', () => {
  const asks = (protocol: number): unknown => {
    let answer: unknown;
    const headers = { [TYPE_HEADER]: contentType.json, [PROTOCOL_HEADER]: String(protocol) };
    const message = { subject: 'shoal.sum.one.add', body: encode(add, {}), headers };
    bench.outside.bus.request(message, 1_000, (outcome) => {
      answer = outcome.kind === 'answer' ? JSON.parse(new TextDecoder().decode(outcome.body)) : 0;
    });
    bench.clock.runUntil(() => answer !== undefined, 10_000, 'an answer');
    return answer;
  };

  test.each([PROTOCOL, PROTOCOL + 1])('of protocol %i is answered', (protocol) => {
    expect(asks(protocol)).toMatchObject({ ok: true });
  });

  test('from too far away is refused with what to upgrade, and changes nothing', () => {
    expect(asks(FAR)).toMatchObject({
      ok: false,
      refusal: {
        code: 'protocol-unsupported',
        status: 503,
        detail: expect.stringContaining(`upgrade this control plane to protocol ${FAR - 1} first`),
      },
    });
    expect(bench.stored(sum, one)).toBeUndefined();
  });

  test('says the protocol of who asks', () => {
    const seen: (string | undefined)[] = [];
    const { outside: ports } = bench;
    const request = (message: { headers: Readonly<Record<string, string>> }) =>
      void seen.push(message.headers[PROTOCOL_HEADER]);
    void ask({ ...ports, bus: { ...ports.bus, request } as never }, add, one, {});
    expect(seen).toEqual([String(PROTOCOL)]);
  });
});

describe('a protocol', () => {
  test('that is not said, or is no number, is the first', () => {
    expect([undefined, '', '0', '-1', 'x', '1.5', '3'].map(protocolIn)).toEqual([
      ...[1, 1, 1, 1, 1, 1, 3],
    ]);
  });

  test('works with the one before and the one after', () => {
    const apart = [-2, -1, 0, 1, 2];
    expect(apart.map((by) => speaksWith(PROTOCOL + by))).toEqual([false, true, true, true, false]);
  });

  test('too far away is said with the step that helps, in both directions', () => {
    expect(apartness('the gateway', PROTOCOL + 3, 'this one')).toMatch(
      `upgrade this one to protocol ${PROTOCOL + 2} first, or take the gateway back`,
    );
    expect(apartness('the gateway', PROTOCOL - 2, 'this one')).toMatch(
      `upgrade the gateway to protocol ${PROTOCOL - 1} first, or take this one back`,
    );
  });
});
