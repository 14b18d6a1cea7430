/**
 * The facade's settings. Try It Now's own variables keep their names, defaults and forms: one that
 * cannot be read is its default, with a notice. What Shoal adds begins with `SHOAL_TRY_IT_NOW`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { reasonOf } from '../../../actors/runtime/reason.ts';
import { StartError } from '../../../actors/runtime/start-error.ts';
import { type PoolWanted, poolName, tenantName } from '../../../subjects/index.ts';
import { caddyAdminUrl } from '../../caddy/settings.ts';
import { Proxies } from './caller.ts';
import { goSpanMs } from './go-text.ts';
import { poolWantedIn } from './pool.ts';
import type { DatabaseSettings } from './tables/database.ts';

export interface TryItNowSettings {
  /** `SERVER_HOST`, `SERVER_PORT`: where it listens; default 0.0.0.0:8080; port 0: any free one. */
  readonly host: string;
  readonly port: number;
  /** `SERVER_READ_TIMEOUT`: until all of a request is there, in milliseconds; default 30 s. */
  readonly readMs: number;
  /** `SHOAL_TRY_IT_NOW_TENANT`, default `default`, and `SHOAL_TRY_IT_NOW_POOL`, default `demo`. */
  readonly tenant: string;
  readonly pool: string;
  /** What the pool is to be, by the variables; undefined: it is somebody's manifest. */
  readonly wanted: PoolWanted | undefined;
  /** `API_KEY`; empty: none is asked for. */
  readonly apiKey: string;
  /** `TRUSTED_PROXIES`: whose word on behalf of whom they ask is believed. */
  readonly proxies: Proxies;
  /** `RATE_LIMIT_HOURLY`, `RATE_LIMIT_DAILY`. */
  readonly hourly: number;
  readonly daily: number;
  /** `CONTAINER_MODE`, as it was written. */
  readonly mode: string;
  /** `SHOAL_TRY_IT_NOW_URL`: how a URL is made of a host name; default `https://{host}`. */
  readonly url: string;
  /** `PS_ADMIN_PATH`. */
  readonly adminPath: string;
  /** `CADDY_ADMIN_URL`: the Caddy that routes are kept in; default none. */
  readonly caddyAdmin: string | undefined;
  /** `PS_DB_*`: the database that demos share; undefined: `PS_DB_HOST` is not set. */
  readonly database: DatabaseSettings | undefined;
  /** What was said in vain, each as a sentence. */
  readonly notices: readonly string[];
}

/** Variables of Try It Now that say nothing here, and why. */
const WITHOUT_EFFECT: Readonly<Record<string, readonly string[]>> = {
  'what is kept is kept in the store of the fabric': [
    ...['VALKEY_ADDR', 'VALKEY_PASSWORD', 'VALKEY_DB'],
  ],
  'the bus is that of the fabric, SHOAL_NATS': [
    ...['NATS_URL', 'NATS_STREAM_NAME', 'NATS_WORKER_COUNT'],
  ],
  'each claim begins a refill at once': ['POOL_REPLENISH_INTERVAL', 'POOL_REPLENISH_THRESHOLD'],
  'nothing is cut off while it is answered': ['SERVER_WRITE_TIMEOUT'],
  'agents choose ports, SHOAL_PORTS of each': [
    ...['CONTAINER_PORT_RANGE_START', 'CONTAINER_PORT_RANGE_END'],
  ],
  'agents know their engine': ['CONTAINER_NETWORK', 'PODMAN_SOCKET_PATH'],
  'slots are started, not restored': ['CRIU_ENABLED', 'CONTAINER_CHECKPOINT_PATH'],
  'the gateway logs as SHOAL_LOG says': ['LOG_LEVEL', 'LOG_FORMAT'],
};

/** Reads variables as Try It Now does, and keeps what there is to tell of it. */
export class Variables {
  readonly notices: string[] = [];
  readonly #environment: NodeJS.ProcessEnv;

  constructor(environment: NodeJS.ProcessEnv) {
    this.#environment = environment;
  }

  /** A text; one that is empty is not set. */
  text(name: string, usual: string): string {
    return this.#environment[name] || usual;
  }

  number(name: string, usual: number): number {
    return this.#read(name, usual, (text) =>
      /^[+-]?\d{1,15}$/.test(text) ? Number(text) : undefined,
    );
  }

  spanMs(name: string, usualMs: number): number {
    return this.#read(name, usualMs, goSpanMs);
  }

  /** What a schema takes; undefined where nothing is said. */
  one<T>(name: string, schema: z.ZodType<T>): T | undefined {
    return this.#read<T | undefined>(name, undefined, (text) => schema.safeParse(text).data);
  }

  /** Notices of what is set and says nothing here. */
  inVain(): readonly string[] {
    return Object.entries(WITHOUT_EFFECT).flatMap(([why, names]) => {
      const set = names.filter((name) => this.#environment[name]);
      return set.length === 0 ? [] : [`${set.join(', ')}: without effect, ${why}`];
    });
  }

  #read<T>(name: string, usual: T, read: (text: string) => T | undefined): T {
    const text = this.#environment[name];
    if (!text) return usual;
    const value = read(text);
    if (value !== undefined) return value;
    this.notices.push(`${name} is ${JSON.stringify(text)}: cannot be read, the default counts`);
    return usual;
  }
}

/** Variables of a file `.env` in a folder, where there is one: Try It Now reads it, too. */
function variablesIn(folder: string): NodeJS.ProcessEnv {
  try {
    return parseEnv(readFileSync(join(folder, '.env'), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new StartError(`.env in ${folder} cannot be read: ${reasonOf(error)}`);
  }
}

/**
 * Reads the settings; undefined: the facade is off. What `.env` in `folder` says counts where the
 * environment says nothing. Throws StartError for one that is not valid.
 */
export function tryItNowSettings(
  own: NodeJS.ProcessEnv,
  folder: string = process.cwd(),
): TryItNowSettings | undefined {
  const from = own['SHOAL_TRY_IT_NOW'];
  if (!from) return undefined;
  if (from !== 'environment' && from !== 'pool') {
    const what = 'environment (the pool is made of the variables) or pool (it is there already)';
    throw new StartError(`SHOAL_TRY_IT_NOW is ${JSON.stringify(from)}: ${what}`);
  }
  const environment = { ...variablesIn(folder), ...own };
  const read = new Variables(environment);
  const name = (variable: string, usual: string, schema: z.ZodType<string>): string =>
    valid(variable, read.text(variable, usual), schema);
  const pool = name('SHOAL_TRY_IT_NOW_POOL', 'demo', poolName);
  const wanted = from === 'environment' ? poolWantedIn(read) : undefined;
  const port = read.number('SERVER_PORT', 8_080);
  const settings = {
    host: read.text('SERVER_HOST', '0.0.0.0'),
    port: Number(valid('SERVER_PORT', String(port), portText)),
    readMs: Math.max(0, read.spanMs('SERVER_READ_TIMEOUT', 30_000)),
    tenant: name('SHOAL_TRY_IT_NOW_TENANT', 'default', tenantName),
    ...{ pool, wanted },
    apiKey: read.text('API_KEY', ''),
    proxies: proxiesIn(read.text('TRUSTED_PROXIES', '127.0.0.1,::1')),
    hourly: Math.max(0, read.number('RATE_LIMIT_HOURLY', 2)),
    daily: Math.max(0, read.number('RATE_LIMIT_DAILY', 5)),
    mode: read.text('CONTAINER_MODE', 'docker'),
    url: name('SHOAL_TRY_IT_NOW_URL', 'https://{host}', urlText),
    adminPath: read.text('PS_ADMIN_PATH', 'admin-demo'),
    database: databaseIn(read),
    caddyAdmin: read.one('CADDY_ADMIN_URL', caddyAdminUrl),
  };
  return { ...settings, notices: [...read.notices, ...read.inVain()] };
}

/** How demos, and whoever keeps their tables, reach the database; the defaults are upstream's. */
function databaseIn(read: Variables): DatabaseSettings | undefined {
  const host = read.text('PS_DB_HOST', '');
  if (host === '') return undefined;
  const port = read.number('PS_DB_PORT', 3_306);
  return {
    ...{ host, port, database: read.text('PS_DB_NAME', 'prestashop_demos') },
    ...{ user: read.text('PS_DB_USER', 'demo'), password: read.text('PS_DB_PASSWORD', 'devpass') },
  };
}

const portText = z
  .string()
  .refine((text) => Number(text) >= 0 && Number(text) <= 65_535, 'a port number');
const urlText = z.string().regex(/^https?:\/\/[^/]*\{host\}[^/]*$/, 'a URL, e.g. https://{host}');

/** What a variable says, if its schema takes it. Throws StartError. */
function valid(variable: string, text: string, schema: z.ZodType<string>): string {
  const parsed = schema.safeParse(text);
  if (parsed.success) return parsed.data;
  const why = parsed.error.issues[0]?.message ?? 'not valid';
  throw new StartError(`${variable} is ${JSON.stringify(text)}: ${why}; correct or unset it`);
}

/** Whose word counts is no place for a guess: what cannot be read stops the start. */
function proxiesIn(text: string): Proxies {
  const all = text.split(',').map((each) => each.trim());
  try {
    return new Proxies(all.filter((each) => each !== ''));
  } catch {
    const what = 'addresses and networks with commas between';
    throw new StartError(
      `TRUSTED_PROXIES is ${JSON.stringify(text)}: ${what}; correct or unset it`,
    );
  }
}
