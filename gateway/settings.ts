/**
 * The gateway's settings, from its environment; SHOAL_NATS, SHOAL_SEED and SHOAL_LOG are those of
 * every program.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import { StartError } from '../actors/runtime/start-error.ts';
import {
  type CaddySettings,
  caddyAdminUrl,
  caddyListen,
  caddyServerName,
} from './caddy/settings.ts';
import { type TryItNowSettings, tryItNowSettings } from './facades/try-it-now/settings.ts';

export interface GatewaySettings {
  /** `SHOAL_COPY`: name of this copy, as its key is called; default `gateway`. */
  readonly copy: string;
  /** `SHOAL_GATEWAY_HOST`: address the API and gRPC are bound to; default 127.0.0.1. */
  readonly host: string;
  /** `SHOAL_INGRESS_HOST`: address the ingress is bound to; default that of the API. */
  readonly ingressHost: string;
  /** `SHOAL_GATEWAY_PORT`: port of the API; default 8480; 0: any free one. */
  readonly port: number;
  /** `SHOAL_INGRESS_PORT`: port of the ingress; default 8481; 0: any free one. */
  readonly ingressPort: number;
  /**
   * `SHOAL_PROXIES`: addresses and networks (`10.0.0.0/8`, with commas between) whose word on behalf of
   * whom they ask is believed; default: this machine's own.
   */
  readonly proxies: readonly string[];
  /** `SHOAL_GRPC_PORT`: port of gRPC; 0: any free one. Default: gRPC is not served. */
  readonly grpcPort: number | undefined;
  /** `SHOAL_RATE_LIMIT`: API requests per second that one address may make; default 1000. */
  readonly requestsPerSecond: number;
  /** `SHOAL_TRY_IT_NOW`: the facade that speaks Try It Now's API. Default: it is not served. */
  readonly tryItNow: TryItNowSettings | undefined;
  /** `SHOAL_CADDY_ADMIN` or, with Try It Now, `CADDY_ADMIN_URL`. Default: nothing is written into one. */
  readonly caddy: CaddySettings | undefined;
}

const port = z.coerce.number('a port number').int('a port number').min(0).max(65_535);

const host = z.string().regex(/^[A-Za-z0-9.:-]{1,255}$/, 'an address or a host name');

/** An address, a network, or what the library calls the machine's own. */
function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  if (text === 'loopback') return true;
  const most = isIP(address) === 6 ? 128 : 32;
  return isIP(address) > 0 && more.length === 0 && (bits === undefined || isBits(bits, most));
}

function isBits(text: string, most: number): boolean {
  return /^\d{1,3}$/.test(text) && Number(text) <= most;
}

const schema = {
  SHOAL_COPY: z.string().regex(/^[a-z0-9][a-z0-9-]{0,47}$/, 'lower-case letters, digits, dashes'),
  SHOAL_GATEWAY_HOST: host,
  SHOAL_INGRESS_HOST: host,
  SHOAL_GATEWAY_PORT: port,
  SHOAL_INGRESS_PORT: port,
  SHOAL_PROXIES: z
    .string()
    .transform((text) => text.split(',').map((each) => each.trim()))
    .refine((all) => all.every(isNetwork), 'addresses and networks with commas between'),
  SHOAL_GRPC_PORT: port,
  SHOAL_RATE_LIMIT: z.coerce.number('a number').int('a whole number').min(1).max(1_000_000),
  SHOAL_CADDY_ADMIN: caddyAdminUrl,
  SHOAL_CADDY_SERVER: caddyServerName,
  SHOAL_CADDY_LISTEN: caddyListen,
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
  const api = read('SHOAL_GATEWAY_HOST', '127.0.0.1');
  const tryItNow = tryItNowSettings(environment);
  const admin = environment['SHOAL_CADDY_ADMIN']
    ? read('SHOAL_CADDY_ADMIN', '')
    : tryItNow?.caddyAdmin;
  const server = read('SHOAL_CADDY_SERVER', 'shoal');
  const listen = read('SHOAL_CADDY_LISTEN', ':80');
  return {
    copy: read('SHOAL_COPY', 'gateway'),
    host: api,
    ingressHost: read('SHOAL_INGRESS_HOST', api),
    port: read('SHOAL_GATEWAY_PORT', '8480'),
    grpcPort: environment['SHOAL_GRPC_PORT'] ? read('SHOAL_GRPC_PORT', '') : undefined,
    ingressPort: read('SHOAL_INGRESS_PORT', '8481'),
    proxies: read('SHOAL_PROXIES', 'loopback'),
    requestsPerSecond: read('SHOAL_RATE_LIMIT', '1000'),
    tryItNow,
    caddy: admin === undefined ? undefined : { admin, server, listen },
  };
}
