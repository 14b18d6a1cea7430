/** The listener for gRPC: services, health, reflection and limits put together. */
import {
  logVerbosity,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  setLogVerbosity,
} from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import type { FastifyInstance } from 'fastify';
import { StartError } from '../../actors/runtime/start-error.ts';
import { BODY_BYTES_MAX } from '../http/server.ts';
import type { Inside } from '../inside.ts';
import { admission, type Door } from './call.ts';
import { type Rpc, readContract, serviceNames } from './contract.ts';
import { Health } from './health.ts';
import { type Method, services } from './methods.ts';
import { reflectedPackage } from './reflected.ts';
import { addSessions, SESSIONS, sessionPace } from './session.ts';
import { unary } from './unary.ts';
import { stopping, watching } from './watch.ts';

/** Largest message that is read, in bytes: a Struct takes up to twice what its JSON does. */
const MESSAGE_BYTES_MAX = 2 * BODY_BYTES_MAX;
/** Calls under way on one connection at a time; more wait at the client. */
const STREAMS_MAX = 100;
/** How long a connection may be silent until it is asked whether it lives, in milliseconds. */
const KEEPALIVE_MS = 30_000;
/** How long it may take to say so, in milliseconds. */
const KEEPALIVE_TIMEOUT_MS = 10_000;
/** How long calls under way may take to finish when the gateway stops, in milliseconds. */
const FINISH_MS = 5_000;

export interface GrpcListening {
  /** `127.0.0.1:8482`. */
  readonly address: string;
  /** Ends streams, lets calls finish for a while, then ends what is left. */
  close(): Promise<void>;
}

/** Serves `shoal.v1` on the operations of an API. Throws StartError. */
export async function serveGrpc(
  inside: Inside,
  api: FastifyInstance,
  of: { readonly host: string; readonly port: number; readonly requestsPerSecond: number },
): Promise<GrpcListening> {
  // What fails is told here, as the programs tell it.
  setLogVerbosity(logVerbosity.NONE);
  const rpcOf = readContract();
  const server = new Server({
    interceptors: [sessionPace(rpcOf)],
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_concurrent_streams': STREAMS_MAX,
    'grpc.keepalive_time_ms': KEEPALIVE_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
  });
  const door: Door = { api, inside, admit: admission(api, of.requestsPerSecond) };
  addServices(server, door, rpcOf);
  const health = new Health(inside, serviceNames({ ...services, [SESSIONS]: [] }));
  health.addTo(server as never);
  new ReflectionService(reflectedPackage()).addToServer(server);
  const address = await bind(server, of);
  const close = async (): Promise<void> => {
    health.stop();
    for (const each of inside.grpcCalls) each.end(stopping());
    await new Promise<void>((resolve) => {
      const force = setTimeout(() => server.forceShutdown(), FINISH_MS);
      server.tryShutdown(() => {
        clearTimeout(force);
        resolve();
      });
    });
  };
  return { address, close };
}

function addServices(server: Server, door: Door, rpcOf: ReturnType<typeof readContract>): void {
  for (const [service, methods] of Object.entries(services)) {
    const definition: Record<string, ServiceDefinition[string]> = {};
    const handlers: Record<string, ReturnType<typeof unary> | ReturnType<typeof watching>> = {};
    for (const method of methods) {
      const operation = door.api.operations.get(method.operation);
      if (!operation) throw new Error(`there is no operation ${method.operation}`);
      const rpc = rpcOf(service, method.name);
      definition[method.name] = definitionOf(method, rpc);
      const handler = method.streams ? watching : unary;
      handlers[method.name] = handler(door, method, operation, rpc);
    }
    server.addService(definition as ServiceDefinition, handlers);
  }
  addSessions(server, door, rpcOf);
}

/** Messages are bytes until a method looks at them: what cannot be read is then refused by name. */
function definitionOf({ streams }: Method, { name }: Rpc): ServiceDefinition[string] {
  const same = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
  return {
    ...{ path: `/${name}`, requestStream: false, responseStream: streams !== undefined },
    ...{ requestSerialize: same, requestDeserialize: same },
    ...{ responseSerialize: same, responseDeserialize: same },
  };
}

async function bind(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<string> {
  const named = host.includes(':') ? `[${host}]` : host;
  try {
    const bound = await new Promise<number>((resolve, reject) => {
      const done = (error: Error | null, found: number): void =>
        error ? reject(error) : resolve(found);
      server.bindAsync(`${named}:${port}`, ServerCredentials.createInsecure(), done);
    });
    return `${named}:${bound}`;
  } catch (error) {
    server.forceShutdown();
    const message = error instanceof Error ? error.message : `${error}`;
    const why = /EADDRINUSE/.test(message)
      ? 'is in use; stop what listens there'
      : `fails (${message});`;
    throw new StartError(`port ${port} on ${host} ${why} or set SHOAL_GRPC_PORT to another one`);
  }
}
