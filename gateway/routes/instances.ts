/** Instances: list, one, stop. */
import { z } from 'zod';
import { instanceId, instanceStop, nodeId, phases, workloadName } from '../../subjects/index.ts';
import { accepted } from '../http/accept.ts';
import { instanceNotFound } from '../http/not-found.ts';
import { refuse } from '../http/refuse.ts';
import { shownOrStreamed } from '../http/streamed.ts';
import type { Api } from '../http/validation.ts';
import type { Inside } from '../inside.ts';
import { instanceShape, presentInstance } from '../present/instance.ts';
import { listOf, minRevision, tenantQuery } from '../present/list.ts';
import { instanceOfKnown, watchInstance } from '../watch/things.ts';

const tags = ['instances'];
const params = z.object({ id: instanceId });

export function instanceRoutes(api: Api, inside: Inside): void {
  const { known, ask, clients } = inside;
  api.get(
    '/instances',
    {
      schema: {
        ...{ operationId: 'listInstances', tags, summary: 'The instances of a tenant' },
        querystring: z.strictObject({
          ...{ tenant: tenantQuery, workload: workloadName.optional(), node: nodeId.optional() },
          ...{ phase: z.enum(phases).optional(), minRevision },
        }),
        response: { 200: listOf(instanceShape) },
      },
    },
    async ({ query }) => {
      const { tenant, workload, node, phase } = query;
      await known.reach(query.minRevision);
      const found =
        workload === undefined
          ? known.instances.entries()
          : known.instances.by('workload', `${tenant}.${workload}`);
      const items = [...found]
        .map(({ value }) => value)
        .filter((each) => each.tenant === tenant)
        .filter((each) => node === undefined || each.node === node)
        .map((each) => known.see(each))
        .filter((each) => phase === undefined || each.phase === phase)
        .map(presentInstance)
        .sort((one, other) => (one.instance < other.instance ? -1 : 1));
      return { items, revision: known.revision };
    },
  );

  api.get(
    '/instances/:id',
    {
      config: { refusals: ['instance-not-found'] },
      schema: {
        ...{ operationId: 'getInstance', tags },
        summary: 'One instance; as text/event-stream, at each change',
        ...{ params, querystring: z.strictObject({ tenant: tenantQuery, minRevision }) },
        response: {
          200: shownOrStreamed(instanceShape, 'The instance; or `instance`, then `gone`'),
        },
      },
    },
    async ({ params: { id }, query: { tenant, minRevision: revision }, headers }, reply) => {
      await known.reach(revision);
      const instance = instanceOfKnown(inside, { tenant, name: id });
      if (!instance) return refuse(reply, instanceNotFound(tenant, id));
      if (accepted(headers.accept, ['text/event-stream'])) {
        watchInstance(inside, clients.answer(reply), { tenant, name: id });
        return reply;
      }
      return reply.send(instance);
    },
  );

  api.delete(
    '/instances/:id',
    {
      config: { refusals: ['instance-not-found'], headers: ['Shoal-Revision'] },
      schema: {
        ...{ operationId: 'stopInstance', tags },
        summary: 'Stops one instance with its grace; its workload gets another in its place',
        ...{ params, querystring: z.strictObject({ tenant: tenantQuery }) },
        response: { 202: z.object({ instance: instanceId, workload: workloadName }) },
      },
    },
    async ({ params: { id }, query: { tenant } }, reply) => {
      const answer = await ask(reply, instanceStop, { tenant, instance: id }, {});
      if (!answer.ok) return refuse(reply, answer.refusal);
      return reply.code(202).send({ instance: id, workload: answer.value.workload });
    },
  );
}
