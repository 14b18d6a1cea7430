/** Every refusal is a status, with all that a problem says. */
import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { statusOf } from '../../../../gateway/grpc/status.ts';
import { problemOf } from '../../../../gateway/http/problem.ts';
import { type Refusal, type RefusalCode, refusal, refusals } from '../../../../subjects/index.ts';
import { detailsIn } from './details.ts';

const told = (because: Refusal) => statusOf(problemOf(because, 'id-1'));

describe('a refusal', () => {
  test.each(Object.keys(refusals) as RefusalCode[])('%s is a status that says no', (code) => {
    const { code: number, details, metadata } = told(refusal(code, 'this one'));
    expect(status[number]).toBe(refusals[code].grpc);
    expect(number).toBeGreaterThan(status.OK);
    expect(details).toBe('this one');
    const { code: inside, message, info, retry } = detailsIn(metadata);
    expect([inside, message]).toEqual([number, 'this one']);
    expect(info).toEqual({
      ...{ reason: code, domain: 'shoal' },
      metadata: { id: 'id-1', retry: refusals[code].retry, title: refusals[code].user },
    });
    expect(retry).toBe(refusals[code].retry === 'later' ? 1 : undefined);
  });

  test('that only a newer version knows is what its status says', () => {
    expect(told({ code: 'allowance-exceeded', detail: 'no', status: 429 }).code).toBe(
      status.RESOURCE_EXHAUSTED,
    );
    expect(told({ code: 'allowance-exceeded', detail: 'no', status: 418 }).code).toBe(
      status.FAILED_PRECONDITION,
    );
  });

  test('with places names the fields, not where they stand over HTTP', () => {
    const { details, metadata } = told({
      ...refusal('request-malformed', 'query.tenant: a name'),
      places: [{ path: 'query.tenant', message: 'a name' }],
    });
    expect(details).toBe('tenant: a name');
    expect(detailsIn(metadata).places).toEqual([{ field: 'tenant', description: 'a name' }]);
  });

  test('in a language with accents survives the way', () => {
    const { metadata } = told(refusal('manifest-malformed', 'Größe “10 µs” – nein'));
    expect(detailsIn(metadata).message).toBe('Größe “10 µs” – nein');
  });
});

test('the names in the catalogue are those of gRPC', () => {
  const names = new Set(Object.values(refusals).map(({ grpc }) => grpc));
  for (const name of names) expect(status[name as keyof typeof status], name).toBeTypeOf('number');
});
