/** Claims with a hand-off: told when it is done, on another slot when it fails, and of a line in its order. */
import { beforeEach, describe, expect, test } from 'vitest';
import { defineActor, on, type Received } from '../../../actors/runtime/actor.ts';
import { refuse, reply } from '../../../actors/runtime/effect.ts';
import {
  claimLeave,
  claimRelease,
  claimWait,
  type HandingOff,
  HEEDS_HAND_OFF,
  type HeldClaim,
  nodeHandOff,
  nodeRecord,
  type PlaceInLine,
  type ReplyOf,
  type Slot,
} from '../../../subjects/index.ts';
import { Pooling } from '../../support/pooling.ts';
import { nodeOf } from '../../support/records.ts';

interface Told {
  readonly claim?: HeldClaim;
  readonly place?: PlaceInLine;
  readonly handingOff?: HandingOff;
  readonly code?: string;
  readonly detail?: string;
}
type Asked = Received<typeof nodeHandOff>['payload'];
type Came = Omit<ReplyOf<typeof nodeHandOff>, 'node'> | 'silent' | 'unknown' | 'not yet' | 'busy';

const node = 'n1';
const handOff = { command: ['set', 'up'], timeout: '10s' };
const drivers = { process: { enforces: [], notEnforced: {}, heeds: [HEEDS_HAND_OFF] } };

let world: Pooling;
/** What the agent was asked, and what it says. */
let asked: Asked[];
let says: (of: Asked) => Came;

beforeEach(() => {
  world = new Pooling();
  world.bench.store(nodeRecord, { node }, { ...nodeOf(node), drivers });
  asked = [];
  says = () => ({ exitCode: 0, output: 'done\n' });
  const step = (_: object, { payload, from }: Received<typeof nodeHandOff>) => {
    asked.push(payload);
    const came = says(payload);
    if (came === 'silent') return [];
    if (came === 'not yet') return [refuse(from, 'instance-not-running', 'it is not on this node')];
    if (came === 'busy') return [refuse(from, 'overloaded', 'it has 64 under way')];
    if (came === 'unknown') return [refuse(from, 'hand-off-unknown', 'nobody knows')];
    return [reply(nodeHandOff, from, { node, ...came })];
  };
  world.bench.join(
    defineActor<object, object>({
      ...{ name: 'agent', sentence: 'Makes sure that tests have an agent.', init: () => ({}) },
      routes: [on(nodeHandOff, step, { tokens: { node } })],
      ...{ follows: {}, publishes: [], writes: [] },
    }),
  );
});

const told = (answer: unknown): Told => {
  const { value, refusal } = answer as { value?: Told; refusal?: { code: string; detail: string } };
  return value ?? { code: 'none', ...refusal };
};
const placeName = (who: string) => `${who}${'0'.repeat(12)}`;
const wait = (who: string, more: object = {}) =>
  told(world.ask(claimWait, { place: placeName(who), handOff, ...more }));
/** Asks until there is more to say than that it is under way. */
const claim = (who: string, more: object = {}): Told => {
  for (let asks = 0; asks < 50; asks++) {
    const answer = wait(who, more);
    if (!answer.handingOff) return answer;
  }
  throw new Error('it is handed off for ever');
};
const bad = (): readonly Slot[] =>
  world.slots().filter((each) => each.claim?.handOff?.state === 'failed');
const begun = () => asked.filter((each) => each.handOff !== undefined);

describe('where slots are ready', () => {
  beforeEach(() => {
    world.apply({ ready: 4, maximum: 6 });
    world.warm();
  });

  test('the claim is told when it is done, with what the command said', () => {
    const { claim: held } = wait('a');
    expect(held).toMatchObject({
      isHeld: true,
      handOff: { state: 'done', exitCode: 0, output: 'done\n' },
    });
    expect(asked).toMatchObject([{ claim: held?.claim, instance: `${held?.claim}-0`, handOff }]);
    // Again: the same claim, and nothing is done twice.
    expect(wait('a').claim?.claim).toBe(held?.claim);
    expect(asked).toHaveLength(1);
    expect(world.counts()).toMatchObject({ claimed: 1 });
  });

  test('while it is under way nobody is told of a claim, and its slot is nobody else’s', () => {
    says = () => 'silent';
    expect(wait('a').handingOff).toMatchObject({ attempt: 1, leftMs: expect.any(Number) });
    expect(world.slots('claimed')[0]?.claim?.handOff?.state).toBe('pending');
    const others = [1, 2, 3].map(() => world.claim());
    expect(new Set([...others, world.slots('claimed')[0]?.slot]).size).toBe(4);
  });

  test('what takes long is asked for without being told again', () => {
    let left = 3;
    says = () => (left-- > 0 ? { isUnderWay: true } : { exitCode: 0 });
    expect(claim('a').claim?.isHeld).toBe(true);
    expect(asked).toHaveLength(4);
    expect(begun()).toHaveLength(1);
  });

  test('one that fails is drained, and the next one is taken', () => {
    let fails = 2;
    says = () => (fails-- > 0 ? { failure: 'exited with 3', exitCode: 3 } : { exitCode: 0 });
    world.isHolding = true;
    const { claim: held } = claim('a');
    expect(held?.handOff).toEqual({ state: 'done', exitCode: 0 });
    expect(bad().map(({ state }) => state)).toEqual(['draining', 'draining']);
    expect(bad().map(({ slot }) => slot)).not.toContain(held?.claim);
    expect(new Set(begun().map((each) => each.claim)).size).toBe(3);
    expect(wait('a').claim?.claim).toBe(held?.claim);
  });

  test('after three the caller hears why, and hears the same again', () => {
    says = () => ({ failure: 'exited with 3', exitCode: 3 });
    world.isHolding = true;
    const answer = claim('a');
    expect(answer).toMatchObject({ code: 'hand-off-failed' });
    expect(answer.detail).toContain('3 slots were no good; the last: exited with 3');
    expect(begun()).toHaveLength(3);
    expect(claim('a').code).toBe('hand-off-failed');
    expect(begun()).toHaveLength(3);
    // Under the same place nothing else can be asked for.
    expect(claim('b').code).toBe('hand-off-failed');
  });

  test('an agent that knows nothing of it makes its slot a bad one', () => {
    says = () => 'unknown';
    expect(claim('a')).toMatchObject({ code: 'hand-off-failed' });
  });

  test('an agent that was started anew and has not found its slot yet is asked again', () => {
    says = () => (asked.length < 4 ? 'not yet' : { exitCode: 0, output: 'done\n' });
    expect(claim('a').claim).toBeDefined();
    expect(bad()).toEqual([]);
    says = () => 'not yet';
    expect(claim('b').code).toBe('hand-off-failed');
  });

  test('an agent with too much under way is asked until the slot’s time is up', () => {
    says = () => (asked.length < 20 ? 'busy' : { exitCode: 0 });
    expect(claim('a').claim).toBeDefined();
    expect(bad()).toEqual([]);
    says = () => 'busy';
    world.isHolding = true;
    wait('b', { ttl: '1m' });
    world.pass(14_000);
    expect(bad()).toEqual([]);
    world.pass(2_000);
    expect(bad()).toHaveLength(1);
  });

  test('the slot of an agent of which nothing is heard for seconds is drained', () => {
    says = () => 'silent';
    world.isHolding = true;
    wait('a', { ttl: '1m' });
    world.pass(4_000);
    expect(world.slots('claimed')).toEqual([]);
    expect(bad()).toHaveLength(1);
  });

  test('a slot that nobody asks for again is drained when its time is up', () => {
    says = () => 'silent';
    world.isHolding = true;
    wait('a', { ttl: '1m' });
    world.crash();
    world.start();
    world.pass(10_000);
    expect(world.slots('claimed')).toHaveLength(1);
    world.pass(6_000);
    expect(world.slots('claimed')).toEqual([]);
    expect(bad()[0]?.claim?.handOff?.message).toContain('in time');
  });

  test('another copy goes on when the caller asks again', () => {
    says = () => 'silent';
    const slot = wait('a').handingOff?.claim;
    world.crash();
    says = () => ({ exitCode: 0 });
    world.start();
    expect(claim('a').claim?.claim).toBe(slot);
  });

  test('who is released or leaves meanwhile has nothing', () => {
    says = () => 'silent';
    world.isHolding = true;
    const slot = wait('a').handingOff?.claim ?? '';
    world.ask(claimRelease, { claim: slot });
    expect(claim('a').code).toBe('claim-over');
    wait('b');
    world.ask(claimLeave, { place: placeName('b') });
    expect(claim('b').code).toBe('claim-over');
  });

  test('another body under the same key is refused, also after it failed', () => {
    const [digest, other] = ['a'.repeat(64), 'b'.repeat(64)];
    says = () => ({ failure: 'no' });
    world.isHolding = true;
    claim('a', { digest });
    expect(claim('a', { digest: other }).code).toBe('key-reused');
  });

  test('slots of an agent that cannot do it are passed over', () => {
    world.bench.store(nodeRecord, { node }, nodeOf(node));
    world.soon();
    expect(claim('a').code).toBe('pool-empty');
    expect(asked).toEqual([]);
    expect(world.claim()).toBeDefined();
  });
});

describe('in line', () => {
  test('a caller whose slot was no good stands where it stood', () => {
    world.apply({ ready: 0, maximum: 3 });
    wait('a', { wait: '1m' });
    for (const who of ['b', 'c']) wait(who, { wait: '1m', handOff: undefined });
    says = () => ({ failure: 'no' });
    const [first] = world.slots('warming');
    world.see(first?.slot ?? '', { isReady: true });
    world.soon();
    // Another one has what is ready meanwhile only if it stands before.
    expect(wait('b', { wait: '1m', handOff: undefined }).place).toMatchObject({ position: 2 });
    const again = wait('a', { wait: '1m' });
    expect(again.handingOff ?? again.place).toBeDefined();
    expect(wait('b', { wait: '1m', handOff: undefined }).place).toMatchObject({ position: 2 });
    expect(wait('a', { wait: '1m' }).place).toMatchObject({ position: 1, waiting: 3 });
    says = () => ({ exitCode: 0 });
    const next = world.slots('warming').find(({ slot }) => slot !== first?.slot);
    world.see(next?.slot ?? '', { isReady: true });
    world.soon();
    expect(claim('a', { wait: '1m' }).claim?.claim).toBe(next?.slot);
  });
});
