/** Creating and changing workloads by manifest, and asking first what would come of it. */
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import {
  changeOf,
  type Manifest,
  placementExplain,
  tenantName,
  wantedOf,
  workloadApply,
  workloadName,
} from '../../subjects/index.ts';
import { ifMatchHeaders, tagOf } from '../http/if-match.ts';
import { type ManifestText, manifestIn } from '../http/manifest-body.ts';
import { refuse } from '../http/refuse.ts';
import type { Api } from '../http/validation.ts';
import type { Inside } from '../inside.ts';

const tags = ['workloads'];
const config = { takesManifest: true };

const changes = z.enum(['created', 'updated', 'scaled', 'changed', 'unchanged']);

const applied = z.object({
  name: workloadName,
  generation: z.number().int(),
  change: changes.describe('updated: instances are replaced; changed: nothing is restarted'),
});

const explained = z.object({
  name: workloadName,
  change: changes.optional().describe('What applying it would do'),
  explanation: placementExplain.reply.describe(
    'Where its instances would go, and why not elsewhere',
  ),
});

const querystring = z.strictObject({
  tenant: tenantName.optional().describe('Whose it is; default: as the manifest says'),
  dryRun: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true')
    .describe('Change nothing: say what would change and explain the placement'),
});

export function manifestRoutes(api: Api, inside: Inside): void {
  api.post(
    '/workloads',
    {
      config,
      schema: {
        ...{ operationId: 'createWorkload', tags, summary: 'Creates a workload' },
        ...{ querystring },
        response: { 200: explained, 201: applied },
      },
    },
    async ({ query: { tenant, dryRun }, body }, reply) => {
      const read = manifestIn(body as ManifestText | undefined, { tenant, name: undefined });
      if (!read.ok) return refuse(reply, read.refusal);
      if (dryRun) return explain(inside, reply, read.value);
      return apply(inside, reply, read.value, { mode: 'create', ifGeneration: undefined });
    },
  );

  api.put(
    '/workloads/:name',
    {
      config,
      schema: {
        ...{ operationId: 'putWorkload', tags, summary: 'Creates a workload or changes its spec' },
        ...{ params: z.object({ name: workloadName }), querystring, headers: ifMatchHeaders },
        response: { 200: z.union([applied, explained]), 201: applied },
      },
    },
    async ({ params: { name }, query: { tenant, dryRun }, headers, body }, reply) => {
      const read = manifestIn(body as ManifestText | undefined, { tenant, name });
      if (!read.ok) return refuse(reply, read.refusal);
      if (dryRun) return explain(inside, reply, read.value);
      return apply(inside, reply, read.value, { mode: 'put', ifGeneration: headers['if-match'] });
    },
  );
}

interface How {
  readonly mode: 'create' | 'put';
  readonly ifGeneration: number | undefined;
}

async function apply(inside: Inside, reply: FastifyReply, manifest: Manifest, how: How) {
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

async function explain({ ask, known }: Inside, reply: FastifyReply, manifest: Manifest) {
  const { tenant, workload, wanted } = wantedOf(manifest);
  const change = changeOf(known.workloads.get({ tenant, workload }), wanted);
  const answer = await ask(reply, placementExplain, {}, { tenant, workload, wanted });
  if (!answer.ok) return refuse(reply, answer.refusal);
  return reply.send({ name: workload, change, explanation: answer.value });
}
