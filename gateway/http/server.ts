/** The API's server: routes, schemas, limits and problems put together. */
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import Fastify, { type FastifyInstance, type FastifyPluginCallback } from 'fastify';
import { refusal, workloadApply } from '../../subjects/index.ts';
import type { Inside } from '../inside.ts';
import { RequestLog } from '../request-log.ts';
import { acquireRoute } from '../routes/acquire.ts';
import { claimOrderRoutes, claimRoutes } from '../routes/claims.ts';
import { deadRoutes } from '../routes/dead.ts';
import { endpointRoutes } from '../routes/endpoints.ts';
import { eventRoutes } from '../routes/events.ts';
import { gatewayRoutes } from '../routes/gateway.ts';
import { instanceRoutes } from '../routes/instances.ts';
import { logRoutes } from '../routes/logs.ts';
import { manifestRoutes } from '../routes/manifests.ts';
import { nodeRoutes } from '../routes/nodes.ts';
import { openedSessionRoutes } from '../routes/opened-sessions.ts';
import { poolManifestRoutes, poolRoutes } from '../routes/pools.ts';
import { rolloutRoutes } from '../routes/rollouts.ts';
import {
  scheduleManifestRoutes,
  scheduleOrderRoutes,
  scheduleRoutes,
} from '../routes/schedules.ts';
import { sessionRoutes } from '../routes/sessions.ts';
import { tenantRoutes } from '../routes/tenants.ts';
import { usageRoutes } from '../routes/usage.ts';
import { workloadOrderRoutes } from '../routes/workload-orders.ts';
import { workloadRoutes } from '../routes/workloads.ts';
import { rpcNow } from '../through-rpc.ts';
import { RefusedError } from './error-refusal.ts';
import type { ManifestText } from './manifest-body.ts';
import { watchMethods } from './methods.ts';
import { openapi, transform } from './openapi.ts';
import { published } from './openapi-document.ts';
import { noteOperations } from './operations.ts';
import {
  answerWithProblems,
  nothingAt,
  REQUEST_ID_HEADER,
  refuse,
  refuseConnection,
  refuseEarly,
} from './refuse.ts';
import { requestIds } from './request-id.ts';
import { traceRequests } from './trace.ts';
import { takeUpgrades } from './upgrade.ts';
import { serializerCompiler, typed, validatorCompiler } from './validation.ts';

/** Largest body that is read, in bytes: what the largest ask may hold. */
export const BODY_BYTES_MAX = workloadApply.bytesMax;
const SECOND_MS = 1_000;
/** Media types of YAML: the registered one, and those in use before it. */
const YAML_TYPES = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml'];

export interface ApiOptions {
  /** That one address may make. */
  readonly requestsPerSecond: number;
  /** Whose word on behalf of whom they ask is believed; default: this machine's own. */
  readonly proxies?: readonly string[];
}

/** Makes the server; the caller lets it listen. */
export async function apiServer(inside: Inside, options: ApiOptions): Promise<FastifyInstance> {
  const log = new RequestLog(inside.log, { tellsChanges: true });
  const app = Fastify({
    logController: log,
    genReqId: requestIds(inside.newId),
    bodyLimit: BODY_BYTES_MAX,
    trustProxy: [...(options.proxies ?? ['loopback'])],
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: true },
    frameworkErrors: refuseEarly,
    clientErrorHandler: refuseConnection,
  });
  app.setValidatorCompiler(validatorCompiler).setSerializerCompiler(serializerCompiler);
  readJson(app);
  answerWithProblems(app, log);
  count(app, inside);
  traceRequests(app);
  await app.register(rateLimit, {
    ...{ max: options.requestsPerSecond, timeWindow: SECOND_MS },
    errorResponseBuilder: (_request, { max }) =>
      new RefusedError(refusal('rate-limited', `at most ${max} requests per second`)),
  });
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, (request, reply) =>
    refuse(reply, nothingAt(request)),
  );
  await app.register(swagger, {
    ...{ openapi, transform, convertConstToEnum: false },
    transformObject: (made) => published('openapiObject' in made ? made.openapiObject : {}),
  });
  noteOperations(app);
  const answerOtherMethods = watchMethods(app);
  gatewayRoutes(typed(app), inside);
  await app.register(fabricRoutes(inside), { prefix: '/api/v1' });
  answerOtherMethods();
  takeUpgrades(app);
  // Streams never end by themselves: they are told to before connections are waited for.
  app.addHook('preClose', async () => {
    inside.clients.stop();
    inside.turns.stop();
    inside.sessions.stop();
  });
  return app;
}

function fabricRoutes(inside: Inside): FastifyPluginCallback {
  return (scope, _options, done) => {
    const api = typed(scope);
    const all = [
      workloadRoutes,
      workloadOrderRoutes,
      rolloutRoutes,
      endpointRoutes,
      instanceRoutes,
      sessionRoutes,
      openedSessionRoutes,
      nodeRoutes,
      eventRoutes,
      logRoutes,
      deadRoutes,
      scheduleRoutes,
      scheduleOrderRoutes,
      poolRoutes,
      acquireRoute,
      claimRoutes,
      claimOrderRoutes,
      tenantRoutes,
      usageRoutes,
    ];
    for (const routes of all) routes(api, inside);
    scope.register((manifests, _more, registered) => {
      readManifests(manifests);
      manifestRoutes(typed(manifests), inside);
      scheduleManifestRoutes(typed(manifests), inside);
      poolManifestRoutes(typed(manifests), inside);
      registered();
    });
    done();
  };
}

/** Bodies are JSON. An empty one is none: many clients name the type of what they do not send. */
function readJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, text, done) => {
    if (text === '') done(null);
    else void parse(request, text as string, done);
  });
}

/** Bodies of manifests stay text: their problems have lines and columns. */
function readManifests(scope: FastifyInstance): void {
  const reader = (isJson: boolean) => async (_request: unknown, text: string) =>
    ({ text, isJson }) satisfies ManifestText;
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, reader(true));
  scope.addContentTypeParser(YAML_TYPES, { parseAs: 'string' }, reader(false));
}

function count(app: FastifyInstance, { meters }: Inside): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header(REQUEST_ID_HEADER, request.id);
  });
  app.addHook('onResponse', async (request, reply) => {
    if (rpcNow() !== undefined) return;
    const { method, routeOptions } = request;
    const route = routeOptions.url ?? 'unknown';
    const seconds = reply.elapsedTime / 1000;
    meters.answered({ method, route, status: reply.statusCode, seconds });
  });
}
