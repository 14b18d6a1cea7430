/** What a restored store says is newer than all that was decided after its backup. */
import { expect, test } from 'vitest';
import { RAISE, raised } from '../../../../cli/backup/raise.ts';
import { encode, instanceRecord, leaseRecord, ledgerRecord } from '../../../../subjects/index.ts';
import { samples } from '../../../support/samples.ts';

const sampleOf = (contract: unknown) =>
  samples.find((each) => each.contract === contract)?.value as Record<string, unknown>;

test('epochs of instances and of ledgers’ entries rise alike, so that they still agree', () => {
  const instance = sampleOf(instanceRecord);
  const ledger = sampleOf(ledgerRecord) as {
    readonly incarnation: number;
    readonly entries: Readonly<Record<string, { readonly epoch: number }>>;
  };
  const [[name, entry] = ['', { epoch: 0 }]] = Object.entries(ledger.entries);
  const epoch = (instance['epoch'] as number) + RAISE;
  expect(raised('instance.default.a', { ...instance, nodeEpoch: undefined })).toEqual({
    ...instance,
    epoch,
  });
  expect(raised('instance.default.a', { ...instance, nodeEpoch: 1 })).toEqual({
    ...instance,
    epoch,
    nodeEpoch: 1 + RAISE,
  });
  expect(entry.epoch).toBeGreaterThan(0);
  expect(raised('for.n1.ledger', ledger)).toEqual({
    ...ledger,
    incarnation: ledger.incarnation + RAISE,
    entries: { ...ledger.entries, [name]: { ...entry, epoch: entry.epoch + RAISE } },
  });
  const lease = sampleOf(leaseRecord);
  expect(raised('lease.workload.0', lease)).toMatchObject({
    fence: (lease['fence'] as number) + RAISE,
  });
});

test('what comes of it is what the contracts allow, and fields of a newer version stay', () => {
  for (const [key, contract] of [
    ['instance.default.a', instanceRecord],
    ['for.n1.ledger', ledgerRecord],
    ['lease.workload.0', leaseRecord],
  ] as const) {
    const value = raised(key, { ...sampleOf(contract), novel: 1 });
    expect(value).toMatchObject({ novel: 1 });
    expect(() => encode(contract, value as never)).not.toThrow();
  }
});

test('what nobody can read is left as it is', () => {
  expect(raised('instance.default.a', 'x')).toBeUndefined();
  expect(raised('for.n1.ledger', { incarnation: 1 })).toBeUndefined();
  expect(raised('lease.workload.0', undefined)).toBeUndefined();
});
