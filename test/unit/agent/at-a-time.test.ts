/** An engine is given so much at a time, in order, whatever becomes of each act. */
import { expect, test } from 'vitest';
import { AtATime } from '../../../edge-agent/drivers/at-a-time.ts';

test('so many acts are under way, the others come in their order, and one that fails lets the next in', async () => {
  const acts = new AtATime(2);
  const begun: number[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const done = Array.from({ length: 5 }, (_, index) =>
    acts.do(async () => {
      begun.push(index);
      await new Promise<void>((resolve, reject) => {
        ends[index] = (error) => (error ? reject(error) : resolve());
      });
      return index;
    }),
  );
  const settled = Promise.allSettled(done);
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  await turn();
  expect(begun).toEqual([0, 1]);
  ends[1]?.(new Error('refused'));
  await turn();
  expect(begun).toEqual([0, 1, 2]);
  ends[0]?.();
  ends[2]?.();
  await turn();
  expect(begun).toEqual([0, 1, 2, 3, 4]);
  ends[3]?.();
  ends[4]?.();
  expect((await settled).map((each) => each.status)).toEqual([
    ...['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'],
  ]);
  expect(await acts.do(async () => 'free again')).toBe('free again');
});
