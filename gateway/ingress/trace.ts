/**
 * Makes sure that a call of a service is part of the trace its caller names, or begins one where this
 * program tells its spans to a collector, and that the instance is given the trace to go on with.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { TRACE_HEADER } from '../../actors/runtime/ports.ts';
import { spanOfRequest } from '../../actors/runtime/tracing.ts';
import { traceparentOf } from '../http/trace.ts';

/** Statuses from here on are failures of the service, or of the way there. */
const FAILED_STATUS = 500;

/** A span for each call, until its answer, or its WebSocket, has ended. */
export function traceCalls(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    const isUpgrade = request.headers.upgrade !== undefined;
    const span = spanOfRequest(
      `ingress ${isUpgrade ? 'upgrade' : request.method}`,
      traceparentOf(request),
    );
    if (span.traceparent !== undefined) request.headers[TRACE_HEADER] = span.traceparent;
    // A WebSocket lives as long as its connection, and has no answer that could end.
    (isUpgrade ? request.raw.socket : reply.raw).once('close', () => {
      if (isUpgrade) span.end(undefined, at(request));
      else if (!reply.raw.writableFinished) span.end(undefined, 'left');
      else span.end(failureOf(reply), `${reply.statusCode} ${at(request) ?? ''}`.trim());
    });
  });
}

/** Which instance took the call last. */
function at({ attempts }: FastifyRequest): string | undefined {
  return attempts?.endpoint.instance;
}

function failureOf({ statusCode, refusal }: FastifyReply): string | undefined {
  return statusCode < FAILED_STATUS ? undefined : (refusal?.code ?? String(statusCode));
}
