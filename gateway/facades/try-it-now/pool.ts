/**
 * The pool that Try It Now's variables describe, and how it comes to be: asked for when the facade
 * starts, until the control plane has taken it. The same variables again change nothing.
 */
import type { z } from 'zod';
import { StartError } from '../../../actors/runtime/start-error.ts';
import {
  type PoolWanted,
  poolApply,
  poolWanted,
  type slotTemplate,
} from '../../../subjects/index.ts';
import type { Inside } from '../../inside.ts';
import type { TryItNowSettings, Variables } from './settings.ts';

type Template = z.input<typeof slotTemplate>;

/** What starts the default image: nothing but the command of a spec is run in a container. */
const DEFAULT_IMAGE = 'nginx:alpine';
const DEFAULT_COMMAND = ['/docker-entrypoint.sh', 'nginx', '-g', 'daemon off;'];

/** The first pause before the pool is asked for again, in milliseconds; doubles up to the longest. */
const AGAIN_MS = 500;
const AGAIN_MS_MAX = 10_000;
/** Variable that says how a slot's program is called from outside. */
const HOST_VARIABLE = 'PS_DOMAIN';
/** What a demo is booked, where nothing is said: what upstream reckons with. */
const DEMO_MEMORY = '512Mi';

/** What the pool is to be. Throws StartError. */
export function poolWantedIn(read: Variables): PoolWanted {
  const maximum = read.number('POOL_MAX_SIZE', 20);
  const parsed = poolWanted.safeParse({
    spec: {
      template: templateIn(read),
      // More than there may be in all is as many as there may be.
      ready: Math.min(read.number('POOL_TARGET_SIZE', 10), maximum),
      minimum: Math.max(0, Math.min(read.number('POOL_MIN_SIZE', 3), maximum)),
      maximum,
      ttl: secondsText(read.spanMs('POOL_DEFAULT_TTL', 3_600_000)),
      // What is left is counted in whole seconds: it may be up to one more.
      maximumTtl: secondsText(
        Math.floor(read.spanMs('POOL_MAX_TTL', 86_400_000) / 1_000) * 1_000 + 999,
      ),
      route: {
        domain: read.text('BASE_DOMAIN', 'localhost').toLowerCase(),
        variable: HOST_VARIABLE,
      },
    },
  });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const [, ...path] = issue?.path ?? [];
  const variable = VARIABLES[String(path[0])] ?? String(path[0]);
  const place = path.length > 1 ? ` (${path.join('.')})` : '';
  throw new StartError(`${variable} is not valid${place}: ${issue?.message}; correct it`);
}

/** Which variable a field of the spec is. */
const VARIABLES: Readonly<Record<string, string>> = {
  template: 'SHOAL_TRY_IT_NOW_TEMPLATE',
  ready: 'POOL_TARGET_SIZE',
  minimum: 'POOL_MIN_SIZE',
  maximum: 'POOL_MAX_SIZE',
  ttl: 'POOL_DEFAULT_TTL',
  maximumTtl: 'POOL_MAX_TTL',
  route: 'BASE_DOMAIN',
};

/** What a slot runs: a container, changed by `SHOAL_TRY_IT_NOW_TEMPLATE`, or what that says alone. */
function templateIn(read: Variables): Template {
  const text = read.text('SHOAL_TRY_IT_NOW_TEMPLATE', '{}');
  let given: Partial<Template>;
  try {
    given = JSON.parse(text);
  } catch {
    throw new StartError(
      `SHOAL_TRY_IT_NOW_TEMPLATE is ${text.slice(0, 100)}: not JSON; correct it`,
    );
  }
  if (given.driver !== undefined && given.driver !== 'docker') return given as Template;
  const container = containerIn(read);
  const environment = { ...container.environment, ...given.environment };
  const { image } = container;
  const command = given.command ?? (image === DEFAULT_IMAGE ? DEFAULT_COMMAND : undefined);
  if (!command) {
    const how = 'SHOAL_TRY_IT_NOW_TEMPLATE, e.g. {"command":["/run.sh"]}';
    throw new StartError(`CONTAINER_IMAGE is ${image}: say what starts it with ${how}`);
  }
  return { ...container, ...given, command, environment };
}

function containerIn(read: Variables): Omit<Template, 'command'> {
  return {
    driver: 'docker',
    image: read.text('CONTAINER_IMAGE', DEFAULT_IMAGE),
    ports: [{ name: 'http', container: 80 }],
    resources: { memory: DEMO_MEMORY },
    environment: {
      MYSQL_HOST: read.text('PS_DB_HOST', 'localhost'),
      MYSQL_PORT: read.text('PS_DB_PORT', '3306'),
      MYSQL_DATABASE: read.text('PS_DB_NAME', 'prestashop_demos'),
      MYSQL_USER: read.text('PS_DB_USER', 'demo'),
      MYSQL_PASSWORD: read.text('PS_DB_PASSWORD', 'devpass'),
      ADMIN_MAIL_OVERRIDE: read.text('PS_DEMO_USER', 'demo@demo.com'),
      ADMIN_PASSWORD_OVERRIDE: read.text('PS_DEMO_PASS', 'demodemo'),
    },
    // What upstream takes for healthy: any answer that is no failure of the server.
    probes: {
      readiness: {
        http: { path: '/', port: 'http', status: { from: 200, to: 499 } },
        ...{ initialDelay: '0s', period: '1s', timeout: '5s' },
      },
    },
  };
}

function secondsText(ms: number): string {
  return `${Number((ms / 1_000).toFixed(3))}s`;
}

/**
 * Asks for the pool until it is there. The returned function stops asking. What keeps it from being
 * there is told once each time it is another reason.
 */
export function askForPool(
  { inquire, log }: Pick<Inside, 'inquire' | 'log'>,
  {
    tenant,
    pool,
    wanted,
  }: Pick<TryItNowSettings, 'tenant' | 'pool'> & { readonly wanted: PoolWanted },
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let told: string | undefined;
  const ask = async (againMs: number): Promise<void> => {
    const { answer } = await inquire(poolApply, { tenant, pool }, { wanted, mode: 'put' });
    if (isStopped) return;
    if (answer.ok) {
      const { change, generation } = answer.value;
      log.info(`the pool of demos is ${change}`, { id: pool, tenant, generation });
      return;
    }
    const { code, detail: reason } = answer.refusal;
    if (told !== reason) log.warn('the pool of demos is not there yet', { id: pool, code, reason });
    told = reason;
    timer = setTimeout(() => void ask(Math.min(2 * againMs, AGAIN_MS_MAX)), againMs);
  };
  void ask(AGAIN_MS);
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
