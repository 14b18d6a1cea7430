/** Makes sure that every way a request can fail ends as a problem, with its id and its headers. */
import { maxHeaderSize, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Refusal, refusal } from '../../subjects/index.ts';
import type { RequestLog } from '../request-log.ts';
import { isFault, refusalOf } from './error-refusal.ts';
import { PROBLEM_TYPE, problemOf, retryAfter } from './problem.ts';

declare module 'fastify' {
  interface FastifyReply {
    /** What the request was refused with, for log and metrics. */
    refusal: Refusal | undefined;
  }
}

/** Header that carries the id of a request, both ways. */
export const REQUEST_ID_HEADER = 'x-request-id';

/** Answers with a refusal. */
export function refuse(reply: FastifyReply, because: Refusal): FastifyReply {
  const wait = retryAfter(because);
  if (wait !== undefined && !reply.hasHeader('retry-after')) reply.header('Retry-After', wait);
  reply.refusal = because;
  const problem = problemOf(because, reply.request.id);
  reply.header(REQUEST_ID_HEADER, problem.id);
  return reply.code(problem.status).type(PROBLEM_TYPE).send(problem);
}

/** Lets a server answer each error, and what it has no route for, with a problem. */
export function answerWithProblems(app: FastifyInstance, log: RequestLog): void {
  app.decorateReply('refusal', undefined);
  app.setErrorHandler((error, request, reply) => {
    const { 'content-type': mediaType } = request.headers;
    const { bodyLimit: bodyBytesMax } = request.routeOptions;
    const because = refusalOf(error, { bodyBytesMax, mediaType });
    if (isFault(because)) log.fault(error, request);
    return refuse(reply, because);
  });
}

/** For errors before there is a route: a URL that cannot be read. */
export function refuseEarly(error: FastifyError, _request: FastifyRequest, reply: unknown): void {
  refuse(reply as FastifyReply, refusalOf(error));
}

/** The refusal of a path there is nothing at. */
export function nothingAt(request: FastifyRequest): Refusal {
  return refusal('route-unknown', `${request.method} ${request.url.slice(0, 200)}`);
}

/** What Node's errors of a connection mean. */
const whyNoRequest: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: `the headers are larger than ${maxHeaderSize} bytes`,
  ERR_HTTP_REQUEST_TIMEOUT: 'the request was not there in time',
};

/** For what is not even a request: answered on the bare connection. */
export function refuseConnection(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const detail = whyNoRequest[error.code ?? ''] ?? 'this is not valid HTTP';
  const problem = problemOf(refusal('request-malformed', detail), '-');
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\nConnection: close\r\n` +
      `Content-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
