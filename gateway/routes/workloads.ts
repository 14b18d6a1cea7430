/** Workloads: list, one. Creating and changing them: manifests.ts, workload-orders.ts. */

import { z } from 'zod';
import { kinds, type Workload, workloadName } from '../../subjects/index.ts';
import { tagOf } from '../http/if-match.ts';
import { workloadNotFound } from '../http/not-found.ts';
import { refuse } from '../http/refuse.ts';
import type { Api } from '../http/validation.ts';
import type { Inside } from '../inside.ts';
import { flagQuery } from '../present/flag-query.ts';
import { hasLabels, labelQuery } from '../present/label-query.ts';
import { listOf, minRevision, tenantQuery } from '../present/list.ts';
import { presentWorkload, type WorkloadShape, workloadShape } from '../present/workload.ts';

const tags = ['workloads'];
const params = z.object({ name: workloadName });

export function workloadRoutes(api: Api, { known, ingressPort }: Inside): void {
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
            all: flagQuery('Also those that run slots of pools'),
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
        .filter(({ owner }) => query.all || owner === undefined)
        .sort((one, other) => (one.name < other.name ? -1 : 1))
        .map(show);
      return { items, revision: known.revision };
    },
  );

  api.get(
    '/workloads/:name',
    {
      config: { refusals: ['workload-not-found'], headers: ['ETag'] },
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
      if (!workload) return refuse(reply, workloadNotFound(tenant, name));
      reply.header('ETag', tagOf(workload.generation));
      return show(workload);
    },
  );
}
