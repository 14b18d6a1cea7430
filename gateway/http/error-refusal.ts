/**
 * Makes sure that whatever goes wrong in a request, also inside Fastify and its plugins, is told
 * by a code of the catalogue. What nobody foresaw is a fault of ours, and says nothing of itself.
 */
import type { z } from 'zod';
import { type Refusal, type RefusalCode, refusal, TooLargeError } from '../../subjects/index.ts';

/** Most wrong places named in one refusal. */
const PLACES_MAX = 50;

/** Thrown by validation: a part of the request that no schema accepts. */
export class InvalidPartError extends Error {
  override readonly name = 'InvalidPartError';
  readonly refusal: Refusal;

  /** `part`: body, querystring, params or headers. */
  constructor(part: string, issues: readonly z.core.$ZodIssue[]) {
    const places = issues
      .slice(0, PLACES_MAX)
      .map(({ path, message }) => ({ path: [nameOf(part), ...path].join('.'), message }));
    const first = places[0];
    const detail = first ? `${first.path}: ${first.message}` : `${part} is not valid`;
    super(detail);
    this.refusal = { ...refusal('request-malformed', detail), places };
  }
}

/** Thrown where only an error can be thrown (a plugin's callback) and a refusal is meant. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly refusal: Refusal;

  constructor(because: Refusal) {
    super(because.detail);
    this.refusal = because;
  }
}

function nameOf(part: string): string {
  return part === 'querystring' ? 'query' : part === 'params' ? 'path' : part;
}

/** What Fastify's own errors leave out of the request they are about. */
export interface About {
  /** Largest body the route reads, in bytes. */
  readonly bodyBytesMax: number;
  /** The Content-Type header. */
  readonly mediaType: string | undefined;
}

interface Known {
  readonly code: RefusalCode;
  /** Default: the error's message. */
  detail?(about: About): string;
}

/** Fastify's own errors that have a code of their own in the catalogue. */
const known: Readonly<Record<string, Known>> = {
  FST_ERR_NOT_FOUND: { code: 'route-unknown' },
  FST_ERR_CTP_BODY_TOO_LARGE: {
    code: 'body-too-large',
    detail: ({ bodyBytesMax }) => `at most ${bodyBytesMax} bytes are read`,
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'media-type-unsupported',
    detail: ({ mediaType = 'a body without Content-Type' }) =>
      `this call does not read ${mediaType.slice(0, 100)}`,
  },
  FST_ERR_HANDLER_TIMEOUT: { code: 'overloaded' },
};

const FAULT = 'the gateway met something it did not expect';

/** What is said to the caller of an error; `about`: undefined where there is no route yet. */
export function refusalOf(error: unknown, about?: About): Refusal {
  if (error instanceof InvalidPartError || error instanceof RefusedError) return error.refusal;
  if (error instanceof TooLargeError) {
    return refusal('body-too-large', 'the manifest with all its defaults is above the limit');
  }
  if (!(error instanceof Error)) return refusal('actor-fault', FAULT);
  const { code, statusCode, message } = error as Error & {
    readonly code?: unknown;
    readonly statusCode?: unknown;
  };
  const own = typeof code === 'string' ? known[code] : undefined;
  if (own) {
    return refusal(own.code, (about && own.detail?.(about)) ?? message.slice(0, 500));
  }
  const isCallers = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
  if (isCallers) return refusal('request-malformed', message.slice(0, 500));
  return refusal('actor-fault', FAULT);
}

/** Whether an error is a fault: something to be mended, not an answer. */
export function isFault(because: Refusal): boolean {
  return because.code === 'actor-fault';
}
