/** Workloads: list, one. Creating and changing them: manifests.ts, workload-orders.ts. */

import { z } from 'zod';
import { kinds, workloadName } from '../../subjects/index.ts';
import { accepted } from '../http/accept.ts';
import { tagOf } from '../http/if-match.ts';
import { workloadNotFound } from '../http/not-found.ts';
import { refuse } from '../http/refuse.ts';
import { shownOrStreamed } from '../http/streamed.ts';
import type { Api } from '../http/validation.ts';
import type { Inside } from '../inside.ts';
import { flagQuery } from '../present/flag-query.ts';
import { hasLabels, labelQuery } from '../present/label-query.ts';
import { listOf, minRevision, tenantQuery } from '../present/list.ts';
import { workloadShape } from '../present/workload.ts';
import { watchWorkload, workloadOfKnown } from '../watch/things.ts';

const tags = ['workloads'];
const params = z.object({ name: workloadName });

export function workloadRoutes(api: Api, inside: Inside): void {
  const { known, clients } = inside;
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
        .flatMap(({ tenant, name }) => workloadOfKnown(inside, { tenant, name }) ?? []);
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
          summary: 'One workload; its ETag is the generation; as text/event-stream, at each change',
        },
        ...{ params, querystring: z.strictObject({ tenant: tenantQuery, minRevision }) },
        response: {
          200: shownOrStreamed(workloadShape, 'The workload; or `workload`, then `gone`'),
        },
      },
    },
    async ({ params: { name }, query: { tenant, minRevision: revision }, headers }, reply) => {
      await known.reach(revision);
      const workload = workloadOfKnown(inside, { tenant, name });
      if (!workload) return refuse(reply, workloadNotFound(tenant, name));
      if (accepted(headers.accept, ['text/event-stream'])) {
        watchWorkload(inside, clients.answer(reply), { tenant, name });
        return reply;
      }
      return reply.header('ETag', tagOf(workload.generation)).send(workload);
    },
  );
}
