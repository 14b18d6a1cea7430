/**
 * The ingress: calls to a host name go to a ready instance of the workload that serves it, HTTP
 * and WebSocket alike, body and answer as they are.
 *
 * A call that its instance did not take goes to another one, where that cannot do anything twice
 * (attempts.ts).
 */
import { METHODS } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import proxy, { type FastifyHttpProxyOptions } from '@fastify/http-proxy';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { nodeState, type Refusal, type Route, refusal } from '../../subjects/index.ts';
import {
  answerWithProblems,
  REQUEST_ID_HEADER,
  refuse,
  refuseConnection,
  refuseEarly,
} from '../http/refuse.ts';
import { requestIds } from '../http/request-id.ts';
import type { Behind } from '../inside.ts';
import { RequestLog } from '../request-log.ts';
import { Attempts } from './attempts.ts';
import { CONNECT_MS, Connections } from './connections.ts';
import { urlOf } from './endpoints.ts';
import { failureOf } from './failure.ts';
import {
  answerHeaders,
  type ForwardedFor,
  requestHeaders,
  webSocketHeaders,
  withCookie,
} from './headers.ts';
import { hostNameIn } from './host-name.ts';
import type { Caller, FoundEndpoint } from './table.ts';
import { traceCalls } from './trace.ts';

/** Until an instance has begun to answer. */
const ANSWER_MS = 60_000;

/** Methods that are forwarded: all but those that are about the connection itself. */
const methods = METHODS.filter((each) => each !== 'CONNECT' && each !== 'TRACE');

declare module 'fastify' {
  interface FastifyRequest {
    /** Where an ingress request has been sent. */
    attempts: Attempts | undefined;
    /** Set-Cookie header that brings its caller back to the same instance. */
    affinityCookie: string | undefined;
    /** Host of the route it took, for the counts. */
    routedHost: string | undefined;
  }
}

/** The part of the plugin's options its types keep to themselves. */
type WithWebSocket = Extract<Parameters<typeof proxy>[1], { readonly websocket: true }>;

/**
 * Makes the server; the caller lets it listen. `proxies`: whose word on behalf of whom they ask is
 * believed.
 */
export async function ingressServer(
  inside: Behind,
  { proxies }: { readonly proxies: readonly string[] },
): Promise<FastifyInstance> {
  const log = new RequestLog(inside.log, { tellsChanges: false });
  const app = Fastify({
    logController: log,
    genReqId: requestIds(inside.newId),
    trustProxy: [...proxies],
    return503OnClosing: false,
    exposeHeadRoutes: false,
    frameworkErrors: refuseEarly,
    clientErrorHandler: refuseConnection,
  });
  answerWithProblems(app, log);
  traceCalls(app);
  app.decorateRequest('attempts', undefined);
  app.decorateRequest('affinityCookie', undefined);
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
  const connections = new Connections({
    underWay: () => inside.calls.endpoints(),
    isOffline: (node) => {
      const known = inside.known.nodes.get({ node });
      return known !== undefined && nodeState(known) === 'offline';
    },
  });
  app.addHook('onClose', async () => connections.stop());
  await app.register(proxy, forwarding(inside, connections));
  return app;
}

function forwarding(
  inside: Behind,
  connections: Connections,
): FastifyHttpProxyOptions & WithWebSocket {
  const { sockets } = inside;
  return {
    upstream: '',
    httpMethods: [...methods],
    // A path may begin with two slashes; the library would read a host name in it.
    preRewrite: (url) => (url.startsWith('//') ? `/.${url}` : url),
    disableRequestLogging: true,
    internalRewriteLocationHeader: false,
    undici: {
      connect: (to: { readonly hostname: string; readonly port: string }, done: Connected) =>
        handOver(connections.connect(to.hostname, Number(to.port)), done),
      headersTimeout: ANSWER_MS,
      // An answer may take as long as both sides like: streams of events, slow downloads.
      bodyTimeout: 0,
    },
    destroyAgent: true,
    preHandler: (request, reply, done) => {
      const because = direct(inside, request, reply);
      if (because) refuse(reply, because);
      else done();
    },
    handler: (request, reply, path, options) => send(inside, { request, reply, path, options }),
    replyOptions: {
      getUpstream: (request) => upstreamOf(request as FastifyRequest),
      // Trying again is decided here (`again`), not by the library: it knows one instance only.
      retryDelay: () => null,
      rewriteRequestHeaders: (request, headers) =>
        requestHeaders(headers, callerOf(request as FastifyRequest), {
          hasBody: (request as FastifyRequest).body !== undefined,
        }),
      rewriteHeaders: (headers, request) => ({
        ...withCookie(answerHeaders(headers), (request as FastifyRequest).affinityCookie),
        [REQUEST_ID_HEADER]: request?.id,
      }),
    },
    websocket: true,
    wsClientOptions: {
      handshakeTimeout: CONNECT_MS,
      perMessageDeflate: false,
      createConnection: ({ host, port }: { readonly host: string; readonly port: number }) =>
        connections.connect(host, port),
      rewriteRequestHeaders: (_headers: object, request: FastifyRequest) =>
        webSocketHeaders(request.headers, callerOf(request)),
    } as object,
    wsHooks: {
      onConnect: (_context, source) => sockets.add(source),
      onDisconnect: (_context, source) => sockets.delete(source),
    },
  };
}

type Connected = (...what: [Error, null] | [null, Socket]) => void;

/** Says once what became of a connection. */
function handOver(socket: Socket, done: Connected): Socket {
  const failed = (error: Error): void => done(error, null);
  socket.once('error', failed);
  return socket.once('connect', () => {
    socket.off('error', failed);
    done(null, socket);
  });
}

/** Finds the way of a request and takes it; what it is refused with where there is none. */
function direct(inside: Behind, request: FastifyRequest, reply: FastifyReply): Refusal | undefined {
  const { upgrade, connection, host: header } = request.headers;
  const isUpgrade = upgrade !== undefined && /\bupgrade\b/i.test(connection ?? '');
  if (isUpgrade && upgrade.toLowerCase() !== 'websocket') {
    return refusal('request-malformed', 'a connection can be upgraded to WebSocket only');
  }
  const host = hostNameIn(header);
  const found = host === undefined ? undefined : inside.table.find(host, placeOf(request));
  if (!found || found.kind === 'unrouted') {
    return refusal('host-unrouted', `nothing is served as ${host ?? 'a host without a name'}`);
  }
  request.routedHost = found.route.host;
  if (found.kind === 'none') return noneReady(found.route);
  const attempts = new Attempts(request.method);
  request.attempts = attempts;
  // A WebSocket lives as long as its connection, and has no answer that could end.
  (isUpgrade ? request.raw.socket : reply.raw).once('close', () => attempts.end());
  take(inside, request, found);
  return undefined;
}

/** The call goes to what was found for it. */
function take({ calls }: Behind, request: FastifyRequest, found: FoundEndpoint): void {
  request.affinityCookie = found.cookie;
  request.attempts?.begin(found.endpoint, calls.begin(found.endpoint));
}

function placeOf({ ip, headers }: FastifyRequest): Caller {
  return { address: ip, cookie: headers.cookie };
}

function noneReady({ tenant, workload }: Route): Refusal {
  return refusal('endpoints-none', `${tenant}/${workload} has no ready instance`);
}

interface Forwarded {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly path: string;
  readonly options: Parameters<FastifyReply['from']>[1];
}

/** Sends a call to where it goes now. */
function send(inside: Behind, forwarded: Forwarded): FastifyReply {
  const { request, reply, path, options } = forwarded;
  if (request.body instanceof Readable) request.body = request.attempts?.bodyOf(request.raw);
  return reply.from(path, {
    ...options,
    getUpstream: () => upstreamOf(request),
    onError: (_reply: unknown, { error }: { readonly error: Error }): void =>
      again(inside, forwarded, error),
  });
}

/** The instance failed before it answered: another one is tried, or the caller is told. */
function again(inside: Behind, forwarded: Forwarded, error: Error): void {
  const { request, reply } = forwarded;
  const { attempts, routedHost: host = '' } = request;
  const meaning = failureOf(error);
  const failed = attempts?.endpoint;
  if (failed && meaning.kind !== 'other') inside.calls.failed(failed);
  const found = attempts?.failed(meaning)
    ? inside.table.find(host, placeOf(request), attempts.tried)
    : undefined;
  if (found?.kind === 'endpoint') {
    inside.meters.triedAgain(host);
    take(inside, request, found);
    send(inside, forwarded);
    return;
  }
  // What is left of a body nobody reads cannot be told from the next request.
  if (!request.raw.complete) reply.header('connection', 'close');
  const which = failed?.instance ?? 'the instance';
  refuse(reply, refusal('endpoint-failed', `${which}: ${meaning.text}`));
}

function upstreamOf({ attempts }: FastifyRequest): string {
  if (!attempts) throw new Error('a request was forwarded before it had a way');
  return urlOf(attempts.endpoint);
}

function callerOf({ id, ip, protocol, headers }: FastifyRequest): ForwardedFor {
  return { id, address: ip, protocol, host: headers.host ?? '' };
}
