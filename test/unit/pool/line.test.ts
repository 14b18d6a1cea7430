/** The line before a pool: served in the order in which callers came, and rid of those who are gone. */
import { beforeEach, describe, expect, test } from 'vitest';
import {
  claimAcquire,
  claimLeave,
  claimRelease,
  claimWait,
  type HeldClaim,
  LINE_MAX,
  type PlaceInLine,
  poolApply,
  poolDelete,
  poolRecord,
  waitRecord,
} from '../../../subjects/index.ts';
import { Pooling, poolSpecOf } from '../../support/pooling.ts';

interface Told {
  readonly claim?: HeldClaim;
  readonly place?: PlaceInLine;
  readonly code?: string;
}

let world: Pooling;
beforeEach(() => {
  world = new Pooling();
});

test('an ask that comes twice has the last slot, though the first is claiming it', () => {
  let copies = 1;
  world = new Pooling({ transfer: () => 1, isUp: true, copies: () => copies });
  world.apply({ ready: 1, maximum: 1 });
  world.warm();
  copies = 2;
  const { claim, code } = wait('a', { wait: undefined });
  expect([claim?.isHeld, code]).toEqual([true, undefined]);
  expect(wait('b', { wait: undefined }).code).toBe('pool-empty');
});

const told = (answer: unknown): Told => {
  const { value, refusal } = answer as { value?: Told; refusal?: { readonly code: string } };
  return value ?? { code: refusal?.code ?? 'none' };
};
const placeName = (who: string) => `${who}${'0'.repeat(12)}`;
const wait = (who: string, more: object = {}) =>
  told(world.ask(claimWait, { place: placeName(who), wait: '1m', ...more }));
const leave = (who: string) => world.ask(claimLeave, { place: placeName(who) });
const acquire = () => told(world.ask(claimAcquire, {}));
const waiting = () => [...world.bench.server.stored('shoal')].filter(isWaiting).length;
const isWaiting = ({ key, body }: { readonly key: string; readonly body: unknown }) =>
  key.startsWith('wait.') && body !== null;
/** Everybody else asks again in time. */
const stay = (ms: number, ...others: readonly string[]) => {
  for (let left = ms; left > 0; left -= 500) {
    world.pass(Math.min(500, left));
    for (const who of others) wait(who);
  }
};

describe('where slots are ready', () => {
  beforeEach(() => {
    world.apply();
    world.warm();
  });

  test('nobody waits: a slot is had at once, and the same place has the same one', () => {
    const { claim } = wait('a', { ttl: '20s', by: 'me' });
    expect(claim).toMatchObject({ pool: 'a', by: 'me', isHeld: true });
    expect(wait('a').claim?.claim).toBe(claim?.claim);
    expect(wait('b').claim?.claim).not.toBe(claim?.claim);
    expect(waiting()).toBe(0);
  });

  test('the same place with something else is refused, whatever became of the claim', () => {
    const [digest, other] = ['a'.repeat(64), 'b'.repeat(64)];
    const { claim } = wait('a', { digest });
    expect(wait('a', { digest: other }).code).toBe('key-reused');
    expect(wait('a', { digest, wait: undefined }).claim?.claim).toBe(claim?.claim);
    // Who does not say what it asks for asks for the same.
    expect(wait('a').claim?.claim).toBe(claim?.claim);
    world.isHolding = true;
    world.ask(claimRelease, { claim: claim?.claim ?? '' });
    expect(wait('a', { digest: other }).code).toBe('key-reused');
    expect(wait('a', { digest }).code).toBe('claim-over');
    world.crash();
    world.start();
    world.pass(4_000);
    expect(wait('a', { digest: other }).code).toBe('key-reused');
  });

  test('nobody gets what is known to be ready no longer, before that stands in the store', () => {
    const [bad, good] = world.slots('ready').map(({ slot }) => slot);
    world.see(bad ?? '', { isReady: false });
    expect(wait('a').claim?.claim).toBe(good);
    expect(wait('b').place).toMatchObject({ position: 1 });
  });

  test('many copies of one ask at once have one slot', () => {
    const answers: Told[] = [];
    for (let index = 0; index < 8; index++) {
      const tokens = { tenant: 'default', pool: 'a' };
      const payload = { place: placeName('a'), wait: '1m' };
      const answered = (answer: unknown): void => void answers.push(told(answer));
      world.bench.send(claimWait, tokens, payload, { answered });
    }
    world.bench.clock.runUntil(() => answers.length === 8, 30_000, 'answers');
    expect(new Set(answers.map(({ claim }) => claim?.claim)).size).toBe(1);
    expect(world.counts()['claimed']).toBe(1);
  });

  test('who leaves after that gives it back', () => {
    wait('a');
    expect(leave('a')).toMatchObject({ value: { wasThere: true, claim: { isHeld: false } } });
    expect(world.counts()['claimed']).toBeUndefined();
    expect(wait('a').code).toBe('claim-over');
  });
});

describe('where none is ready', () => {
  beforeEach(() => {
    world.apply({ ready: 2, maximum: 4 });
  });

  test('callers stand in the order in which they came, and are served in it', () => {
    expect(wait('a').place).toMatchObject({ position: 1, waiting: 1, againMs: 1_000 });
    expect(wait('b').place).toMatchObject({ position: 2, waiting: 2 });
    expect(wait('c').place).toMatchObject({ position: 3, waiting: 3 });
    const [first] = world.slots('warming');
    world.see(first?.slot ?? '', { isReady: true });
    world.soon();
    expect(wait('c').place?.position).toBe(3);
    expect(wait('b').place?.position).toBe(2);
    expect(wait('a').claim?.claim).toBe(first?.slot);
    expect(wait('b').place?.position).toBe(1);
  });

  test('a place in line is that of who came first by its name', () => {
    const [digest, other] = ['a'.repeat(64), 'b'.repeat(64)];
    wait('a', { digest });
    expect(wait('a', { digest: other }).code).toBe('key-reused');
    expect(wait('a', { digest, wait: undefined }).place?.position).toBe(1);
  });

  test('who does not stand there gets none of what is theirs, and has what is left', () => {
    wait('a');
    world.warm();
    expect(acquire().code).toBe('pool-empty');
    expect(wait('x', { wait: undefined }).claim).toBeDefined();
    expect(wait('a').claim).toBeDefined();
    expect(acquire().claim).toBeDefined();
  });

  test('who cannot take what is ready keeps nobody back, and is not passed for what he can', () => {
    const placement = { labels: { zone: 'far' } };
    wait('a', { placement });
    wait('b');
    wait('c', { placement });
    world.warm();
    expect(acquire().code).toBe('pool-empty');
    expect(wait('a', { placement }).place?.position).toBe(1);
    expect(wait('b').claim).toBeDefined();
    expect(acquire().claim).toBeDefined();
    world.label({ zone: 'far' });
    world.soon();
    world.warm();
    expect(acquire().code).toBe('pool-empty');
    const plain = told(world.ask(claimAcquire, { placement }));
    expect(plain.code).toBe('pool-empty');
    expect(wait('a', { placement }).claim).toMatchObject({ node: 'n1' });
    expect(wait('c', { placement }).claim).toBeDefined();
  });

  test('more slots warm than are wanted ready, and no more than there may be', () => {
    for (const who of ['a', 'b', 'c', 'd', 'e']) wait(who);
    world.soon();
    expect(world.counts()).toEqual({ warming: 4 });
    for (const who of ['a', 'b', 'c', 'd', 'e']) leave(who);
    world.soon();
    expect(world.slots('warming')).toHaveLength(2);
  });

  test('who asks no more is gone, and the next one is served', () => {
    wait('a');
    wait('b');
    world.warm();
    stay(5_000, 'b');
    expect(waiting()).toBe(0);
    expect(world.counts()['claimed']).toBe(1);
  });

  test('who leaves lets the next one come', () => {
    wait('a');
    wait('b');
    expect(leave('a')).toMatchObject({ value: { wasThere: true } });
    expect(leave('a')).toMatchObject({ value: { wasThere: false } });
    expect(wait('b').place).toMatchObject({ position: 1, waiting: 1 });
  });

  test('a wait that is over ends, although its caller asks on', () => {
    wait('a', { wait: '2s' });
    const before = world.bench.stored(waitRecord, {
      ...{ tenant: 'default', pool: 'a', place: placeName('a') },
    });
    stay(4_500, 'a');
    world.pass(1_000);
    const after = world.bench.stored(waitRecord, {
      ...{ tenant: 'default', pool: 'a', place: placeName('a') },
    });
    expect(after?.at).not.toBe(before?.at);
  });

  test('the line outlives its keeper, and so does what slots took', () => {
    world.pass(3_000);
    world.warm();
    expect([acquire(), acquire()].map(({ claim }) => claim !== undefined)).toEqual([true, true]);
    world.soon();
    wait('a');
    expect(wait('b').place?.etaMs).toBeGreaterThan(2_000);
    expect(world.bench.stored(poolRecord, { tenant: 'default', pool: 'a' })?.pace).toBeDefined();
    world.crash();
    world.start();
    world.pass(4_000);
    expect(wait('b').place).toMatchObject({ position: 2, waiting: 2 });
    expect(wait('b').place?.etaMs).toBeDefined();
    world.warm();
    expect(wait('b').claim).toBeDefined();
    expect(wait('a').claim).toBeDefined();
  });

  test('what cannot be waited for is refused', () => {
    expect(wait('a', { wait: '11m' }).code).toBe('wait-too-long');
    expect(wait('a', { ttl: '2m' }).code).toBe('ttl-too-long');
    expect(wait('a', { wait: undefined }).code).toBe('pool-empty');
    const away = world.ask(claimWait, { place: placeName('a'), wait: '1s' }, undefined, 'none');
    expect(told(away).code).toBe('pool-not-found');
  });

  test('a line is as long as it may be', () => {
    for (let index = 0; index < LINE_MAX; index++) {
      const place = `full${String(index).padStart(8, '0')}`;
      const at = world.bench.clock.now();
      world.bench.store(
        waitRecord,
        { tenant: 'default', pool: 'a', place },
        { tenant: 'default', pool: 'a', place, at, until: at + 60_000 },
      );
    }
    world.soon();
    expect(wait('a').code).toBe('line-full');
  });

  test('nobody waits for a pool that ends', () => {
    wait('a');
    world.ask(poolDelete);
    world.soon();
    expect(waiting()).toBe(0);
    expect(wait('a').code).not.toBeUndefined();
  });
});

test('a pool that keeps none ready makes one for whoever waits', () => {
  const spec = poolSpecOf({ ready: 0, maximum: 1 });
  world.ask(poolApply, { wanted: { labels: {}, spec }, mode: 'put' });
  world.soon();
  expect(world.counts()).toEqual({});
  wait('a');
  world.soon();
  world.warm();
  const { claim } = wait('a');
  expect(claim).toBeDefined();
  wait('b');
  world.soon();
  expect(world.counts()).toEqual({ claimed: 1 });
  world.ask(claimRelease, { claim: claim?.claim ?? '' });
  world.soon();
  expect(world.counts()).toEqual({ warming: 1 });
});
