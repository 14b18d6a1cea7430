/** Thousands of schedules due at one moment, on a real nats-server. */
import { expect, test } from 'vitest';
import { manySchedules } from '../support/many-schedules.ts';
import { natsFixture } from '../support/nats.ts';

const COUNT = 5_000;

test('of 5,000 due at once each is handled, exactly once', async () => {
  await using nats = await natsFixture([{ role: 'control', name: 'many' }], { isOpen: true });
  const ports = await nats.ports({ role: 'control', name: 'many' });
  const { records, firing } = await manySchedules(ports, COUNT, 25_000);
  const outcomes = records.map(({ handled, pending, history }) => [
    ...[handled, pending, history.map((each) => each.result).join()],
  ]);
  expect(outcomes).toHaveLength(COUNT);
  for (const each of outcomes) expect(each).toEqual([firing, undefined, 'scaled']);
}, 200_000);
