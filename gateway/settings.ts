/**
 * The gateway's settings, from its environment; SHOAL_NATS, SHOAL_SEED and SHOAL_LOG are those of
 * every program.
 */
import { z } from 'zod';
import { StartError } from '../actors/runtime/start-error.ts';

export interface GatewaySettings {
  /** `SHOAL_COPY`: name of this copy, as its key is called; default `gateway`. */
  readonly copy: string;
  /** `SHOAL_GATEWAY_HOST`: address all listeners are bound to; default 127.0.0.1. */
  readonly host: string;
  /** `SHOAL_GATEWAY_PORT`: port of the API; default 8480; 0: any free one. */
  readonly port: number;
  /** `SHOAL_INGRESS_PORT`: port of the ingress; default 8481; 0: any free one. */
  readonly ingressPort: number;
  /** `SHOAL_GRPC_PORT`: port of gRPC; 0: any free one. Default: gRPC is not served. */
  readonly grpcPort: number | undefined;
  /** `SHOAL_RATE_LIMIT`: API requests per second that one address may make; default 1000. */
  readonly requestsPerSecond: number;
}

const port = z.coerce.number('a port number').int('a port number').min(0).max(65_535);

const schema = {
  SHOAL_COPY: z.string().regex(/^[a-z0-9][a-z0-9-]{0,47}$/, 'lower-case letters, digits, dashes'),
  SHOAL_GATEWAY_HOST: z.string().regex(/^[A-Za-z0-9.:-]{1,255}$/, 'an address or a host name'),
  SHOAL_GATEWAY_PORT: port,
  SHOAL_INGRESS_PORT: port,
  SHOAL_GRPC_PORT: port,
  SHOAL_RATE_LIMIT: z.coerce.number('a number').int('a whole number').min(1).max(1_000_000),
} as const;

/** Reads the settings. Throws StartError for one that is not valid. */
export function gatewaySettings(environment: NodeJS.ProcessEnv): GatewaySettings {
  const read = <N extends keyof typeof schema>(
    name: N,
    usual: string,
  ): z.infer<(typeof schema)[N]> => {
    const text = environment[name] || usual;
    const parsed = schema[name].safeParse(text);
    if (parsed.success) return parsed.data as z.infer<(typeof schema)[N]>;
    const why = parsed.error.issues[0]?.message ?? 'not valid';
    throw new StartError(`${name} is ${JSON.stringify(text)}: ${why}; correct or unset it`);
  };
  return {
    copy: read('SHOAL_COPY', 'gateway'),
    host: read('SHOAL_GATEWAY_HOST', '127.0.0.1'),
    port: read('SHOAL_GATEWAY_PORT', '8480'),
    grpcPort: environment['SHOAL_GRPC_PORT'] ? read('SHOAL_GRPC_PORT', '') : undefined,
    ingressPort: read('SHOAL_INGRESS_PORT', '8481'),
    requestsPerSecond: read('SHOAL_RATE_LIMIT', '1000'),
  };
}
