/** How a service comes to a version: how far it is, which it had, and what a person decides. */
import { z } from 'zod';
import {
  type Refusal,
  type RefusalCode,
  refusal,
  rolloutAbort,
  rolloutPromote,
  rolloutUndo,
  type Workload,
  workloadName,
} from '../../subjects/index.ts';
import { ifMatchHeaders, tagOf } from '../http/if-match.ts';
import { workloadNotFound } from '../http/not-found.ts';
import { refuse } from '../http/refuse.ts';
import type { Api } from '../http/validation.ts';
import type { Inside } from '../inside.ts';
import { listOf, minRevision, tenantQuery } from '../present/list.ts';
import { presentRollout, presentVersions, rolloutShape, versionShape } from '../present/rollout.ts';

const tags = ['workloads'];
const params = z.object({ name: workloadName });
const querystring = z.strictObject({ tenant: tenantQuery });
const readQuery = z.strictObject({ tenant: tenantQuery, minRevision });
const refusedAlways = [
  ...(['workload-not-found', 'generation-stale'] as const),
  ...(['workload-deleting', 'rollout-none'] as const),
] as const satisfies readonly RefusalCode[];

const orders = [
  {
    verb: 'promote',
    contract: rolloutPromote,
    refusals: ['rollout-unready'],
    summary: 'Lets a version whose canaries are ready replace the rest',
  },
  {
    verb: 'abort',
    contract: rolloutAbort,
    refusals: ['revision-not-found', 'host-taken'],
    summary: 'Ends a rollout: back to the version before',
  },
] as const;

const answered = z.object({
  name: workloadName,
  generation: z.number().int().describe('Of the workload, after it'),
  version: z.number().int().describe('Generation its instances are to be of'),
});

export function rolloutRoutes(api: Api, { known, ask }: Inside): void {
  const serviceOf = (tenant: string, name: string): (Workload & { kind: 'service' }) | Refusal => {
    const workload = known.workloads.get({ tenant, workload: name });
    if (!workload) return workloadNotFound(tenant, name);
    if (workload.kind === 'service') return workload;
    return refusal('rollout-none', `${name} is a job, and a job keeps its version`);
  };

  api.get(
    '/workloads/:name/rollout',
    {
      config: { refusals: ['workload-not-found', 'rollout-none'], headers: ['ETag'] },
      schema: {
        ...{ operationId: 'getRollout', tags, summary: 'How far a service is with its version' },
        ...{ params, querystring: readQuery, response: { 200: rolloutShape } },
      },
    },
    async ({ params: { name }, query: { tenant, minRevision: revision } }, reply) => {
      await known.reach(revision);
      const service = serviceOf(tenant, name);
      if ('code' in service) return refuse(reply, service);
      reply.header('ETag', tagOf(service.generation));
      return presentRollout(service, known.seeAll(tenant, name));
    },
  );

  api.get(
    '/workloads/:name/versions',
    {
      config: { refusals: ['workload-not-found', 'rollout-none'] },
      schema: {
        ...{
          operationId: 'listVersions',
          tags,
          summary: 'The versions of a service that are kept',
        },
        ...{ params, querystring: readQuery, response: { 200: listOf(versionShape) } },
      },
    },
    async ({ params: { name }, query: { tenant, minRevision: revision } }, reply) => {
      await known.reach(revision);
      const service = serviceOf(tenant, name);
      if ('code' in service) return refuse(reply, service);
      const kept = [...known.revisions.by('workload', `${tenant}.${name}`)];
      const items = presentVersions(
        service,
        kept.map(({ value }) => value),
      );
      return { items: [...items], revision: known.revision };
    },
  );

  for (const { verb, contract, refusals, summary } of orders) {
    api.post(
      `/workloads/:name/rollout/${verb}`,
      {
        config: { refusals: [...refusedAlways, ...refusals], headers: ['ETag', 'Shoal-Revision'] },
        schema: {
          ...{ operationId: `${verb}Rollout`, tags, summary, params, querystring },
          ...{ headers: ifMatchHeaders, response: { 200: answered } },
        },
      },
      async ({ params: { name }, query: { tenant }, headers }, reply) => {
        const payload = { ifGeneration: headers['if-match'] };
        const answer = await ask(reply, contract, { tenant, workload: name }, payload);
        if (!answer.ok) return refuse(reply, answer.refusal);
        const { generation, templateGeneration: version } = answer.value;
        reply.header('ETag', tagOf(generation));
        return { name, generation, version };
      },
    );
  }

  api.post(
    '/workloads/:name/rollout/undo',
    {
      config: {
        refusals: [...refusedAlways, 'revision-not-found', 'host-taken'],
        headers: ['ETag', 'Shoal-Revision'],
      },
      schema: {
        ...{ operationId: 'undoRollout', tags, summary: 'Goes back to an earlier version' },
        ...{ params, querystring, headers: ifMatchHeaders },
        body: z
          .strictObject({
            to: z.number().int().min(1).optional().describe('Which version; default: the last one'),
          })
          .nullish()
          .transform((given) => given ?? {}),
        response: { 200: answered },
      },
    },
    async ({ params: { name }, query: { tenant }, headers, body }, reply) => {
      const payload = { ...body, ifGeneration: headers['if-match'] };
      const answer = await ask(reply, rolloutUndo, { tenant, workload: name }, payload);
      if (!answer.ok) return refuse(reply, answer.refusal);
      const { generation, templateGeneration: version } = answer.value;
      reply.header('ETag', tagOf(generation));
      return { name, generation, version };
    },
  );
}
