/** What is ordered about a workload by its name: deleting and scaling it. */
import { z } from 'zod';
import { tenantName, workloadDelete, workloadName, workloadScale } from '../../subjects/index.ts';
import { ifMatchHeaders, tagOf } from '../http/if-match.ts';
import { refuse } from '../http/refuse.ts';
import type { Api } from '../http/validation.ts';
import type { Inside } from '../inside.ts';
import { tenantQuery } from '../present/list.ts';

const tags = ['workloads'];
const params = z.object({ name: workloadName });
const querystring = z.strictObject({ tenant: tenantQuery });

export function workloadOrderRoutes(api: Api, { ask }: Inside): void {
  api.delete(
    '/workloads/:name',
    {
      config: { refusals: ['workload-not-found', 'generation-stale'], headers: ['Shoal-Revision'] },
      schema: {
        ...{ operationId: 'deleteWorkload', tags, summary: 'Stops all instances, then removes it' },
        ...{ params, querystring, headers: ifMatchHeaders },
        response: {
          202: z.object({
            name: workloadName,
            instances: z.number().int().describe('How many are being stopped'),
          }),
        },
      },
    },
    async ({ params: { name }, query: { tenant }, headers }, reply) => {
      const tokens = { tenant, workload: name };
      const answer = await ask(reply, workloadDelete, tokens, {
        ifGeneration: headers['if-match'],
      });
      if (!answer.ok) return refuse(reply, answer.refusal);
      return reply.code(202).send({ name, instances: answer.value.instances });
    },
  );

  api.post(
    '/workloads/:name/scale',
    {
      config: {
        refusals: [
          ...(['workload-not-found', 'generation-stale'] as const),
          ...(['workload-deleting', 'job-finished'] as const),
        ],
        headers: ['ETag', 'Shoal-Revision'],
      },
      schema: {
        ...{ operationId: 'scaleWorkload', tags, summary: 'Changes how many instances there are' },
        ...{ params, querystring, headers: ifMatchHeaders },
        body: z.strictObject({ count: z.number().int().min(0).max(1000) }).meta({ title: 'Scale' }),
        response: {
          200: z.object({
            ...{ tenant: tenantName, name: workloadName },
            generation: z.number().int(),
            count: z.number().int(),
          }),
        },
      },
    },
    async ({ params: { name }, query: { tenant }, headers, body: { count } }, reply) => {
      const tokens = { tenant, workload: name };
      const payload = { count, ifGeneration: headers['if-match'] };
      const answer = await ask(reply, workloadScale, tokens, payload);
      if (!answer.ok) return refuse(reply, answer.refusal);
      reply.header('ETag', tagOf(answer.value.generation));
      return { tenant, name, ...answer.value };
    },
  );
}
