/** What a newer program wrote survives an older one: read, rewritten, at any depth. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  carriedOver,
  changeOf,
  decode,
  encode,
  type RecordContract,
  serviceSpec,
  tolerant,
  type Wanted,
  wantedOver,
  workloadApply,
} from '../../../subjects/index.ts';
import { extended } from '../../support/extended.ts';
import { workloadOf } from '../../support/records.ts';
import { samples } from '../../support/samples.ts';

const records = samples.filter(({ contract }) => contract.kind === 'record');
const wanted = (spec: object): Wanted => ({
  ...{ kind: 'service', labels: {} },
  spec: serviceSpec.parse({ command: ['x'], ports: [{ name: 'http' }], ...spec }),
});

describe.each(records.map((each) => [each.contract.name, each] as const))('%s', (_, sample) => {
  const contract = sample.contract as RecordContract;
  const newer = extended(contract.schema, sample.value);

  test('keeps what only a newer version knows, in each of its objects', () => {
    expect(newer).not.toEqual(sample.value);
    const roomy = { ...contract, bytesMax: 2 ** 20 };
    expect(decode(roomy, encode(roomy, newer))).toEqual({ ok: true, value: newer });
  });
});

describe('a tolerant schema', () => {
  const schema = tolerant(
    z
      .strictObject({
        list: z.array(z.object({ a: z.number() })),
        of: z.record(z.string(), z.int()),
      })
      .refine(({ list }) => list.length < 2, 'at most one'),
  );

  test('refuses what was wrong before, as before', () => {
    expect(schema.safeParse({ list: [{ a: 'x' }], of: {} }).success).toBe(false);
    expect(schema.safeParse({ list: [{ a: 1 }, { a: 2 }], of: {} }).success).toBe(false);
    expect(schema.safeParse({ list: [], of: { any: 'x' } }).success).toBe(false);
    expect(schema.safeParse({ list: [] }).success).toBe(false);
  });

  test('takes no prototype for a field', () => {
    const sly = JSON.parse('{"list":[],"of":{},"__proto__":{"polluted":true}}');
    expect(Object.getPrototypeOf(schema.parse(sly))).toBe(Object.prototype);
    expect(schema.parse(sly)).not.toHaveProperty('polluted');
  });
});

describe('an ask', () => {
  test('that wants what nobody here understands is refused, not half obeyed', () => {
    const { spec } = wanted({});
    const ask = { mode: 'put', wanted: { kind: 'service', spec: { ...spec, gpu: 1 } } };
    expect(workloadApply.schema.safeParse({ ...ask, wanted: wanted({}) }).success).toBe(true);
    expect(workloadApply.schema.safeParse(ask).success).toBe(false);
  });
});

describe('what is replaced in the words of this version', () => {
  const newer = { ...wanted({ count: 2 }).spec, gpu: 1, limits: { cpu: '1', gpu: 1 } };
  const before = workloadOf('w', { kind: 'service', labels: {}, spec: newer } as Wanted);

  test('keeps what these words cannot say, so that the same again changes nothing', () => {
    const again = wanted({ count: 2, limits: { cpu: '1' } });
    expect(wantedOver(before, again).spec).toEqual(newer);
    expect(changeOf(before, wantedOver(before, again))).toBe('unchanged');
    expect(changeOf(before, again)).toBe('updated');
  });

  test('changes what they can', () => {
    const scaled = wantedOver(before, wanted({ count: 3, limits: { cpu: '1' } }));
    expect(changeOf(before, scaled)).toBe('scaled');
    expect(scaled.spec).toMatchObject({ count: 3, gpu: 1 });
    const unlimited = wantedOver(before, wanted({ count: 2 }));
    expect(unlimited.spec.limits).toEqual({ gpu: 1 });
  });

  test('brings nothing back that was known and is gone', () => {
    const served = { ...newer, ingress: { host: 'w.localhost', of: 'a newer version' } };
    expect(carriedOver(serviceSpec, served, wanted({}).spec)).not.toHaveProperty('ingress');
  });

  test('of another kind begins anew', () => {
    const job = { kind: 'job', labels: {}, spec: { command: ['x'] } } as unknown as Wanted;
    expect(wantedOver(before, job)).toBe(job);
    expect(wantedOver(undefined, job)).toBe(job);
  });
});
