/** What was made or retired a moment ago counts before it is seen: one decision of a workload at a time. */
import { expect, test } from 'vitest';
import { workload } from '../../../actors/workload/actor.ts';
import { wantedSchema, workloadApply, workloadRecord } from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';

/** How long a message takes, in milliseconds: a write is on its way for twice that. */
const SLOW_MS = 100;

test('of a workload that changes while its instance is being made there is one instance', () => {
  const bench = new Bench();
  bench.join(workload(), { link: { transfer: () => SLOW_MS, isUp: true } });
  const tokens = { tenant: 'default', workload: 'once' };
  const wanted = wantedSchema.parse({ kind: 'job', spec: { command: ['true'] } });
  bench.send(workloadApply, tokens, { wanted, mode: 'put' });
  const stored = () => bench.stored(workloadRecord, tokens);
  bench.clock.runUntil(() => stored() !== undefined, 5_000, 'the workload');
  // It has just decided to make its instance when it hears of this.
  bench.clock.advance(1.1 * SLOW_MS);
  const before = stored();
  if (before) bench.store(workloadRecord, tokens, { ...before, labels: { a: '1' } });
  bench.clock.advance(3_000);
  const keys = [...bench.server.stored('shoal')].map((each) => each.key);
  expect(keys.filter((key) => key.startsWith('instance.'))).toHaveLength(1);
});
