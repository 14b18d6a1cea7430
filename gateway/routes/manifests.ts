/** Creating and changing workloads by manifest, and asking first what would come of it. */

import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import {
  placementExplain,
  tenantName,
  type WorkloadManifest,
  wantedOf,
  workloadApply,
  workloadName,
} from '../../subjects/index.ts';
import { putHeaders, tagOf } from '../http/if-match.ts';
import { type ManifestText, workloadIn } from '../http/manifest-body.ts';
import { refuse } from '../http/refuse.ts';
import type { Api } from '../http/validation.ts';
import type { Inside } from '../inside.ts';
import { flagQuery } from '../present/flag-query.ts';

const tags = ['workloads'];
const headers = ['ETag', 'Shoal-Revision', 'Location'] as const;
/** What creating and changing alike may be refused with. */
const refusals = [
  ...(['media-type-unsupported', 'body-too-large', 'manifest-malformed'] as const),
  ...(['workload-exists', 'workload-deleting', 'host-taken'] as const),
  ...(['driver-unknown', 'spec-unplaceable'] as const),
] as const;
const ofChanges = ['generation-stale', 'workload-kind-fixed', 'job-fixed', 'job-finished'] as const;

const changes = z.enum(['created', 'updated', 'scaled', 'changed', 'unchanged']);

const applied = z
  .object({
    name: workloadName,
    generation: z.number().int(),
    change: changes.describe('updated: instances are replaced; changed: nothing is restarted'),
  })
  .meta({ title: 'Applied' });

const explained = z
  .object({
    name: workloadName,
    change: changes.optional().describe('What applying it would do'),
    explanation: placementExplain.reply.describe(
      'Where its instances would go, and why not elsewhere',
    ),
  })
  .meta({ title: 'DryRun' });

const querystring = z.strictObject({
  tenant: tenantName.optional().describe('Whose it is; default: as the manifest says'),
  dryRun: flagQuery('Change nothing: say what would change and explain the placement'),
});

export function manifestRoutes(api: Api, inside: Inside): void {
  api.post(
    '/workloads',
    {
      config: { takesManifest: true, headers, refusals },
      schema: {
        ...{ operationId: 'createWorkload', tags, summary: 'Creates a workload' },
        ...{ querystring },
        response: { 200: explained, 201: applied },
      },
    },
    async ({ query: { tenant, dryRun }, body }, reply) => {
      const read = workloadIn(body as ManifestText | undefined, { tenant, name: undefined });
      if (!read.ok) return refuse(reply, read.refusal);
      const how = { mode: 'create', ifGeneration: undefined } as const;
      return (dryRun ? explain : apply)(inside, reply, read.value, how);
    },
  );

  api.put(
    '/workloads/:name',
    {
      config: { takesManifest: true, headers, refusals: [...refusals, ...ofChanges] },
      schema: {
        ...{ operationId: 'putWorkload', tags, summary: 'Creates a workload or changes its spec' },
        ...{ params: z.object({ name: workloadName }), querystring, headers: putHeaders },
        response: { 200: z.union([applied, explained]), 201: applied },
      },
    },
    async ({ params: { name }, query: { tenant, dryRun }, headers, body }, reply) => {
      const read = workloadIn(body as ManifestText | undefined, { tenant, name });
      if (!read.ok) return refuse(reply, read.refusal);
      const mode = headers['if-none-match'] === '*' ? 'create' : 'put';
      const how = { mode, ifGeneration: headers['if-match'] } as const;
      return (dryRun ? explain : apply)(inside, reply, read.value, how);
    },
  );
}

interface How {
  readonly mode: 'create' | 'put';
  readonly ifGeneration: number | undefined;
}

async function apply(inside: Inside, reply: FastifyReply, manifest: WorkloadManifest, how: How) {
  const { tenant, workload: name, wanted } = wantedOf(manifest);
  const tokens = { tenant, workload: name };
  const answer = await inside.ask(reply, workloadApply, tokens, { wanted, ...how });
  if (!answer.ok) return refuse(reply, answer.refusal);
  const { generation, change } = answer.value;
  reply.header('ETag', tagOf(generation));
  if (change === 'created') {
    reply.code(201).header('Location', `/api/v1/workloads/${name}?tenant=${tenant}`);
  }
  return reply.send({ name, generation, change });
}

/** What applying would be answered with, but for room: that is explained node by node. */
async function explain({ ask }: Inside, reply: FastifyReply, manifest: WorkloadManifest, how: How) {
  const { tenant, workload, wanted } = wantedOf(manifest);
  const payload = { wanted, ...how, mode: `try-${how.mode}` } as const;
  const would = await ask(reply, workloadApply, { tenant, workload }, payload);
  if (!would.ok) return refuse(reply, would.refusal);
  const explained = await ask(reply, placementExplain, {}, { tenant, workload, wanted });
  if (!explained.ok) return refuse(reply, explained.refusal);
  const { change } = would.value;
  return reply.send({ name: workload, change, explanation: explained.value });
}
