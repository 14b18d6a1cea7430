/** Thousands of schedules due at one moment, on a real nats-server. */
import { expect, test } from 'vitest';
import { type ManySchedules, manySchedules, TooLateError } from '../support/many-schedules.ts';
import { natsFixture } from '../support/nats.ts';

const COUNT = 3_000;

async function dueIn(ms: number): Promise<ManySchedules> {
  await using nats = await natsFixture([{ role: 'control', name: 'many' }], { isOpen: true });
  return await manySchedules(await nats.ports({ role: 'control', name: 'many' }), COUNT, ms);
}

test('of 3,000 due at once each is handled, exactly once', async () => {
  // Where much else goes on it takes longer to set them.
  const { records, firing } = await dueIn(15_000).catch((error: unknown) => {
    if (error instanceof TooLateError) return dueIn(90_000);
    throw error;
  });
  const outcomes = records.map(({ handled, pending, history }) => [
    ...[handled, pending, history.map((each) => each.result).join()],
  ]);
  expect(outcomes).toHaveLength(COUNT);
  for (const each of outcomes) expect(each).toEqual([firing, undefined, 'scaled']);
});
