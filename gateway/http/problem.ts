/**
 * Makes sure that everything the gateway says no with is one kind of answer: a problem of
 * RFC 9457, whose code, status and sentence stand in the catalogue of refusals.
 */
import { z } from 'zod';
import { meaningOf, type Refusal, refusals } from '../../subjects/index.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** How long to wait before asking again, in seconds, where asking again can help. */
const RETRY_SECONDS = 1;

export const problemSchema = z
  .object({
    type: z.string().describe('urn:shoal:problem:<code>'),
    title: z.string().describe('What it means, for the person who asked'),
    status: z.number().int(),
    detail: z.string().describe('What it was this time'),
    code: z.string().meta({
      description: 'Stable, and open: a newer version may say no with a code that is not listed',
      examples: Object.keys(refusals),
    }),
    id: z.string().describe('Id of the request: leads to it in the log'),
    retry: z.enum(['never', 'later', 'elsewhere']),
    places: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .describe('What is wrong where'),
  })
  .meta({ title: 'Problem', description: 'A problem (RFC 9457)' });
export type Problem = z.infer<typeof problemSchema>;

/** The problem a refusal is told as; `id` is the request's. */
export function problemOf(refusal: Refusal, id: string): Problem {
  const { code, detail, places } = refusal;
  const { http: status, user: title, retry } = meaningOf(refusal);
  return {
    type: `urn:shoal:problem:${code}`,
    ...{ title, status, detail, code, id, retry },
    ...(places && places.length > 0 ? { places: [...places] } : {}),
  };
}

/** Value of `Retry-After`; undefined where asking again cannot help. */
export function retryAfter(refusal: Refusal): string | undefined {
  return meaningOf(refusal).retry === 'later' ? String(RETRY_SECONDS) : undefined;
}
