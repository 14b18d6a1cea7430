/**
 * The listener of Try It Now: its paths as its callers know them, with what its server said where there
 * is no path. Nothing of Shoal's API is served here, and nothing of this there.
 */
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Inside } from '../../inside.ts';
import { RequestLog } from '../../request-log.ts';
import { fail, plainText } from './answers.ts';
import { Demos } from './demos.ts';
import { demoMeters } from './metrics.ts';
import { askForPool } from './pool.ts';
import {
  acquireRoute,
  demoRoutes,
  type Facade,
  healthRoute,
  metricsRoute,
  statsRoute,
} from './routes.ts';
import type { TryItNowSettings } from './settings.ts';
import { StatusStreams } from './status-stream.ts';

/** Longest id in a path that is looked up, in characters. */
const ID_LENGTH_MAX = 8_192;

/** Makes the server; the caller lets it listen. */
export function tryItNowServer(inside: Inside, settings: TryItNowSettings): FastifyInstance {
  const log = new RequestLog(inside.log, { tellsChanges: true });
  const demos = new Demos(inside.known, settings);
  const meters = demoMeters(() => demos.counts());
  const facade: Facade = { inside, settings, demos, meters, streams: new StatusStreams() };
  const app = Fastify({
    logController: log,
    genReqId: ({ headers }) => String(headers['x-request-id'] || randomUUID()),
    exposeHeadRoutes: false,
    return503OnClosing: false,
    requestTimeout: settings.readMs,
    routerOptions: { maxParamLength: ID_LENGTH_MAX },
    frameworkErrors: (_error, _request, reply) =>
      void plainText(reply as FastifyReply, 400, '400 Bad Request'),
    clientErrorHandler: refuseConnection,
  });
  // Bodies are read by whoever wants one: their media type says nothing.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.setErrorHandler((error, request, reply) => {
    log.fault(error, request);
    return reply.code(500).send();
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  app.addHook('onResponse', async (request, reply) => {
    const path = request.routeOptions.url ?? 'unknown';
    const { method } = request;
    const seconds = reply.elapsedTime / 1_000;
    meters.answered({ method, path, status: reply.statusCode, seconds });
  });
  app.setNotFoundHandler(nothingAt);
  healthRoute(app, facade);
  app.register((scope, _options, done) => {
    scope.addHook('onRequest', keyChecked(settings.apiKey));
    for (const routes of [metricsRoute, acquireRoute, demoRoutes, statsRoute]) {
      routes(scope, facade);
    }
    done();
  });
  watch(app, facade);
  return app;
}

/** Has the pool made, tells what was said in vain, and counts what becomes of slots. */
function watch(app: FastifyInstance, { inside, settings, meters, streams }: Facade): void {
  const { tenant, pool, wanted } = settings;
  const isMine = (of: { readonly tenant: string; readonly pool: string }): boolean =>
    of.tenant === tenant && of.pool === pool;
  inside.known.whenSlotChanged((change) => {
    if (isMine(change.tokens)) meters.slotChanged(change);
  });
  inside.known.whenPoolChanged((change) => {
    if (isMine(change.tokens)) meters.poolChanged(change);
  });
  for (const reason of settings.notices) inside.log.info('a setting of try it now', { reason });
  const stop = wanted ? askForPool(inside, { tenant, pool, wanted }) : undefined;
  app.addHook('preClose', async () => {
    stop?.();
    streams.stop();
  });
}

/** Lets those in who have the key; everybody where there is none. */
function keyChecked(key: string) {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const wanted = digest(key);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    if (key === '') return undefined;
    const { api_key: query } = request.query as { readonly api_key?: string | string[] };
    const given = request.headers['x-api-key'] || [query ?? ''].flat()[0] || '';
    if (timingSafeEqual(digest(String(given)), wanted)) return undefined;
    return fail(reply, 'UNAUTHORIZED');
  };
}

/** Paths there are, by method: a slash behind one of them is taken away by a redirect. */
const paths: Readonly<Record<string, RegExp>> = {
  GET: /^\/(health|metrics|api\/v1\/(pool\/stats|demo\/[^/]+(\/status)?))$/,
  POST: /^\/api\/v1\/demo\/(acquire|[^/]+\/extend)$/,
  DELETE: /^\/api\/v1\/demo\/[^/]+$/,
};

/** What Go's server says of a path that there is not, of any method. */
function nothingAt(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const [path = '', query] = request.url.split('?', 2);
  const without = path.slice(0, -1);
  if (!path.endsWith('/') || !paths[request.method]?.test(without)) {
    return plainText(reply, 404, '404 page not found');
  }
  const location = query === undefined ? without : `${without}?${query}`;
  reply.header('location', location);
  if (request.method !== 'GET') return reply.code(307).send();
  const escaped = location.replaceAll('&', '&amp;').replaceAll('"', '&#34;');
  const safe = escaped.replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll("'", '&#39;');
  const body = `<a href="${safe}">Moved Permanently</a>.\n\n`;
  return reply.code(301).header('content-type', 'text/html; charset=utf-8').send(Buffer.from(body));
}

/** For what is not even a request: what Go's server says. */
function refuseConnection(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(
    'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n' +
      'Connection: close\r\n\r\n400 Bad Request',
  );
}
