/** Everything Try It Now answers beside what was asked for: status, text and code, on one page. */
import type { FastifyReply } from 'fastify';

interface Failure {
  readonly status: number;
  readonly error: string;
  readonly code?: string;
  readonly details?: string;
}

const LATER = 'Please try again in a few moments';

/** What a call can fail with, by its code. */
export const failures = {
  UNAUTHORIZED: { status: 401, error: 'unauthorized' },
  RATE_LIMITED: { status: 429, error: 'Rate limit exceeded' },
  RATE_LIMIT_ERROR: { status: 500, error: 'Failed to check rate limit' },
  POOL_EXHAUSTED: { status: 503, error: 'No demo instances available', details: LATER },
  ROUTE_FAILED: {
    ...{ status: 503, error: 'Failed to configure routing for instance', details: LATER },
  },
  ACQUIRE_ERROR: { status: 500, error: 'Failed to acquire demo instance' },
  NOT_FOUND: { status: 404, error: 'Instance not found' },
  GET_ERROR: { status: 500, error: 'Failed to get instance' },
  INVALID_REQUEST: {
    ...{ status: 400, error: 'Invalid request', details: 'minutes must be between 1 and 60' },
  },
  MAX_TTL_EXCEEDED: { status: 400, error: 'Extension would exceed maximum TTL' },
  EXTEND_ERROR: { status: 500, error: 'Failed to extend TTL' },
  RELEASE_ERROR: { status: 500, error: 'Failed to release instance' },
  STATS_ERROR: { status: 500, error: 'Failed to get pool stats' },
} as const satisfies Readonly<Record<string, Failure>>;
export type FailureCode = keyof typeof failures;

/**
 * Answers with JSON, keys in the order they are written in. As bytes: beside a text Node would write
 * headers in UTF-8, and a request id is to go back as it came.
 */
export function json(reply: FastifyReply, value: object, status = 200): FastifyReply {
  reply.code(status).header('content-type', 'application/json; charset=utf-8');
  return reply.send(Buffer.from(JSON.stringify(value)));
}

/** Answers with a failure; `details` where they are not always the same. */
export function fail(reply: FastifyReply, code: FailureCode, details?: string): FastifyReply {
  const failure: Failure = failures[code];
  const { status, error } = failure;
  const said = details ?? failure.details;
  return json(reply, { error, code, ...(said === undefined ? {} : { details: said }) }, status);
}

/** Answers with text as Go's server writes it: one media type, nothing added. */
export function plainText(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).header('content-type', 'text/plain').send(Buffer.from(text));
}
