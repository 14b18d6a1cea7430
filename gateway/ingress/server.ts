/**
 * The ingress: calls to a host name go to a ready instance of the workload that serves it, HTTP
 * and WebSocket alike, body and answer as they are.
 *
 * A GET or HEAD whose instance could not be reached, or hung up before it answered, is tried once
 * on another one; anything else might be done twice.
 */
import { METHODS } from 'node:http';
import proxy, { type FastifyHttpProxyOptions } from '@fastify/http-proxy';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { type Refusal, type Route, refusal } from '../../subjects/index.ts';
import {
  answerWithProblems,
  REQUEST_ID_HEADER,
  refuse,
  refuseConnection,
  refuseEarly,
} from '../http/refuse.ts';
import { requestIds } from '../http/request-id.ts';
import type { Inside } from '../inside.ts';
import { RequestLog } from '../request-log.ts';
import { type Endpoint, urlOf } from './endpoints.ts';
import { failureOf } from './failure.ts';
import { answerHeaders, type Caller, requestHeaders, webSocketHeaders } from './headers.ts';
import { hostNameIn } from './host-name.ts';
import type { IngressTable } from './table.ts';

/** Until an instance has taken a connection. */
const CONNECT_MS = 2_000;
/** Until it has begun to answer. */
const ANSWER_MS = 60_000;

/** Methods that are forwarded: all but those that are about the connection itself. */
const methods = METHODS.filter((each) => each !== 'CONNECT' && each !== 'TRACE');

declare module 'fastify' {
  interface FastifyRequest {
    /** Where an ingress request goes. */
    endpoint: Endpoint | undefined;
    /** Host of the route it took, for the counts. */
    routedHost: string | undefined;
  }
}

/** The part of the plugin's options its types keep to themselves. */
type WithWebSocket = Extract<Parameters<typeof proxy>[1], { readonly websocket: true }>;

/** Makes the server; the caller lets it listen. */
export async function ingressServer(inside: Inside): Promise<FastifyInstance> {
  const log = new RequestLog(inside.log, { tellsChanges: false });
  const app = Fastify({
    logController: log,
    genReqId: requestIds(inside.newId),
    trustProxy: 'loopback',
    return503OnClosing: false,
    exposeHeadRoutes: false,
    frameworkErrors: refuseEarly,
    clientErrorHandler: refuseConnection,
  });
  answerWithProblems(app, log);
  app.decorateRequest('endpoint', undefined);
  app.decorateRequest('routedHost', undefined);
  for (const method of methods) {
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true });
  }
  app.setNotFoundHandler((request, reply) => {
    reply.header('Allow', methods.join(', '));
    return refuse(reply, refusal('method-not-allowed', `${request.method} is not forwarded`));
  });
  app.addHook('onResponse', async (request, reply) => {
    const { routedHost: host = 'none' } = request;
    const seconds = reply.elapsedTime / 1000;
    inside.meters.forwarded({ host, status: reply.statusCode, seconds });
  });
  // Whoever upgrades and vanishes must not end the process.
  app.server.on('upgrade', (_request, socket) => socket.on('error', () => socket.destroy()));
  await app.register(proxy, forwarding(inside));
  return app;
}

function forwarding({ table, sockets }: Inside): FastifyHttpProxyOptions & WithWebSocket {
  return {
    upstream: '',
    httpMethods: [...methods],
    // A path may begin with two slashes; the library would read a host name in it.
    preRewrite: (url) => (url.startsWith('//') ? `/.${url}` : url),
    disableRequestLogging: true,
    internalRewriteLocationHeader: false,
    undici: {
      connect: { timeout: CONNECT_MS },
      headersTimeout: ANSWER_MS,
      // An answer may take as long as both sides like: streams of events, slow downloads.
      bodyTimeout: 0,
    },
    destroyAgent: true,
    preHandler: (request, reply, done) => {
      const because = direct(table, request);
      if (because) refuse(reply, because);
      else done();
    },
    handler: (request, reply, path, options) => {
      const onError = (_reply: unknown, { error }: { readonly error: Error }): void =>
        again({ table, request, reply, path, options }, error);
      return reply.from(path, { ...options, onError });
    },
    replyOptions: {
      getUpstream: (request) => upstreamOf(request as FastifyRequest),
      // Trying again is decided here (`again`), not by the library: it knows one instance only.
      retryDelay: () => null,
      rewriteRequestHeaders: (request, headers) =>
        requestHeaders(headers, callerOf(request as FastifyRequest), {
          hasBody: !isRepeatable(request as FastifyRequest),
        }),
      rewriteHeaders: (headers, request) => ({
        ...answerHeaders(headers),
        [REQUEST_ID_HEADER]: request?.id,
      }),
    },
    websocket: true,
    wsClientOptions: {
      handshakeTimeout: CONNECT_MS,
      perMessageDeflate: false,
      rewriteRequestHeaders: (_headers: object, request: FastifyRequest) =>
        webSocketHeaders(request.headers, callerOf(request)),
    } as object,
    wsHooks: {
      onConnect: (_context, source) => sockets.add(source),
      onDisconnect: (_context, source) => sockets.delete(source),
    },
  };
}

/** Finds the way of a request; what it is refused with where there is none. */
function direct(table: IngressTable, request: FastifyRequest): Refusal | undefined {
  const { upgrade, connection, host: header } = request.headers;
  const isUpgrade = upgrade !== undefined && /\bupgrade\b/i.test(connection ?? '');
  if (isUpgrade && upgrade.toLowerCase() !== 'websocket') {
    return refusal('request-malformed', 'a connection can be upgraded to WebSocket only');
  }
  const host = hostNameIn(header);
  const found = host === undefined ? undefined : table.find(host);
  if (!found || found.kind === 'unrouted') {
    return refusal('host-unrouted', `nothing is served as ${host ?? 'a host without a name'}`);
  }
  request.routedHost = found.route.host;
  if (found.kind === 'none') return noneReady(found.route);
  request.endpoint = found.endpoint;
  return undefined;
}

function noneReady({ tenant, workload }: Route): Refusal {
  return refusal('endpoints-none', `${tenant}/${workload} has no ready instance`);
}

interface Attempt {
  readonly table: IngressTable;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly path: string;
  readonly options: Parameters<FastifyReply['from']>[1];
}

/** The instance failed before it answered: another one is tried, or the caller is told. */
function again({ table, request, reply, path, options }: Attempt, error: Error): void {
  const { endpoint: failed, routedHost: host = '' } = request;
  const tell = (why: Error): void => {
    const which = request.endpoint?.instance ?? 'the instance';
    refuse(reply, refusal('endpoint-failed', `${which}: ${failureOf(why).text}`));
  };
  if (!isRepeatable(request) || !failureOf(error).isUnreached) return tell(error);
  const found = table.find(host, failed);
  if (found.kind !== 'endpoint') return tell(error);
  request.endpoint = found.endpoint;
  const getUpstream = (): string => urlOf(found.endpoint);
  const onError = (_reply: unknown, { error: second }: { readonly error: Error }): void =>
    tell(second);
  reply.from(path, { ...options, getUpstream, onError });
}

function isRepeatable({ method }: FastifyRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}

function upstreamOf({ endpoint }: FastifyRequest): string {
  if (!endpoint) throw new Error('a request was forwarded before it had a way');
  return urlOf(endpoint);
}

function callerOf({ id, ip, protocol, headers }: FastifyRequest): Caller {
  return { id, address: ip, protocol, host: headers.host ?? '' };
}
