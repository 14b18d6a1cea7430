/** Work that makes its step throw becomes a letter that is listed; replayed, nothing of it is lost. */
import { beforeEach, describe, expect, test } from 'vitest';
import { ID_HEADER, WRITER_HEADER } from '../../actors/runtime/ports.ts';
import {
  type DeadLetter,
  deadDrop,
  deadRecord,
  deadReplay,
  instanceRecord,
  workloadApply,
} from '../../subjects/index.ts';
import { service } from '../support/specs.ts';
import { World } from './world.ts';

const key = { tenant: 'default', workload: 'web' };
let world: World;
beforeEach(() => {
  world = new World(3);
  world.startControl('control');
  world.startControl('control-2');
  world.addMachine('n1');
  world.clock.advance(5_000);
});

const letters = (): readonly DeadLetter[] =>
  world.all(deadRecord).filter((each) => each.trials === undefined);
const bound = (): number => world.all(instanceRecord).filter((each) => each.node).length;

/** A workload that cannot be placed until its work is a letter. */
function poisoned(): DeadLetter {
  world.poison.names.add('web');
  world.answer(workloadApply, key, { wanted: service(2), mode: 'put' });
  world.run(() => letters().length > 0, 60_000, 'a letter');
  return letters()[0] as DeadLetter;
}

test('what cannot be done is listed with its reason, and is done when it is put back', () => {
  const { actor, letter, reason, payload } = poisoned();
  expect([actor, reason.detail]).toEqual(['scheduler', 'Error: web is poisoned']);
  expect(payload).toBeDefined();
  expect(bound()).toBe(0);
  world.poison.names.clear();
  expect(world.answer(deadReplay, { actor, letter }, {}).ok).toBe(true);
  world.run(() => letters().length === 0 && bound() === 2, 10_000, 'two instances, no letter');
  expect(world.checkers.violations).toEqual([]);
});

test('what is put back while the queue has no leader stays listed until it is queued', () => {
  const { actor, letter, about } = poisoned();
  world.weather.elections.set('WORK', 'none');
  world.poison.names.clear();
  expect(world.answer(deadReplay, { actor, letter }, {}).ok).toBe(true);
  world.clock.advance(15_000);
  expect(letters()).toMatchObject([{ letter, replayedAt: expect.any(Number) }]);
  world.weather.elections.clear();
  let isPut = false;
  const put = world.server.put.bind(world.server);
  world.server.put = (message) => {
    isPut ||= message.subject === about;
    return put(message);
  };
  world.run(() => letters().length === 0, 60_000, 'no letter');
  expect([isPut, world.checkers.violations]).toEqual([true, []]);
});

describe('the checkers tell', () => {
  const remove = (of: DeadLetter, writer = 'somebody'): void => {
    const [stored] = [...world.server.stored('shoal')].filter((each) =>
      each.key.startsWith('dead.'),
    );
    expect(stored?.key).toContain(of.letter);
    const headers = { [WRITER_HEADER]: writer };
    const write = { bucket: 'shoal', key: stored?.key ?? '', body: null, headers } as const;
    world.server.write({ ...write, expected: 'any' });
  };
  const told = (): string => world.checkers.violations.join('; ');

  test('of a letter that nobody dropped', () => {
    remove(poisoned());
    expect(told()).toContain('is gone and nobody dropped it');
  });

  test('of one that goes before it was put back', () => {
    const { actor, letter } = poisoned();
    world.weather.elections.set('WORK', 'none');
    world.answer(deadReplay, { actor, letter }, {});
    remove(letters()[0] as DeadLetter);
    expect(told()).toContain('was not put back');
  });

  test('not of one that somebody dropped', () => {
    const { actor, letter } = poisoned();
    expect(world.answer(deadDrop, { actor, letter }, {}).ok).toBe(true);
    expect([letters(), told()]).toEqual([[], '']);
  });

  test('of an item that is given up and not listed', () => {
    const message = { subject: 'shoal.work.place.normal.default.x', body: new Uint8Array() };
    const headers = { [ID_HEADER]: 'm' };
    world.poison.names.add('x');
    const item = { id: 'm', tokens: { workload: 'x' } };
    expect(() => world.poison.taste('c', 'work.place', item)).toThrow('x is poisoned');
    expect(world.poison.wrongDone('c', { ...message, headers })).toContain('is not listed');
    expect(world.poison.wrongDone('c', { ...message, headers })).toBeUndefined();
  });
});
