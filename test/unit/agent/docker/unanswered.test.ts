/** An end is told when the engine has said that nothing of it is left, not before, and once. */
import { expect, test } from 'vitest';
import { Unanswered } from '../../../../edge-agent/drivers/docker/unanswered.ts';
import { InTurn } from '../../../../edge-agent/drivers/in-turn.ts';

/** Instances of which something is left that cannot be removed. */
function scene(...stuck: readonly string[]) {
  const isStuck = new Set(stuck);
  /** Those of which only what has ended is left. */
  const isOver = new Set<string>();
  const told: string[] = [];
  const turns = new InTurn((_name, error) => {
    throw error;
  });
  const end = async (name: string): Promise<void> => {
    if (isStuck.has(name)) throw new Error('away');
  };
  const unanswered = new Unanswered({ end, mayRun: (name) => !isOver.has(name) }, turns);
  const whenGone = (name: string, run: number, what = `${name} ${run}`) =>
    unanswered.whenGone({ name, run }, () => void told.push(what));
  return { isStuck, isOver, told, turns, unanswered, whenGone };
}

test('of what is gone at once, of what may run when that is gone', async () => {
  const { isStuck, told, turns, unanswered, whenGone } = scene('stuck');
  await whenGone('gone', 1);
  await whenGone('stuck', 1);
  expect(told).toEqual(['gone 1']);
  unanswered.retry();
  await turns.settled();
  expect(told).toEqual(['gone 1']);
  isStuck.clear();
  unanswered.retry();
  expect(turns.has('stuck')).toBe(true);
  await turns.settled();
  expect(told).toEqual(['gone 1', 'stuck 1']);
  unanswered.retry();
  await turns.settled();
  expect(told).toHaveLength(2);
});

test('each run of an instance is answered, asked for twice it is answered once', async () => {
  const { isStuck, told, turns, unanswered, whenGone } = scene('web');
  await whenGone('web', 1);
  await whenGone('web', 2, 'a failed start');
  await whenGone('web', 2, 'a stop');
  isStuck.clear();
  unanswered.retry();
  await turns.settled();
  expect(told).toEqual(['web 1', 'a stop']);
});

test('a stop that finds it gone answers for the start that failed before, too', async () => {
  const { isStuck, told, turns, unanswered, whenGone } = scene('web');
  await whenGone('web', 1, 'a failed start');
  isStuck.clear();
  await whenGone('web', 1, 'a stop');
  unanswered.retry();
  await turns.settled();
  expect(told).toEqual(['a stop']);
});

test('of what is forgotten nobody hears', async () => {
  const { isStuck, told, turns, unanswered, whenGone } = scene('web', 'web-2');
  await whenGone('web', 1);
  await whenGone('web-2', 1);
  unanswered.forget('web');
  isStuck.clear();
  unanswered.retry();
  await turns.settled();
  expect(told).toEqual(['web-2 1']);
});

test('of what has ended at once, though its container cannot be removed; of what waits it is said that it does', async () => {
  const { isOver, told, unanswered, whenGone } = scene('over', 'stuck');
  isOver.add('over');
  await whenGone('over', 1);
  const said: string[] = [];
  const waits = () => void said.push('waits');
  await unanswered.whenGone({ name: 'stuck', run: 1 }, () => void told.push('stuck 1'), waits);
  expect([told, said]).toEqual([['over 1'], ['waits']]);
});
