/** Pools in a small world, with faults one at a time: what callers notice of each. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  claimAcquire,
  claimRelease,
  claimWait,
  instanceRecord,
  nodeRecord,
  nodeState,
  poolApply,
  poolDelete,
  poolRecord,
  type SlotState,
  slotRecord,
  waitRecord,
  workloadDelete,
  workloadRecord,
  workloadScale,
} from '../../subjects/index.ts';
import { poolSpecOf } from '../support/pooling.ts';
import { type Process, World } from './world.ts';

const name = { tenant: 'default', pool: 'demo' };

describe('a pool of five in a world of three nodes', () => {
  let world: World;
  beforeEach(() => {
    world = new World(7, { hasPools: true });
    for (const control of ['control', 'control-2']) world.startControl(control);
    for (const id of ['n1', 'n2', 'n3']) world.addMachine(id);
    const isReady = () => world.all(nodeRecord).filter((each) => nodeState(each) === 'ready');
    world.run(() => isReady().length === 3, 5_000, 'three ready nodes');
    const template = { command: ['serve'], resources: { cpu: '10m' }, ports: [{ name: 'http' }] };
    const spec = poolSpecOf({ template, ready: 5, maximum: 8 });
    world.answer(poolApply, name, { wanted: { labels: {}, spec }, mode: 'put' });
    full();
  });
  afterEach(() => {
    expect(world.checkers.violations).toEqual([]);
    for (const { hosts } of world.processes.values()) {
      expect(hosts.map(({ counters }) => counters.faults)).toEqual(hosts.map(() => 0));
    }
  });

  const slots = (state: SlotState) => world.all(slotRecord).filter((each) => each.state === state);
  const full = (withinMs = 5_000) =>
    world.run(() => slots('ready').length === 5, withinMs, 'five ready slots');
  const acting = (): string => {
    const isIt = ({ hosts }: Process) =>
      hosts.some(({ actor, isActing }) => actor.name === 'pool' && isActing);
    return [...world.processes.values()].find(isIt)?.name ?? 'nobody';
  };
  const acquire = (ttl = '10s') => world.answer(claimAcquire, name, { ttl });
  const claimed = (ttl?: string): string => {
    const answer = acquire(ttl);
    if (!answer.ok) throw new Error(answer.refusal.detail);
    return answer.value.claim;
  };

  test('what is claimed is replaced at once, and ends within a second of its time', () => {
    const claim = claimed('5s');
    const began = world.clock.elapsed();
    full(2_000);
    const isHeld = () => slots('claimed').some((each) => each.slot === claim);
    expect(isHeld()).toBe(true);
    world.run(() => !isHeld(), 6_000, 'its time is up');
    expect(world.clock.elapsed() - began).toBeGreaterThan(4_900);
    expect(world.clock.elapsed() - began).toBeLessThan(6_000);
    world.run(() => world.all(slotRecord).length === 5, 15_000, 'nothing of it left');
    expect(world.all(instanceRecord).filter((each) => !each.outcome)).toHaveLength(5);
  });

  test('ends in time although the copy that acts died meanwhile', () => {
    claimed('8s');
    world.clock.advance(4_000);
    world.crash(acting());
    // The next one knows how much of it has passed.
    world.run(() => slots('claimed').length === 0, 5_000, 'its time is up');
  });

  test('there are never more than eight, and who comes then hears that there is none', () => {
    for (let count = 0; count < 8; count++) {
      claimed('60s');
      world.clock.advance(2_000);
    }
    expect(acquire()).toMatchObject({ ok: false, refusal: { code: 'pool-empty' } });
    expect(world.all(slotRecord)).toHaveLength(8);
    world.answer(claimRelease, name, { claim: slots('claimed')[0]?.slot ?? '' });
    world.run(() => slots('ready').length === 1, 10_000, 'one came back');
  });

  test('callers in line keep their places when the keeper of the line dies', () => {
    for (let count = 0; count < 8; count++) {
      claimed('60s');
      world.clock.advance(2_000);
    }
    const wait = (place: string) =>
      world.answer(claimWait, name, { place: `${place}inline00`, wait: '1m', ttl: '30s' });
    for (const place of ['first', 'second', 'third']) {
      expect(wait(place)).toMatchObject({ ok: true, value: { place: expect.anything() } });
    }
    world.crash(acting());
    world.answer(claimRelease, name, { claim: slots('claimed')[0]?.slot ?? '' });
    world.run(() => slots('ready').length === 1, 15_000, 'one came back');
    expect(acquire()).toMatchObject({ ok: false, refusal: { code: 'pool-empty' } });
    const third = wait('third');
    expect(third).toMatchObject({ ok: true, value: { place: { position: 3, waiting: 3 } } });
    expect(wait('second')).toMatchObject({ value: { place: { position: 2 } } });
    expect(wait('first')).toMatchObject({ value: { claim: { isHeld: true } } });
    expect(wait('second')).toMatchObject({ value: { place: { position: 1, waiting: 2 } } });
    // Neither asks again: who is gone keeps nobody waiting.
    world.run(() => world.all(waitRecord).length === 0, 10_000, 'an empty line');
  });

  test('slots of a node that is lost are replaced', () => {
    const [slot] = slots('ready');
    world.crashMachine(slot?.endpoint?.node ?? '');
    world.run(() => !slots('ready').some((each) => each.slot === slot?.slot), 8_000, 'it is bad');
    full(10_000);
    expect(slots('ready').some(({ endpoint }) => endpoint?.node === slot?.endpoint?.node)).toBe(
      false,
    );
  });

  test('nobody else changes the workload of a slot', () => {
    const workload = { tenant: 'default', workload: slots('ready')[0]?.slot ?? '' };
    const owned = { ok: false, refusal: { code: 'workload-owned' } };
    expect(world.answer(workloadDelete, workload, {})).toMatchObject(owned);
    expect(world.answer(workloadScale, workload, { count: 2 })).toMatchObject(owned);
  });

  test('a pool that is deleted leaves nothing', () => {
    claimed('4s');
    world.answer(poolDelete, name, {});
    const isGone = () => world.all(poolRecord).length + world.all(slotRecord).length === 0;
    world.run(() => slots('ready').length === 0, 5_000, 'none is ready');
    expect(slots('claimed')).toHaveLength(1);
    world.run(() => isGone() && world.all(workloadRecord).length === 0, 20_000, 'nothing left');
  });
});
