/**
 * The gateway: the only door from outside. One process serves the API over HTTP
 * and, where it is told to, gRPC, and the ingress, reads from
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
import type { GrpcListening } from './grpc/server.ts';
import { listen } from './http/listen.ts';
import { apiServer } from './http/server.ts';
import { ingressServer } from './ingress/server.ts';
import { type Inside, insideOf } from './inside.ts';
import { type GatewaySettings, gatewaySettings } from './settings.ts';

/** Where a gateway listens, and how it is stopped. */
export interface OpenGateway {
  readonly apiUrl: string;
  readonly ingressUrl: string;
  /** Where gRPC is served, `127.0.0.1:8482`; undefined: it is not. */
  readonly grpcAddress: string | undefined;
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
    const { apiUrl, ingressUrl, grpcAddress } = servers;
    const { found } = inside.durability;
    const grpc = grpcAddress === undefined ? '' : `, gRPC ${grpcAddress}`;
    const durability = found ? `; durability ${found.level}` : '';
    log.info(`gateway ready: API ${apiUrl}, ingress ${ingressUrl}${grpc}${durability}`, {
      address: apiUrl,
    });
    const stop = async (): Promise<void> => {
      await servers.stop();
      inside.feed.stop();
      await leave();
    };
    return { apiUrl, ingressUrl, grpcAddress, stop };
  } catch (error) {
    await leave();
    throw error;
  }
}

/** Opens the listeners; the ingress first, because the API tells where it is. */
async function serve(inside: Inside, settings: GatewaySettings): Promise<OpenGateway> {
  const { host, port, requestsPerSecond, proxies } = settings;
  const endSockets = (): void => {
    for (const each of inside.sockets) each.terminate();
  };
  const ingress = await listen(
    await ingressServer(inside, { proxies }),
    { host: settings.ingressHost, port: settings.ingressPort, setting: 'SHOAL_INGRESS_PORT' },
    endSockets,
  );
  try {
    const ingressPort = Number(new URL(ingress.url).port);
    const server = await apiServer(inside, { requestsPerSecond, ingressPort, proxies });
    const api = await listen(server, { host, port, setting: 'SHOAL_GATEWAY_PORT' });
    const grpc = await openGrpc(inside, server, settings).catch(async (error) => {
      await api.close();
      throw error;
    });
    const stop = async (): Promise<void> => {
      // Its calls are operations of the API.
      await grpc?.close();
      await Promise.all([api.close(), ingress.close()]);
    };
    return { apiUrl: api.url, ingressUrl: ingress.url, grpcAddress: grpc?.address, stop };
  } catch (error) {
    await ingress.close();
    throw error;
  }
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
  inside: Inside,
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
