/** Claims: handed out once, extended within bounds, released once, and over when their time is up. */
import { beforeEach, describe, expect, test } from 'vitest';
import { claim } from '../../../actors/claim/actor.ts';
import {
  claimAcquire,
  claimExtend,
  claimInspect,
  claimRelease,
  type HeldClaim,
  poolApply,
  poolRecord,
  slotRecord,
} from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';
import { Pooling } from '../../support/pooling.ts';

let world: Pooling;
beforeEach(() => {
  world = new Pooling();
  world.apply();
  world.warm();
});
const code = (answer: { readonly ok: boolean }) =>
  (answer as { readonly refusal?: { readonly code: string } }).refusal?.code;
const acquire = (more: object = {}, id?: string) => world.ask(claimAcquire, more, id);
const value = (answer: unknown) => (answer as { readonly value: HeldClaim }).value;

describe('to acquire', () => {
  test('hands out a ready slot with its place and its end, and another warms at once', () => {
    const claim = value(acquire({ ttl: '20s', by: 'me' }));
    expect(claim).toMatchObject({ pool: 'a', by: 'me', node: 'n1', isHeld: true, extended: 0 });
    expect(claim.until - claim.at).toBe(20_000);
    world.soon();
    expect(world.counts()).toEqual({ claimed: 1, ready: 1, warming: 1 });
  });

  test('hands out only what is on a node as it is wanted', () => {
    const placement = { labels: { zone: 'far' } };
    const none = acquire({ placement });
    expect(code(none)).toBe('pool-empty');
    expect(JSON.stringify(none)).toContain('2 ready ones are not for this claim');
    expect(code(acquire({ placement: { labels: {}, architecture: 'z80' } }))).toBe('pool-empty');
    world.label({ zone: 'far' });
    expect(value(acquire({ placement }))).toMatchObject({ node: 'n1', isHeld: true });
    expect(value(acquire({ placement: { labels: {} } }))).toMatchObject({ isHeld: true });
  });

  test('hands out nothing that is known to be ready no longer, although no keeper says so', () => {
    world.crash();
    const [bad, good] = world.slots('ready');
    world.see(bad?.slot ?? '', { isReady: false });
    expect(value(acquire())).toMatchObject({ claim: good?.slot });
    expect(code(acquire())).toBe('pool-empty');
    world.see(bad?.slot ?? '', { isReady: true });
    expect(value(acquire())).toMatchObject({ claim: bad?.slot });
  });

  test('hands out nothing of a node that is gone', () => {
    world.crash();
    world.lose();
    expect(code(acquire())).toBe('pool-empty');
  });

  test('is one write', () => {
    world.crash();
    const before = world.bench.server.side('shoal').revision;
    acquire();
    expect(world.bench.server.side('shoal').revision).toBe(before + 1);
  });

  test('lasts as long as the pool says where nobody says', () => {
    const claim = value(acquire());
    expect(claim.until - claim.at).toBe(10_000);
  });

  test('many at once on two copies get one slot each, and the rest hears that there is none', () => {
    world.crash();
    const answers: unknown[] = [];
    for (let index = 0; index < 20; index++) {
      const tokens = { tenant: 'default', pool: 'a' };
      const answered = (answer: unknown): void => void answers.push(answer);
      world.bench.send(claimAcquire, tokens, {}, { answered });
    }
    world.bench.clock.runUntil(() => answers.length === 20, 30_000, 'answers');
    const claims = answers.flatMap((each) => value(each)?.claim ?? []);
    expect(new Set(claims).size).toBe(2);
    expect(claims).toHaveLength(2);
    const codes = answers.map((each) => code(each as never)).filter((each) => each !== undefined);
    expect(new Set(codes)).toEqual(new Set(['pool-empty']));
  });

  test('the same ask again gets the slot it has', () => {
    const first = value(acquire({}, 'ask-1'));
    expect(value(acquire({}, 'ask-1'))).toEqual(first);
    expect(world.counts().claimed).toBe(1);
  });

  test('the same ask again, while the first is under way, takes no second slot', () => {
    // One copy alone: asks come to it one right after another.
    const bench = new Bench();
    const tokens = { tenant: 'default', pool: 'a' };
    bench.store(poolRecord, tokens, world.pool() ?? null);
    for (const slot of world.slots()) {
      bench.store(slotRecord, { ...tokens, slot: slot.slot }, slot);
    }
    bench.join(claim());
    const answers: unknown[] = [];
    const answered = (answer: unknown): void => void answers.push(value(answer)?.claim);
    for (let sent = 0; sent < 3; sent++) {
      bench.send(claimAcquire, tokens, {}, { id: 'ask-1', answered });
    }
    bench.clock.runUntil(() => answers.length === 3, 30_000, 'answers');
    expect(new Set(answers).size).toBe(1);
    const stored = world.slots().map(({ slot }) => bench.stored(slotRecord, { ...tokens, slot }));
    expect(stored.filter((each) => each?.state === 'claimed')).toHaveLength(1);
  });

  test('is refused for longer than the pool gives, for no time, and for less than none', () => {
    expect(code(acquire({ ttl: '61s' }))).toBe('ttl-too-long');
    expect(code(acquire({ ttl: '60s' }))).toBeUndefined();
  });

  test.each(['0s', '999ms', '-5s', 'long', '400d'])('a time of %s is no time', (ttl) => {
    expect(claimAcquire.schema.safeParse({ ttl }).success).toBe(false);
  });

  test('is refused where there is no such pool', () => {
    expect(code(world.ask(claimAcquire, {}, undefined, 'b'))).toBe('pool-not-found');
  });

  test('prefers slots of the newest template', () => {
    world.apply({ ready: 3, template: { command: ['other'], ports: [{ name: 'http' }] } });
    const [fresh] = world.slots('warming');
    world.see(fresh?.slot ?? '', { isReady: true });
    world.soon();
    expect(value(acquire()).claim).toBe(fresh?.slot);
  });
});

describe('to extend', () => {
  test('adds to the end, and the same ask again adds nothing', () => {
    const { claim, until } = value(acquire());
    world.pass(2_000);
    const extend = () => world.ask(claimExtend, { claim, by: '5s' }, 'ask-2');
    expect(value(extend())).toMatchObject({ until: until + 5_000, extended: 1 });
    expect(value(extend())).toMatchObject({ until: until + 5_000, extended: 1 });
    world.pass(12_500);
    expect(world.slot(claim)?.state).toBe('claimed');
    world.pass(1_500);
    expect(world.slot(claim)).toBeUndefined();
  });

  test('goes as far ahead as the pool gives, and no further', () => {
    const { claim } = value(acquire({ ttl: '10s' }));
    expect(code(world.ask(claimExtend, { claim, by: '51s' }))).toBe('ttl-too-long');
    expect(code(world.ask(claimExtend, { claim, by: '50s' }))).toBeUndefined();
  });

  test('is refused for a claim that is over, and for one that never was', () => {
    world.isHolding = true;
    const { claim } = value(acquire());
    world.ask(claimRelease, { claim });
    expect(code(world.ask(claimExtend, { claim, by: '5s' }))).toBe('claim-over');
    expect(code(world.ask(claimExtend, { claim: 'a-none', by: '5s' }))).toBe('claim-not-found');
    const [ready] = world.slots('ready');
    const unclaimed = { claim: ready?.slot, by: '5s' };
    expect(code(world.ask(claimExtend, unclaimed))).toBe('claim-not-found');
  });
});

describe('to release', () => {
  test('drains the slot, and says the second time that it was over', () => {
    world.isHolding = true;
    const { claim } = value(acquire());
    expect(value(world.ask(claimRelease, { claim }))).toMatchObject({ wasOver: false });
    expect(value(world.ask(claimRelease, { claim }))).toMatchObject({ wasOver: true, claim });
    expect(world.slot(claim)?.state).toBe('draining');
    expect(value(world.ask(claimInspect, { claim }))).toMatchObject({ isHeld: false });
  });

  test('is refused for what nobody has claimed', () => {
    const [ready] = world.slots('ready');
    expect(code(world.ask(claimRelease, { claim: ready?.slot }))).toBe('claim-not-found');
    expect(world.slot(ready?.slot ?? '')?.state).toBe('ready');
  });
});

describe('the end of a claim', () => {
  test('comes within a second of its time', () => {
    const { claim } = value(acquire());
    world.pass(9_900);
    expect(world.slot(claim)?.state).toBe('claimed');
    world.isHolding = true;
    world.pass(300);
    expect(world.slot(claim)).toMatchObject({ state: 'draining', last: { verb: 'expired' } });
  });

  test('comes after the actor was away, too', () => {
    const { claim } = value(acquire());
    world.crash();
    world.pass(30_000);
    expect(world.slot(claim)?.state).toBe('claimed');
    world.isHolding = true;
    world.start();
    world.pass(5_000);
    expect(world.slot(claim)?.state).toBe('draining');
  });

  test('is that of the newest end where a pool gives less by then', () => {
    const { claim } = value(acquire({ ttl: '60s' }));
    const spec = { ttl: '1s', maximumTtl: '2s' };
    expect(world.apply(spec)).toMatchObject({ ok: true });
    expect(poolApply.name).toBe('pool.apply');
    world.pass(50_000);
    expect(world.slot(claim)?.state).toBe('claimed');
  });
});
