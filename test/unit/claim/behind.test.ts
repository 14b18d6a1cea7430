/** A copy that has seen less than who asks does not say that something is missing. */
import { describe, expect, test } from 'vitest';
import { whenSeen } from '../../../actors/claim/behind.ts';
import type { Ctx, State } from '../../../actors/claim/state.ts';
import type { Received } from '../../../actors/runtime/actor.ts';
import { type Effects, refuse, reply } from '../../../actors/runtime/effect.ts';
import { claimAcquire, type HeldClaim, type RefusalCode } from '../../../subjects/index.ts';

type Ask = Received<typeof claimAcquire>;
const tokens = { tenant: 'default', pool: 'a' };
const state: State = { ready: new Map() };
const askOf = (seen: number | undefined): Ask => {
  return { payload: {}, tokens, id: 'ask-1', from: undefined, seen };
};
const at = (revision: number) => ({ revision }) as unknown as Ctx;
const saying = (code: RefusalCode) =>
  whenSeen<typeof claimAcquire>('acquire', (_state, ask) => [refuse(ask.from, code, 'so it is')]);
const codeOf = ([effect]: Effects) =>
  effect?.kind === 'reply' &&
  (effect.answer as { readonly refusal?: { readonly code: string } }).refusal?.code;

/** Lets its timer ring until it answers; how often that was, and the answer. */
function until(of: ReturnType<typeof saying>, first: Effects, revision: number) {
  let effects = first;
  let rung = 0;
  while (effects[0]?.kind === 'after' && rung < 1_000) {
    rung++;
    effects = of.again(state, { key: effects[0].key, payload: effects[0].payload }, at(revision));
  }
  return { rung, code: codeOf(effects) };
}

describe('an ask that rests on more than this copy has seen', () => {
  test.each(['pool-empty', 'pool-not-found', 'claim-not-found'] as const)(
    'is told %s only when the copy has seen as much',
    (code) => {
      const of = saying(code);
      const first = of.step(state, askOf(7), at(6));
      expect(first).toMatchObject([{ kind: 'after', name: 'acquire', key: 'ask-1' }]);
      expect(until(of, first, 7)).toEqual({ rung: 1, code });
    },
  );

  test('is told after a second what the copy knows: the rest may never reach it', () => {
    const of = saying('pool-empty');
    const { rung, code } = until(of, of.step(state, askOf(7), at(6)), 6);
    expect(code).toBe('pool-empty');
    expect(rung).toBe(100);
  });

  test('gets at once what there is', () => {
    const there = whenSeen<typeof claimAcquire>('acquire', (_state, ask) => [
      reply(claimAcquire, ask.from, {} as HeldClaim),
    ]);
    expect(there.step(state, askOf(7), at(6))[0]?.kind).toBe('reply');
    expect(codeOf(saying('ttl-too-long').step(state, askOf(7), at(6)))).toBe('ttl-too-long');
  });
});

test('who has seen no more, or does not say, is told at once', () => {
  expect(codeOf(saying('pool-empty').step(state, askOf(6), at(6)))).toBe('pool-empty');
  expect(codeOf(saying('pool-empty').step(state, askOf(undefined), at(6)))).toBe('pool-empty');
});
