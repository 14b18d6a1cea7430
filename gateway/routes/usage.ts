/** What is in use: of each node, and of the instances of a tenant. */
import { z } from 'zod';
import { entryName, nodeId, workloadName } from '../../subjects/index.ts';
import type { Api } from '../http/validation.ts';
import type { Inside } from '../inside.ts';
import { listOf, minRevision, tenantQuery } from '../present/list.ts';
import {
  instanceUseShape,
  nodeUseShape,
  presentInstanceUse,
  presentNodeUse,
} from '../present/usage.ts';

const tags = ['usage'];

export function usageRoutes(api: Api, { known, usage }: Inside): void {
  api.get(
    '/usage/nodes',
    {
      schema: {
        ...{ operationId: 'listNodeUse', tags, summary: 'What each node uses, as it last said' },
        querystring: z.strictObject({ minRevision }),
        response: { 200: listOf(nodeUseShape) },
      },
    },
    async ({ query }) => {
      await known.reach(query.minRevision);
      const items = [...known.nodes.entries()]
        .map(({ value }) => presentNodeUse(value, usage.of(value.node)))
        .sort((one, other) => (one.node < other.node ? -1 : 1));
      return { items, revision: known.revision };
    },
  );

  api.get(
    '/usage/instances',
    {
      schema: {
        ...{ operationId: 'listInstanceUse', tags },
        summary: 'What the instances of a tenant use that are on a node, as that last said',
        querystring: z.strictObject({
          ...{ tenant: tenantQuery, workload: workloadName.optional(), node: nodeId.optional() },
          minRevision,
        }),
        response: { 200: listOf(instanceUseShape) },
      },
    },
    async ({ query: { tenant, workload, node: wanted, minRevision: revision } }) => {
      await known.reach(revision);
      const found =
        workload === undefined
          ? known.instances.entries()
          : known.instances.by('workload', `${tenant}.${workload}`);
      const items = [...found].flatMap(({ value }) => {
        const { node } = value;
        if (value.tenant !== tenant || value.outcome || node === undefined) return [];
        if (wanted !== undefined && node !== wanted) return [];
        const entry = known.ledgers.get({ node })?.entries[entryName(value)];
        return [presentInstanceUse(value, { node, entry, usage: usage.of(node) })];
      });
      items.sort((one, other) => (one.instance < other.instance ? -1 : 1));
      return { items, revision: known.revision };
    },
  );
}
