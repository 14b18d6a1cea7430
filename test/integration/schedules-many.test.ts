/** Thousands of schedules due at one moment, on a real nats-server. */
import { expect, test } from 'vitest';
import { manySchedules } from '../support/many-schedules.ts';
import { natsFixture } from '../support/nats.ts';

const COUNT = 3_000;

test('of 3,000 due at once each is handled, exactly once', async () => {
  await using nats = await natsFixture([{ role: 'control', name: 'many' }], { isOpen: true });
  const ports = await nats.ports({ role: 'control', name: 'many' });
  const { records, firing } = await manySchedules(ports, COUNT, 15_000);
  const outcomes = records.map(({ handled, pending, history }) => [
    ...[handled, pending, history.map((each) => each.result).join()],
  ]);
  expect(outcomes).toHaveLength(COUNT);
  for (const each of outcomes) expect(each).toEqual([firing, undefined, 'scaled']);
}, 200_000);
