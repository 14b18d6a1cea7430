/** What the gateway says of itself: that it lives, whether it can serve, its counts, its API. */
import { z } from 'zod';
import type { FoundDurability } from '../../actors/runtime/nats/in-force.ts';
import { VERSION } from '../../actors/runtime/version.ts';
import { durabilityLevels, PROTOCOL } from '../../subjects/index.ts';
import type { Api } from '../http/validation.ts';
import type { Inside, StoreHealth } from '../inside.ts';
import { agentsIn, versionsShape } from '../present/versions.ts';
import { type UpkeepHealth, upkeepStates } from '../upkeep.ts';

const tags = ['gateway'];
/** Probes are not counted against anybody. */
const config = { rateLimit: false as const };

const readiness = z.object({
  status: z.enum(['ready', 'unready', 'stopping']),
  bus: z.object({ connected: z.boolean(), server: z.string(), version: z.string() }),
  views: z.object({ current: z.boolean(), revision: z.number().int() }),
  replicas: z.number().int().describe('Copies of each stream: 3 survive the loss of a server'),
});

const store = z
  .object({
    state: z.enum(['well', 'slow', 'full', 'read-only', 'limit', 'failed', 'silent']),
    message: z.string().describe('What that means, and what to do'),
    since: z.iso.datetime().optional().describe('When it came to be so; absent: it is well'),
  })
  .meta({ title: 'Store' });

const durability = z
  .object({
    level: z.enum(durabilityLevels),
    survives: z.string().describe('What an acknowledged write survives'),
    replicas: z.number().int().describe('Copies of what was acknowledged'),
    syncInterval: z
      .string()
      .optional()
      .describe('How often nats-server flushes to the disk, or `always`; absent: it does not say'),
  })
  .meta({ title: 'Durability' });

const outside = z
  .object({
    what: z.enum(['caddy', 'demo-database']).describe('What is kept there: routes, or tables'),
    address: z.string(),
    state: z
      .enum(upkeepStates)
      .optional()
      .describe('behind: another gateway knows better; absent: there was no look yet'),
    message: z.string().optional().describe('Why the last look failed'),
    since: z.iso.datetime().optional(),
  })
  .meta({ title: 'Outside' });

export function gatewayRoutes(api: Api, inside: Inside): void {
  const { known, meters, clients, feed } = inside;
  api.get(
    '/health',
    {
      config,
      schema: {
        ...{ operationId: 'health', tags, summary: 'The process lives' },
        response: {
          200: z.object({
            ...{ status: z.literal('ok'), version: z.string(), uptimeSeconds: z.number() },
            store,
            durability: durability.optional().describe('As found; absent: nothing said so yet'),
            outside: z.array(outside).describe('What of the store this gateway keeps elsewhere'),
          }),
        },
      },
    },
    async () => ({
      ...{ status: 'ok' as const, version: VERSION, store: storeNow(inside.store()) },
      durability: presented(inside.durability.found),
      outside: inside.upkeeps.map((each) => outsideNow(each.health())),
      uptimeSeconds: Math.round(process.uptime()),
    }),
  );

  api.get(
    '/ready',
    {
      config,
      schema: {
        ...{ operationId: 'ready', tags, summary: 'It can answer: on the bus, views current' },
        response: { 200: readiness, 503: readiness },
      },
    },
    async (_request, reply) => {
      const bus = inside.bus();
      const isReady = bus.connected && known.isCurrent;
      const status = clients.isStopping ? 'stopping' : isReady ? 'ready' : 'unready';
      const views = { current: known.isCurrent, revision: known.revision };
      const body = { status, bus, views, replicas: feed.replicas } as const;
      return reply.code(status === 'ready' ? 200 : 503).send(body);
    },
  );

  api.get(
    '/version',
    {
      schema: {
        ...{ operationId: 'version', tags, summary: 'Which versions run: what to upgrade next' },
        response: { 200: versionsShape },
      },
    },
    async () => ({
      gateway: { version: VERSION, protocol: PROTOCOL },
      control: inside.bus().connected ? [...(await inside.controls())] : [],
      agents: agentsIn([...known.nodes.entries()].map((each) => each.value)),
    }),
  );

  api.get(
    '/metrics',
    {
      config,
      schema: {
        ...{ operationId: 'metrics', tags, summary: 'Counts, for Prometheus' },
        response: { 200: { content: { 'text/plain': { schema: z.string() } } } },
      },
    },
    async (_request, reply) =>
      reply.type(meters.registry.contentType).send(await meters.registry.metrics()),
  );

  api.get('/openapi.json', { config, schema: { hide: true } }, async () => api.swagger());
}

function presented(found: FoundDurability | undefined): z.infer<typeof durability> | undefined {
  if (!found) return undefined;
  const { level, sentence: survives, replicas, syncInterval } = found;
  return { level, survives, replicas, ...(syncInterval === undefined ? {} : { syncInterval }) };
}

function outsideNow({ since, ...health }: UpkeepHealth): z.infer<typeof outside> {
  return { ...health, ...(since === undefined ? {} : { since: new Date(since).toISOString() }) };
}

function storeNow({ state, message, since }: StoreHealth): z.infer<typeof store> {
  const at = since === undefined ? {} : { since: new Date(since).toISOString() };
  return { state, message, ...at };
}
