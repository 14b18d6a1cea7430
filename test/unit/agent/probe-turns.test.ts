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
  turnsMax,
} from '../../../edge-agent/probe-turns.ts';

const turn = (index: number, run = 1): ProbeTurn => ({
  ...{ name: `default.web-${index}`, run, probe: 'readiness' },
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
  expect(turns.network).toEqual({ underWay: new Set(), waiting: new Map() });
});

test('slow commands do not hold up what goes over the network', () => {
  const turns = newTurns();
  for (let index = 0; index < 100; index++) begins(turns, 'command', turn(index));
  expect(turns.command.underWay.size).toBe(turnsMax.command);
  expect(begins(turns, 'network', turn(1))).toBe(true);
});

test('what waits of a run that is over never comes', () => {
  const turns = newTurns();
  for (let index = 0; index < turnsMax.command; index++) begins(turns, 'command', turn(index));
  const [dropped, unwanted, wanted] = [turn(101), turn(102), turn(103)];
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
      const running = {
        network: new Map<string, ProbeTurn>(),
        command: new Map<string, ProbeTurn>(),
      };
      for (const [on, index, what] of steps) {
        const one = turn(index);
        const of = running[on];
        if (what === 'begin' && begins(turns, on, one)) {
          expect(of.has(one.name)).toBe(false);
          of.set(one.name, one);
        }
        if (what === 'done' && of.delete(one.name)) {
          const next = nextTurn(turns, on, { done: one, isWanted: always });
          if (next) {
            expect(of.has(next.name)).toBe(false);
            of.set(next.name, next);
          }
        }
        if (what === 'drop') dropTurns(turns, one.name, one.run);
        expect(turns[on].underWay.size).toBe(of.size);
        expect(of.size).toBeLessThanOrEqual(turnsMax[on]);
      }
    }),
  );
});
