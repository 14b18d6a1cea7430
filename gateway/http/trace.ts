/**
 * Makes sure that a request is part of the trace its caller names, or begins one where this
 * program tells its spans to a collector; what it asks for then belongs to it.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { TRACE_HEADER } from '../../actors/runtime/ports.ts';
import { type Spanned, spanOfRequest } from '../../actors/runtime/tracing.ts';
import { rpcNow } from '../through-rpc.ts';

/** W3C trace context, version 00 and later ones of the same form. */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Statuses from here on are failures of this side. */
const FAILED_STATUS = 500;

/** Those of requests under way. */
const spans = new WeakMap<FastifyRequest, Spanned>();

/** A span for each request, from its beginning to the end of its answer; none for probes of the gateway. */
export function traceRequests(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config.rateLimit === false) return;
    const name = rpcNow() ?? `${request.method} ${request.routeOptions.url ?? 'unknown'}`;
    const span = spanOfRequest(name, traceparentOf(request));
    spans.set(request, span);
    if (span.traceparent !== undefined) request.headers[TRACE_HEADER] = span.traceparent;
    // Of a response whose caller left before all of it was there nothing else is told.
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) takeSpan(request)?.end(undefined, 'left');
    });
  });
  app.addHook('onResponse', async (request, { statusCode, refusal }) => {
    takeSpan(request)?.end(statusCode < FAILED_STATUS ? undefined : refusal?.code);
  });
}

/** The span of a request that is ended by whoever takes it; undefined: there is none, or it was taken. */
export function takeSpan(request: FastifyRequest): Spanned | undefined {
  const span = spans.get(request);
  spans.delete(request);
  return span;
}

/** The trace a request belongs to; undefined: it names none, or not as W3C has it. */
export function traceparentOf({ headers }: FastifyRequest): string | undefined {
  return traceparentIn(headers[TRACE_HEADER]);
}

/** What was given as a `traceparent`, if it is one. */
export function traceparentIn(given: unknown): string | undefined {
  return typeof given === 'string' && TRACEPARENT.test(given) ? given : undefined;
}
