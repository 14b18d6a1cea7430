/** Pools: list, one, create and change by manifest, delete. */

import { z } from 'zod';
import { poolApply, poolDelete, poolName, poolPurge, tenantName } from '../../subjects/index.ts';
import { accepted } from '../http/accept.ts';
import { ifMatchHeaders, putHeaders, tagOf } from '../http/if-match.ts';
import { type ManifestText, poolIn } from '../http/manifest-body.ts';
import { poolNotFound } from '../http/not-found.ts';
import { refuse } from '../http/refuse.ts';
import { shownOrStreamed } from '../http/streamed.ts';
import type { Api } from '../http/validation.ts';
import type { Inside } from '../inside.ts';
import { flagQuery } from '../present/flag-query.ts';
import { hasLabels, labelQuery } from '../present/label-query.ts';
import { listOf, minRevision, tenantQuery } from '../present/list.ts';
import { poolOfKnown, poolShape } from '../present/pool.ts';
import { watchPool } from '../watch/pools.ts';

const tags = ['pools'];
const params = z.object({ name: poolName });
const querystring = z.strictObject({ tenant: tenantQuery });

const applied = z
  .object({
    name: poolName,
    generation: z.number().int(),
    change: z.enum(['created', 'updated', 'unchanged']),
  })
  .meta({ title: 'PoolApplied' });

export function poolRoutes(api: Api, { known, ask, clients }: Inside): void {
  api.get(
    '/pools',
    {
      schema: {
        ...{ operationId: 'listPools', tags, summary: 'The pools of a tenant, with their counts' },
        querystring: querystring.extend({ label: labelQuery, minRevision }),
        response: { 200: listOf(poolShape) },
      },
    },
    async ({ query }) => {
      await known.reach(query.minRevision);
      const items = [...known.pools.entries()]
        .map(({ value }) => value)
        .filter(({ tenant }) => tenant === query.tenant)
        .filter(({ labels }) => hasLabels(labels, query.label))
        .sort((one, other) => (one.name < other.name ? -1 : 1))
        .flatMap(({ name }) => poolOfKnown(known, query.tenant, name) ?? []);
      return { items, revision: known.revision };
    },
  );

  api.get(
    '/pools/:name',
    {
      config: { refusals: ['pool-not-found'], headers: ['ETag'] },
      schema: {
        ...{ operationId: 'getPool', tags },
        summary: 'One pool; its ETag is the generation; as text/event-stream, at each change',
        ...{ params, querystring: querystring.extend({ minRevision }) },
        response: { 200: shownOrStreamed(poolShape, 'The pool; or `pool`, then `gone`') },
      },
    },
    async ({ params: { name }, query, headers: given }, reply) => {
      const { tenant } = query;
      await known.reach(query.minRevision);
      const pool = poolOfKnown(known, tenant, name);
      if (!pool) return refuse(reply, poolNotFound(tenant, name));
      if (accepted(given.accept, ['text/event-stream'])) {
        watchPool(known, clients.answer(reply), { tenant, pool: name });
        return reply;
      }
      return reply.header('ETag', tagOf(pool.generation)).send(pool);
    },
  );

  api.post(
    '/pools/:name/purge',
    {
      config: {
        refusals: ['pool-not-found', 'pool-deleting', 'generation-stale'],
        headers: ['Shoal-Revision'],
      },
      schema: {
        ...{ operationId: 'purgePool', tags, summary: 'Replaces every slot that nobody has' },
        ...{ params, querystring, headers: ifMatchHeaders },
        response: {
          200: z
            .object({
              name: poolName,
              generation: z.number().int(),
              slots: z.number().int().describe('How many slots end now'),
            })
            .meta({ title: 'PoolPurged' }),
        },
      },
    },
    async ({ params: { name }, query: { tenant }, headers: given }, reply) => {
      const payload = { ifGeneration: given['if-match'] };
      const answer = await ask(reply, poolPurge, { tenant, pool: name }, payload);
      return answer.ok ? { name, ...answer.value } : refuse(reply, answer.refusal);
    },
  );

  api.delete(
    '/pools/:name',
    {
      config: { refusals: ['pool-not-found', 'generation-stale'], headers: ['Shoal-Revision'] },
      schema: {
        ...{ operationId: 'deletePool', tags, summary: 'Ends it; it goes with its last claim' },
        ...{ params, querystring, headers: ifMatchHeaders },
        response: {
          200: z.object({
            name: poolName,
            slots: z.number().int().describe('How many slots end now'),
            claims: z.number().int().describe('How many are claimed, and end with their claims'),
          }),
        },
      },
    },
    async ({ params: { name }, query: { tenant }, headers: given }, reply) => {
      const payload = { ifGeneration: given['if-match'] };
      const answer = await ask(reply, poolDelete, { tenant, pool: name }, payload);
      return answer.ok ? { name, ...answer.value } : refuse(reply, answer.refusal);
    },
  );
}

/** Creating and changing: the body is a manifest. */
export function poolManifestRoutes(api: Api, { ask }: Inside): void {
  api.put(
    '/pools/:name',
    {
      config: {
        takesManifest: true,
        headers: ['ETag', 'Shoal-Revision', 'Location'],
        refusals: [
          ...(['media-type-unsupported', 'body-too-large', 'manifest-malformed'] as const),
          ...(['pool-exists', 'pool-deleting', 'generation-stale'] as const),
        ],
      },
      schema: {
        ...{ operationId: 'putPool', tags, summary: 'Creates a pool or changes its spec' },
        ...{ params, headers: putHeaders },
        querystring: z.strictObject({
          tenant: tenantName.optional().describe('Whose it is; default: as the manifest says'),
          dryRun: flagQuery('Change nothing: say what would change'),
        }),
        response: { 200: applied, 201: applied },
      },
    },
    async ({ params: { name }, query: { tenant, dryRun }, headers: given, body }, reply) => {
      const read = poolIn(body as ManifestText | undefined, { tenant, name });
      if (!read.ok) return refuse(reply, read.refusal);
      const { metadata, spec } = read.value;
      const mode = given['if-none-match'] === '*' ? 'create' : 'put';
      const tokens = { tenant: metadata.tenant, pool: name };
      const answer = await ask(reply, poolApply, tokens, {
        wanted: { labels: metadata.labels, spec },
        mode: dryRun ? `try-${mode}` : mode,
        ifGeneration: given['if-match'],
      });
      if (!answer.ok) return refuse(reply, answer.refusal);
      const { generation, change } = answer.value;
      if (!dryRun) reply.header('ETag', tagOf(generation));
      if (change === 'created' && !dryRun) {
        const location = `/api/v1/pools/${name}?tenant=${metadata.tenant}`;
        reply.code(201).header('Location', location);
      }
      return reply.send({ name, generation, change });
    },
  );
}
