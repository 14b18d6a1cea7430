/** What is said when the answer is no: every code, and every error Fastify makes of its own. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  InvalidPartError,
  isFault,
  RefusedError,
  refusalOf,
} from '../../../gateway/http/error-refusal.ts';
import { problemOf, problemSchema, retryAfter } from '../../../gateway/http/problem.ts';
import { type RefusalCode, refusal, refusals, TooLargeError } from '../../../subjects/index.ts';

const codes = Object.keys(refusals) as RefusalCode[];

describe('a refusal', () => {
  test.each(codes)('%s becomes a problem with its status and sentence', (code) => {
    const problem = problemOf(refusal(code, 'this case'), 'id-1');
    expect(problemSchema.parse(problem)).toEqual(problem);
    expect(problem).toEqual({
      type: `urn:shoal:problem:${code}`,
      title: refusals[code].user,
      status: refusals[code].http,
      detail: 'this case',
      ...{ code, id: 'id-1', retry: refusals[code].retry },
    });
    expect(problem.status).toBeGreaterThanOrEqual(400);
    expect(retryAfter(refusal(code, 'x'))).toBe(refusals[code].retry === 'later' ? '1' : undefined);
  });

  test('keeps the places that are wrong', () => {
    const places = [{ path: 'spec.count', message: 'too many' }];
    const problem = problemOf({ ...refusal('manifest-malformed', 'x'), places }, 'id');
    expect(problem.places).toEqual(places);
    expect(problemOf({ ...refusal('manifest-malformed', 'x'), places: [] }, 'id').places).toBe(
      undefined,
    );
  });
});

describe('an error', () => {
  const fastify = (code: string, statusCode: number) =>
    Object.assign(new Error('words'), { code, statusCode });

  test.each([
    ['FST_ERR_NOT_FOUND', 404, 'route-unknown'],
    ['FST_ERR_CTP_BODY_TOO_LARGE', 413, 'body-too-large'],
    ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 415, 'media-type-unsupported'],
    ['FST_ERR_CTP_EMPTY_JSON_BODY', 400, 'request-malformed'],
    ['FST_ERR_CTP_INVALID_JSON_BODY', 400, 'request-malformed'],
    ['FST_ERR_CTP_INVALID_CONTENT_LENGTH', 400, 'request-malformed'],
    ['FST_ERR_BAD_URL', 400, 'request-malformed'],
    ['FST_ERR_MAX_PARAM_LENGTH', 414, 'request-malformed'],
    ['FST_ERR_HANDLER_TIMEOUT', 503, 'overloaded'],
    ['FST_ERR_REP_ALREADY_SENT', 500, 'actor-fault'],
  ] as const)('%s is told as %s %s', (code, status, told) => {
    expect(refusalOf(fastify(code, status)).code).toBe(told);
  });

  test('of ours says what it means; anything else says nothing of itself', () => {
    const because = refusal('rate-limited', 'slowly');
    expect(refusalOf(new RefusedError(because))).toBe(because);
    expect(refusalOf(new TooLargeError('big')).code).toBe('body-too-large');
    for (const fault of [new Error('secret'), 'secret', undefined, new TypeError('secret')]) {
      const told = refusalOf(fault);
      expect(told.code).toBe('actor-fault');
      expect(told.detail).not.toContain('secret');
      expect(isFault(told)).toBe(true);
    }
    expect(isFault(because)).toBe(false);
  });

  test('of validation names each place', () => {
    const schema = z.strictObject({ limit: z.number(), deep: z.object({ name: z.string() }) });
    const { error } = schema.safeParse({ limit: 'x', deep: { name: 1 }, tenat: 1 });
    const { code, detail, places } = new InvalidPartError('querystring', error?.issues ?? [])
      .refusal;
    expect(code).toBe('request-malformed');
    expect(places?.map((each) => each.path)).toEqual(['query.limit', 'query.deep.name', 'query']);
    expect(detail).toBe(`${places?.[0]?.path}: ${places?.[0]?.message}`);
    expect(places?.[2]?.message).toContain('tenat');
  });
});
