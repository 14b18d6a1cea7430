/** However many probes are due at once, a device asks a few at a time, in their order. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  begins,
  dropTurns,
  type Lane,
  newTurns,
  nextTurn,
  type ProbeTurn,
  tenantTurnsMax,
  turnsMax,
} from '../../../edge-agent/probe-turns.ts';

const turn = (index: number, tenant = `t${index % 4}`): ProbeTurn => ({
  ...{ name: `${tenant}.web-${index}`, run: 1, probe: 'readiness' },
});
const always = () => true;

test('so many are under way, the others wait, and each comes once, in order', () => {
  const turns = newTurns();
  const all = Array.from({ length: 200 }, (_, index) => turn(index));
  const begun = all.filter((each) => begins(turns, 'network', each));
  expect(begun).toEqual(all.slice(0, turnsMax.network));
  for (let index = 0; index < all.length; index++) {
    const done = begun[index] as ProbeTurn;
    const next = nextTurn(turns, 'network', { done, isWanted: always });
    expect(turns.network.underWay.size).toBeLessThanOrEqual(turnsMax.network);
    if (next) begun.push(next);
  }
  expect(begun).toEqual(all);
  expect(turns.network).toEqual({ underWay: new Map(), waiting: new Map() });
});

test('slow commands do not hold up what goes over the network', () => {
  const turns = newTurns();
  for (let index = 0; index < 100; index++) begins(turns, 'command', turn(index));
  expect(turns.command.underWay.size).toBe(turnsMax.command);
  expect(begins(turns, 'network', turn(1))).toBe(true);
});

test("a tenant whose probes hang leaves room for the others'", () => {
  const turns = newTurns();
  const hanging = Array.from({ length: 50 }, (_, index) => turn(index, 'slow'));
  for (const each of hanging) begins(turns, 'command', each);
  expect(turns.command.underWay.size).toBe(tenantTurnsMax.command);
  const [first, second] = [turn(100, 'other'), turn(101, 'other')];
  expect(begins(turns, 'command', first)).toBe(true);
  expect(begins(turns, 'command', second)).toBe(true);
  expect(nextTurn(turns, 'command', { done: first, isWanted: always })).toBeUndefined();
  expect(nextTurn(turns, 'command', { done: hanging[0] as ProbeTurn, isWanted: always })).toEqual(
    hanging[tenantTurnsMax.command],
  );
});

test('what waits of a run that is over never comes', () => {
  const turns = newTurns();
  for (let index = 0; index < turnsMax.command; index++) begins(turns, 'command', turn(index));
  const [dropped, unwanted, wanted] = [turn(101), turn(102), turn(104)];
  for (const each of [dropped, unwanted, wanted]) begins(turns, 'command', each);
  dropTurns(turns, dropped.name, dropped.run);
  const isWanted = (each: ProbeTurn) => each.name !== unwanted.name;
  expect(nextTurn(turns, 'command', { done: turn(0), isWanted })).toEqual(wanted);
  expect(turns.command.waiting.size).toBe(0);
});

test('whatever comes in whatever order, no more than allowed are under way, none of them twice', () => {
  const lane = fc.constantFrom<Lane>('network', 'command');
  const step = fc.tuple(lane, fc.nat(120), fc.constantFrom('begin', 'done', 'drop'));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const turns = newTurns();
      const running = { network: new Map<string, string>(), command: new Map<string, string>() };
      const tenantOf = ({ name }: ProbeTurn) => name.split('.')[0] ?? '';
      for (const [on, index, what] of steps) {
        // Most are of one tenant.
        const one = turn(index, index % 5 === 0 ? 'small' : 'large');
        const of = running[on];
        const begun = (each: ProbeTurn): void => {
          expect(of.has(each.name)).toBe(false);
          of.set(each.name, tenantOf(each));
        };
        if (what === 'begin' && begins(turns, on, one)) begun(one);
        if (what === 'done' && of.delete(one.name)) {
          const next = nextTurn(turns, on, { done: one, isWanted: always });
          if (next) begun(next);
        }
        if (what === 'drop') dropTurns(turns, one.name, one.run);
        const counts = ['small', 'large'].map(
          (tenant) => [...of.values()].filter((each) => each === tenant).length,
        );
        expect(turns[on].underWay.size).toBe(of.size);
        expect(of.size).toBeLessThanOrEqual(turnsMax[on]);
        expect(Math.max(...counts)).toBeLessThanOrEqual(tenantTurnsMax[on]);
        // Nothing waits that could begin.
        for (const each of turns[on].waiting.values()) {
          const isFull = of.size >= turnsMax[on];
          const mine = counts[tenantOf(each) === 'small' ? 0 : 1] ?? 0;
          expect(isFull || mine >= tenantTurnsMax[on]).toBe(true);
        }
      }
    }),
  );
});
