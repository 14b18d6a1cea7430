/** Workloads: list, one, delete, scale. Creating and changing them: manifests.ts. */
import { z } from 'zod';
import {
  kinds,
  refusal,
  tenantName,
  type Workload,
  workloadDelete,
  workloadName,
  workloadScale,
} from '../../subjects/index.ts';
import { ifMatchHeaders, tagOf } from '../http/if-match.ts';
import { refuse } from '../http/refuse.ts';
import type { Api } from '../http/validation.ts';
import type { Inside } from '../inside.ts';
import { hasLabels, labelQuery } from '../present/label-query.ts';
import { listOf, minRevision, tenantQuery } from '../present/list.ts';
import { presentWorkload, type WorkloadShape, workloadShape } from '../present/workload.ts';

const tags = ['workloads'];
const params = z.object({ name: workloadName });
const querystring = z.strictObject({ tenant: tenantQuery });

export function workloadRoutes(api: Api, { known, ask }: Inside, ingressPort: number): void {
  const show = (workload: Workload): WorkloadShape => {
    const instances = known.seeAll(workload.tenant, workload.name);
    return presentWorkload(workload, instances, ingressPort);
  };

  api.get(
    '/workloads',
    {
      schema: {
        ...{ operationId: 'listWorkloads', tags, summary: 'The workloads of a tenant' },
        querystring: z.strictObject({
          ...{
            tenant: tenantQuery,
            kind: z.enum(kinds).optional(),
            label: labelQuery,
            minRevision,
          },
        }),
        response: { 200: listOf(workloadShape) },
      },
    },
    async ({ query }) => {
      await known.reach(query.minRevision);
      const items = [...known.workloads.entries()]
        .map(({ value }) => value)
        .filter(({ tenant }) => tenant === query.tenant)
        .filter(({ kind }) => query.kind === undefined || kind === query.kind)
        .filter(({ labels }) => hasLabels(labels, query.label))
        .sort((one, other) => (one.name < other.name ? -1 : 1))
        .map(show);
      return { items, revision: known.revision };
    },
  );

  api.get(
    '/workloads/:name',
    {
      schema: {
        ...{
          operationId: 'getWorkload',
          tags,
          summary: 'One workload; its ETag is the generation',
        },
        ...{ params, querystring: z.strictObject({ tenant: tenantQuery, minRevision }) },
        response: { 200: workloadShape },
      },
    },
    async ({ params: { name }, query: { tenant, minRevision: revision } }, reply) => {
      await known.reach(revision);
      const workload = known.workloads.get({ tenant, workload: name });
      if (!workload) {
        const detail = `there is no workload ${name} of tenant ${tenant}`;
        return refuse(reply, refusal('workload-not-found', detail));
      }
      reply.header('ETag', tagOf(workload.generation));
      return show(workload);
    },
  );

  api.delete(
    '/workloads/:name',
    {
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
      schema: {
        ...{ operationId: 'scaleWorkload', tags, summary: 'Changes how many instances there are' },
        ...{ params, querystring, headers: ifMatchHeaders },
        body: z.strictObject({ count: z.number().int().min(0).max(1000) }),
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
