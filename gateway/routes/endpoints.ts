/** Where a service is called: its ready instances with their ports. */
import { z } from 'zod';
import { instanceId, nodeId, portName, workloadName } from '../../subjects/index.ts';
import { workloadNotFound } from '../http/not-found.ts';
import { refuse } from '../http/refuse.ts';
import type { Api } from '../http/validation.ts';
import type { Inside } from '../inside.ts';
import { listOf, minRevision, tenantQuery } from '../present/list.ts';

const endpointShape = z
  .object({
    instance: instanceId,
    node: nodeId,
    address: z.string(),
    ports: z.record(portName, z.number().int()).describe('Number of each named port'),
  })
  .meta({ title: 'Endpoint' });

export function endpointRoutes(api: Api, { known }: Inside): void {
  api.get(
    '/workloads/:name/endpoints',
    {
      config: { refusals: ['workload-not-found'] },
      schema: {
        operationId: 'listEndpoints',
        tags: ['workloads'],
        summary: 'Where the ready instances of a service take calls; none without ports',
        params: z.object({ name: workloadName }),
        querystring: z.strictObject({ tenant: tenantQuery, minRevision }),
        response: { 200: listOf(endpointShape) },
      },
    },
    async ({ params: { name }, query: { tenant, minRevision: revision } }, reply) => {
      await known.reach(revision);
      if (!known.workloads.get({ tenant, workload: name })) {
        return refuse(reply, workloadNotFound(tenant, name));
      }
      const list = known.endpoints.get({ tenant, workload: name });
      return { items: [...(list?.ready ?? [])], revision: known.revision };
    },
  );
}
