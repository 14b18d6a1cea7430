/** Tenants: how much of a tenant's past is kept, read and set. */
import { z } from 'zod';
import { retentionSchema, tenantName, tenantRetain } from '../../subjects/index.ts';
import { ifSetMatchHeaders, tagOf } from '../http/if-match.ts';
import { refuse } from '../http/refuse.ts';
import type { Api } from '../http/validation.ts';
import type { Inside } from '../inside.ts';
import { minRevision } from '../present/list.ts';
import { presentRetention, retentionShape } from '../present/retention.ts';

const tags = ['tenants'];
const params = z.object({ tenant: tenantName });

export function tenantRoutes(api: Api, { known, ask }: Inside): void {
  api.get(
    '/tenants/:tenant/retention',
    {
      config: { headers: ['ETag'] },
      schema: {
        ...{ operationId: 'getRetention', tags, summary: 'What is kept of what is over' },
        ...{ params, querystring: z.strictObject({ minRevision }) },
        response: { 200: retentionShape },
      },
    },
    async ({ params: { tenant }, query }, reply) => {
      await known.reach(query.minRevision);
      const shape = presentRetention(tenant, known.tenants.get({ tenant }));
      reply.header('ETag', tagOf(shape.generation));
      return shape;
    },
  );

  api.put(
    '/tenants/:tenant/retention',
    {
      config: { refusals: ['generation-stale'], headers: ['ETag', 'Shoal-Revision'] },
      schema: {
        ...{ operationId: 'putRetention', tags, summary: 'Sets what is kept; the rest is default' },
        ...{ params, querystring: z.strictObject({}), headers: ifSetMatchHeaders },
        body: retentionSchema.meta({ title: 'RetentionSettings' }),
        response: { 200: retentionShape },
      },
    },
    async ({ params: { tenant }, headers, body: retention }, reply) => {
      const payload = { retention, ifGeneration: headers['if-match'] };
      const answer = await ask(reply, tenantRetain, { tenant }, payload);
      if (!answer.ok) return refuse(reply, answer.refusal);
      const shape = presentRetention(tenant, known.tenants.get({ tenant }));
      reply.header('ETag', tagOf(shape.generation));
      return shape;
    },
  );
}
