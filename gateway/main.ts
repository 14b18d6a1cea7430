/**
 * The gateway: the only door from outside. One process serves the API over HTTP
 * and, where it is told to, gRPC and Try It Now's API, and the ingress, reads from
 * views of its own and asks actors by request. Any number of such processes may run.
 *
 * Settings: settings.ts, and SHOAL_NATS, SHOAL_SEED, SHOAL_LOG.
 */
import { pathToFileURL } from 'node:url';
import type { FastifyInstance } from 'fastify';
import type { Log } from '../actors/runtime/log.ts';
import { checkApart } from '../actors/runtime/nats/ask-services.ts';
import {
  type BusProcess,
  busSettings,
  joinBus,
  leaveBus,
  viewsCurrent,
} from '../actors/runtime/nats/process.ts';
import { answerServices } from '../actors/runtime/nats/services.ts';
import { runProgram } from '../actors/runtime/program.ts';
import { VERSION } from '../actors/runtime/version.ts';
import { PROTOCOL } from '../subjects/index.ts';
import type { CaddySettings } from './caddy/settings.ts';
import type { TryItNowSettings } from './facades/try-it-now/settings.ts';
import type { GrpcListening } from './grpc/server.ts';
import { type Listening, listen } from './http/listen.ts';
import { apiServer } from './http/server.ts';
import { ingressServer } from './ingress/server.ts';
import { type Behind, type Inside, insideOf } from './inside.ts';
import { type GatewaySettings, gatewaySettings } from './settings.ts';

/** Where a gateway listens, and how it is stopped. */
export interface OpenGateway {
  readonly apiUrl: string;
  readonly ingressUrl: string;
  /** Where gRPC is served, `127.0.0.1:8482`; undefined: it is not. */
  readonly grpcAddress: string | undefined;
  /** Where Try It Now's API is served, `http://0.0.0.0:8080`; undefined: it is not. */
  readonly tryItNowUrl: string | undefined;
  /** No new connections, streams ended, requests finished, then the bus is left. */
  stop(): Promise<void>;
}

/** Opens a gateway. Throws StartError; nothing is then left open. */
export async function openGateway(
  log: Log,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<OpenGateway> {
  const settings = gatewaySettings(environment);
  const identity = { role: 'gateway', name: settings.copy } as const;
  const bus = await joinBus(busSettings(environment), identity, { log });
  const leave = (): Promise<void> => leaveBus(bus);
  try {
    const inside = insideOf(bus, log);
    await viewsCurrent(bus.views);
    await checkApart(bus.connection, 'this gateway');
    await Promise.all([inside.feed.start(), inside.durability.start()]);
    const servers = await serve(inside, settings);
    announce(bus, inside, settings, servers);
    await bus.connection.flush();
    const { apiUrl, ingressUrl, grpcAddress, tryItNowUrl } = servers;
    const { found } = inside.durability;
    const grpc = grpcAddress === undefined ? '' : `, gRPC ${grpcAddress}`;
    const demos = tryItNowUrl === undefined ? '' : `, Try It Now ${tryItNowUrl}`;
    const durability = found ? `; durability ${found.level}` : '';
    log.info(`gateway ready: API ${apiUrl}, ingress ${ingressUrl}${grpc}${demos}${durability}`, {
      address: apiUrl,
    });
    const stop = async (): Promise<void> => {
      await servers.stop();
      inside.feed.stop();
      await leave();
    };
    return { apiUrl, ingressUrl, grpcAddress, tryItNowUrl, stop };
  } catch (error) {
    await leave();
    throw error;
  }
}

/** Opens the listeners; the ingress first, because the API tells where it is. */
async function serve(behind: Behind, settings: GatewaySettings): Promise<OpenGateway> {
  const { host, port, requestsPerSecond, proxies, tryItNow } = settings;
  const endSockets = (): void => {
    for (const each of behind.sockets) each.terminate();
  };
  const closes: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    // The latest first: calls of gRPC are operations of the API.
    for (const close of closes.splice(0).reverse()) await close();
  };
  const opened = <T extends { close(): Promise<void> }>(listening: T): T => {
    closes.push(() => listening.close());
    return listening;
  };
  try {
    const at = { host: settings.ingressHost, port: settings.ingressPort };
    const setting = 'SHOAL_INGRESS_PORT';
    const front = await ingressServer(behind, { proxies });
    const ingress = opened(await listen(front, { ...at, setting }, endSockets));
    const inside = { ...behind, ingressPort: Number(new URL(ingress.url).port) };
    const server = await apiServer(inside, { requestsPerSecond, proxies });
    const api = opened(await listen(server, { host, port, setting: 'SHOAL_GATEWAY_PORT' }));
    const grpc = await openGrpc(inside, server, settings);
    if (grpc) opened(grpc);
    const demos = tryItNow && opened(await openTryItNow(inside, tryItNow));
    if (tryItNow?.database) closes.push(await keepDemoTables(inside, tryItNow));
    if (settings.caddy) closes.push(await keepCaddy(inside, settings.caddy, ingress.url));
    return {
      ...{ apiUrl: api.url, ingressUrl: ingress.url, grpcAddress: grpc?.address },
      ...{ tryItNowUrl: demos?.url, stop },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Opens the listener for callers of Try It Now. */
async function openTryItNow(inside: Inside, settings: TryItNowSettings): Promise<Listening> {
  const { tryItNowServer } = await import('./facades/try-it-now/server.ts');
  const { host, port } = settings;
  return listen(tryItNowServer(inside, settings), { host, port, setting: 'SERVER_PORT' });
}

/** Keeps the tables of demos; nothing of it is loaded otherwise. The returned function stops that. */
async function keepDemoTables(
  inside: Inside,
  { tenant, pool, database }: TryItNowSettings,
): Promise<() => Promise<void>> {
  if (!database) return async () => undefined;
  const { keepTables } = await import('./facades/try-it-now/tables/keep.ts');
  return keepTables(inside, { tenant, pool, database });
}

/** Keeps routes in a Caddy; nothing of it is loaded otherwise. The returned function stops that. */
async function keepCaddy(
  inside: Inside,
  settings: CaddySettings,
  ingressUrl: string,
): Promise<() => Promise<void>> {
  const { CaddyKeeper } = await import('./caddy/keep.ts');
  const keeper = new CaddyKeeper(inside, settings);
  keeper.start(new URL(ingressUrl).host);
  return () => keeper.stop();
}

/** Opens the listener for gRPC where there is to be one; nothing of it is loaded otherwise. */
async function openGrpc(
  inside: Inside,
  api: FastifyInstance,
  { host, grpcPort: port, requestsPerSecond }: GatewaySettings,
): Promise<GrpcListening | undefined> {
  if (port === undefined) return undefined;
  const { serveGrpc } = await import('./grpc/server.ts');
  return serveGrpc(inside, api, { host, port, requestsPerSecond });
}

/** Shows the gateway among the services. What it counts, `/metrics` says. */
function announce(
  bus: BusProcess,
  inside: Behind,
  settings: GatewaySettings,
  { apiUrl, ingressUrl, grpcAddress: grpc }: OpenGateway,
): void {
  const id = `${settings.copy}-${inside.newId().slice(-8)}`;
  answerServices(bus.connection, {
    ...{ name: 'shoal-gateway', id, version: VERSION, endpoints: () => [], counts: () => ({}) },
    description: 'Makes sure that there is one door from outside, and that it says what it knows.',
    metadata: {
      ...{ copy: id, protocol: String(PROTOCOL), api: apiUrl, ingress: ingressUrl },
      ...(grpc === undefined ? {} : { grpc }),
    },
  });
}

/** Starts a gateway; the returned function stops it in order. */
export async function startGateway(
  log: Log,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<() => Promise<void>> {
  const gateway = await openGateway(log, environment);
  return () => gateway.stop();
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runProgram('shoal-gateway', (log) => startGateway(log));
}
