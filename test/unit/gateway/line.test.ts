/** A caller who waits for a slot: asks when it is its turn, hears where it stands, leaves when it is gone. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { CallAsk } from '../../../gateway/ask-actor.ts';
import { Turns } from '../../../gateway/line/turns.ts';
import { waitInLine } from '../../../gateway/line/wait.ts';
import {
  type HeldClaim,
  type PlaceInLine,
  poolRecord,
  type RefusalCode,
  refusal,
  slotRecord,
  waitRecord,
} from '../../../subjects/index.ts';
import { poolSpecOf } from '../../support/pooling.ts';
import { Hand } from './behind.ts';

const tokens = { tenant: 'default', pool: 'web' };
const place: PlaceInLine = { position: 1, waiting: 2, etaMs: 3_000, until: 9, againMs: 60_000 };
const claim: HeldClaim = {
  ...{ ...tokens, claim: 'web-1', at: 1, until: 2, extended: 0, isHeld: true },
  ...{ node: 'n1', address: '127.0.0.1', ports: {} },
};
const mine = 'minemineminemine';
type Told = { readonly claim?: HeldClaim; readonly place?: PlaceInLine } | RefusalCode;

let hand: Hand;
let turns: Turns;
let asked: string[];
let answers: Told[];
let gone: AbortController;
let told: PlaceInLine[];
const last = { verb: 'made', at: 1, message: '' };
beforeEach(() => {
  hand = new Hand();
  turns = new Turns(hand.known);
  gone = new AbortController();
  [asked, answers, told] = [[], [], []];
  hand.put(poolRecord, tokens, {
    ...{ tenant: 'default', name: 'web', labels: {}, spec: poolSpecOf(), generation: 1 },
    ...{ templateGeneration: 1, createdAt: 1, last },
  });
});
const stands = (name: string) =>
  hand.put(
    waitRecord,
    { ...tokens, place: name },
    { ...tokens, place: name, at: 1, until: 60_000 },
  );
const slot = (name: string, state: 'ready' | 'claimed') =>
  hand.put(
    slotRecord,
    { ...tokens, slot: name },
    { ...tokens, slot: name, state, generation: 1, createdAt: 1, changedAt: 1, last },
  );
const ask: CallAsk = async (contract) => {
  asked.push(contract.name);
  if (contract.name === 'claim.leave') return { ok: true, value: { wasThere: true } } as never;
  const next = answers.shift() ?? 'actor-fault';
  if (typeof next !== 'string') return { ok: true, value: next } as never;
  return { ok: false, refusal: refusal(next, 'so be it') };
};
const wait = (span = '30s', isKept = false) =>
  waitInLine(
    { ask, turns },
    {
      ...{ tokens, waiting: { place: mine, wait: span, isKept }, gone: gone.signal },
      tell: (each) => told.push(each),
    },
  );
/** Everything that is due now is done. */
const settle = async () => {
  for (let round = 0; round < 5; round++) await new Promise((resolve) => setImmediate(resolve));
};

describe('a caller', () => {
  test('who has a slot at once stands nowhere', async () => {
    answers = [{ claim }];
    expect(await wait()).toEqual({ ok: true, value: claim });
    expect([asked, told]).toEqual([['claim.wait'], []]);
  });

  test('asks again when a slot is ready for its place, and not before', async () => {
    answers = [{ place }, { claim }];
    stands('firstinthisline');
    stands(mine);
    const ended = wait();
    await settle();
    slot('web-1', 'ready');
    await settle();
    expect([asked, told, turns.size]).toEqual([['claim.wait'], [place], 1]);
    slot('web-2', 'ready');
    expect(await ended).toEqual({ ok: true, value: claim });
    expect([asked, turns.size]).toEqual([['claim.wait', 'claim.wait'], 0]);
  });

  test('asks again when what is ready suits nobody before it', async () => {
    answers = [{ place }, { claim }];
    const placement = { labels: { zone: 'far' } };
    hand.put(
      waitRecord,
      { ...tokens, place: 'choosychoosy' },
      { ...tokens, place: 'choosychoosy', at: 1, until: 60_000, placement },
    );
    stands(mine);
    const ended = wait();
    await settle();
    slot('web-1', 'ready');
    expect(await ended).toEqual({ ok: true, value: claim });
  });

  test('does not sleep over what was there before it slept', async () => {
    answers = [{ place }, { claim }];
    stands(mine);
    slot('web-1', 'ready');
    expect(await wait()).toEqual({ ok: true, value: claim });
  });

  test('asks again in time so that it is known to be there', async () => {
    answers = [{ place: { ...place, againMs: 1 } }, { place: { ...place, againMs: 1 } }, { claim }];
    expect((await wait()).ok).toBe(true);
    expect(told).toHaveLength(2);
  });

  test('waits on while the keeper of the line is away', async () => {
    answers = ['actor-unavailable', { claim }];
    expect((await wait()).ok).toBe(true);
  });

  test('whose wait is over leaves, and hears where it stood', async () => {
    answers = Array.from({ length: 9 }, () => ({ place }));
    const answer = await wait('1ms');
    const detail = '1ms are over: number 1 of 2 in line, about 3 s more';
    expect(answer).toMatchObject({ ok: false, refusal: { code: 'wait-over', detail } });
    expect(asked.at(-1)).toBe('claim.leave');
  });

  test('who is gone leaves', async () => {
    answers = [{ place }, { place }];
    const ended = wait();
    await settle();
    gone.abort();
    await ended;
    expect(asked).toEqual(['claim.wait', 'claim.wait', 'claim.leave']);
  });

  test('who is gone when it is its turn gives the slot back', async () => {
    answers = [{ claim }];
    gone.abort();
    expect((await wait()).ok).toBe(false);
    expect(asked).toEqual(['claim.wait', 'claim.leave']);
  });

  test('who is gone and may come back keeps its place, and what it has by then', async () => {
    answers = [{ place }, { place }];
    const ended = wait('30s', true);
    await settle();
    gone.abort();
    expect((await ended).ok).toBe(false);
    expect(asked).toEqual(['claim.wait', 'claim.wait']);
    answers = [{ claim }];
    expect(await wait('30s', true)).toEqual({ ok: true, value: claim });
    expect(asked.at(-1)).toBe('claim.wait');
  });

  test('is told when the gateway stops', async () => {
    answers = [{ place }, { place }];
    const ended = wait();
    await settle();
    turns.stop();
    expect(await ended).toMatchObject({ ok: false, refusal: { code: 'gateway-stopping' } });
  });

  test('is refused what nobody waits for', async () => {
    answers = ['pool-not-found'];
    expect(await wait()).toMatchObject({ ok: false, refusal: { code: 'pool-not-found' } });
    expect(asked).toEqual(['claim.wait']);
  });
});
