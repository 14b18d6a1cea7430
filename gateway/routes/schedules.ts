/** Schedules: list, one, create and change by manifest, delete, pause, resume, trigger. */

import { z } from 'zod';
import {
  runOf,
  type Schedule,
  scheduleApply,
  scheduleDelete,
  scheduleName,
  schedulePause,
  scheduleResume,
  scheduleTrigger,
  tenantName,
  workloadName,
} from '../../subjects/index.ts';
import { ifMatchHeaders, putHeaders, tagOf } from '../http/if-match.ts';
import { type ManifestText, scheduleIn } from '../http/manifest-body.ts';
import { scheduleNotFound } from '../http/not-found.ts';
import { refuse } from '../http/refuse.ts';
import type { Api } from '../http/validation.ts';
import type { Inside } from '../inside.ts';
import { flagQuery } from '../present/flag-query.ts';
import { hasLabels, labelQuery } from '../present/label-query.ts';
import { listOf, minRevision, tenantQuery } from '../present/list.ts';
import { presentSchedule, scheduleShape } from '../present/schedule.ts';

const tags = ['schedules'];
const params = z.object({ name: scheduleName });
const querystring = z.strictObject({ tenant: tenantQuery });
const headers = ['ETag', 'Shoal-Revision'] as const;

const applied = z
  .object({
    name: scheduleName,
    generation: z.number().int(),
    change: z.enum(['created', 'updated', 'unchanged']),
  })
  .meta({ title: 'ScheduleApplied' });

export function scheduleRoutes(api: Api, { known }: Inside): void {
  const show = (schedule: Schedule) => {
    const { tenant, name } = schedule;
    const runs = [...known.workloads.by('schedule', `${tenant}.${name}`)]
      .map(({ value }) => value)
      .filter((each) => runOf(each)?.schedule === name && each.outcome === undefined);
    return presentSchedule(schedule, runs.map((each) => each.name).sort());
  };

  api.get(
    '/schedules',
    {
      schema: {
        ...{ operationId: 'listSchedules', tags, summary: 'The schedules of a tenant' },
        querystring: querystring.extend({ label: labelQuery, minRevision }),
        response: { 200: listOf(scheduleShape) },
      },
    },
    async ({ query }) => {
      await known.reach(query.minRevision);
      const items = [...known.schedules.entries()]
        .map(({ value }) => value)
        .filter(({ tenant }) => tenant === query.tenant)
        .filter(({ labels }) => hasLabels(labels, query.label))
        .sort((one, other) => (one.name < other.name ? -1 : 1))
        .map(show);
      return { items, revision: known.revision };
    },
  );

  api.get(
    '/schedules/:name',
    {
      config: { refusals: ['schedule-not-found'], headers: ['ETag'] },
      schema: {
        ...{
          operationId: 'getSchedule',
          tags,
          summary: 'One schedule; its ETag is the generation',
        },
        ...{ params, querystring: querystring.extend({ minRevision }) },
        response: { 200: scheduleShape },
      },
    },
    async ({ params: { name }, query: { tenant, minRevision: revision } }, reply) => {
      await known.reach(revision);
      const schedule = known.schedules.get({ tenant, schedule: name });
      if (!schedule) return refuse(reply, scheduleNotFound(tenant, name));
      reply.header('ETag', tagOf(schedule.generation));
      return show(schedule);
    },
  );
}

/** Deleting, pausing, resuming and triggering, by the name. */
export function scheduleOrderRoutes(api: Api, { ask }: Inside): void {
  api.delete(
    '/schedules/:name',
    {
      config: { refusals: ['schedule-not-found', 'generation-stale'], headers: ['Shoal-Revision'] },
      schema: {
        ...{ operationId: 'deleteSchedule', tags, summary: 'Removes it; its runs stay' },
        ...{ params, querystring, headers: ifMatchHeaders },
        response: {
          200: z.object({
            name: scheduleName,
            runs: z.number().int().describe('How many are still under way'),
          }),
        },
      },
    },
    async ({ params: { name }, query: { tenant }, headers: given }, reply) => {
      const payload = { ifGeneration: given['if-match'] };
      const answer = await ask(reply, scheduleDelete, { tenant, schedule: name }, payload);
      return answer.ok ? { name, runs: answer.value.runs } : refuse(reply, answer.refusal);
    },
  );

  const orders = [
    { verb: 'pause', contract: schedulePause, summary: 'It fires no more until it is resumed' },
    { verb: 'resume', contract: scheduleResume, summary: 'It fires again, from now on' },
  ] as const;
  for (const { verb, contract, summary } of orders) {
    api.post(
      `/schedules/:name/${verb}`,
      {
        config: { refusals: ['schedule-not-found'], headers },
        schema: {
          ...{ operationId: `${verb}Schedule`, tags, summary, params, querystring },
          response: { 200: z.object({ name: scheduleName, generation: z.number().int() }) },
        },
      },
      async ({ params: { name }, query: { tenant } }, reply) => {
        const answer = await ask(reply, contract, { tenant, schedule: name }, {});
        if (!answer.ok) return refuse(reply, answer.refusal);
        reply.header('ETag', tagOf(answer.value.generation));
        return { name, generation: answer.value.generation };
      },
    );
  }

  api.post(
    '/schedules/:name/trigger',
    {
      config: { refusals: ['schedule-not-found', 'schedule-running'], headers: ['Shoal-Revision'] },
      schema: {
        ...{ operationId: 'triggerSchedule', tags, summary: 'Fires it now; its plan stays' },
        ...{ params, querystring },
        response: {
          202: z.object({
            name: scheduleName,
            workload: workloadName.optional().describe('The run, or what is scaled'),
          }),
        },
      },
    },
    async ({ params: { name }, query: { tenant } }, reply) => {
      const answer = await ask(reply, scheduleTrigger, { tenant, schedule: name }, {});
      if (!answer.ok) return refuse(reply, answer.refusal);
      return reply.code(202).send({ name, workload: answer.value.workload });
    },
  );
}

/** Creating and changing: the body is a manifest. */
export function scheduleManifestRoutes(api: Api, { ask }: Inside): void {
  api.put(
    '/schedules/:name',
    {
      config: {
        takesManifest: true,
        headers: [...headers, 'Location'],
        refusals: [
          ...(['media-type-unsupported', 'body-too-large', 'manifest-malformed'] as const),
          ...(['schedule-exists', 'generation-stale'] as const),
        ],
      },
      schema: {
        ...{ operationId: 'putSchedule', tags, summary: 'Creates a schedule or changes its spec' },
        ...{ params, headers: putHeaders },
        querystring: z.strictObject({
          tenant: tenantName.optional().describe('Whose it is; default: as the manifest says'),
          dryRun: flagQuery('Change nothing: say what would change'),
        }),
        response: { 200: applied, 201: applied },
      },
    },
    async ({ params: { name }, query: { tenant, dryRun }, headers: given, body }, reply) => {
      const read = scheduleIn(body as ManifestText | undefined, { tenant, name });
      if (!read.ok) return refuse(reply, read.refusal);
      const { metadata, spec } = read.value;
      const tokens = { tenant: metadata.tenant, schedule: name };
      const mode = given['if-none-match'] === '*' ? 'create' : 'put';
      const answer = await ask(reply, scheduleApply, tokens, {
        wanted: { labels: metadata.labels, spec },
        mode: dryRun ? `try-${mode}` : mode,
        ifGeneration: given['if-match'],
      });
      if (!answer.ok) return refuse(reply, answer.refusal);
      const { generation, change } = answer.value;
      if (!dryRun) reply.header('ETag', tagOf(generation));
      if (change === 'created' && !dryRun) {
        const location = `/api/v1/schedules/${name}?tenant=${metadata.tenant}`;
        reply.code(201).header('Location', location);
      }
      return reply.send({ name, generation, change });
    },
  );
}
