/** An answer says how new the records are that it rests on, so that who asked can wait to see them. */
import { expect, test } from 'vitest';
import { REVISION_HEADER } from '../../../actors/runtime/ports.ts';
import { workload } from '../../../actors/workload/actor.ts';
import { address, encode, workloadDelete, workloadRecord } from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';
import { samples } from '../../support/samples.ts';

test('it does not make callers wait for what only others look at', () => {
  const bench = new Bench();
  bench.join(workload());
  const value = samples.find(({ contract }) => contract === workloadRecord)?.value;
  bench.store(workloadRecord, { tenant: 'default', workload: 'web' }, value as never);
  const { revision } = bench.server.side('shoal');
  // Leases are renewed all the time, and whoever asks follows none.
  bench.clock.advance(5_000);
  expect(bench.server.side('shoal').revision).toBeGreaterThan(revision);
  const subject = address(workloadDelete, { tenant: 'default', workload: 'other' });
  const told: (string | undefined)[] = [];
  bench.outside.bus.request(
    { subject, body: encode(workloadDelete, {}), headers: {} },
    1_000,
    (outcome) => told.push(outcome.kind === 'answer' ? outcome.headers[REVISION_HEADER] : ''),
  );
  bench.clock.runUntil(() => told.length > 0, 1_000, 'an answer');
  expect(told).toEqual([String(revision)]);
});
