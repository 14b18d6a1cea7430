/** Logs of a workload or of one instance: what was printed, and what is. */
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { instanceId, logFrame, pattern, refusal, workloadName } from '../../subjects/index.ts';
import { accepted } from '../http/accept.ts';
import { instanceNotFound, workloadNotFound } from '../http/not-found.ts';
import { refuse } from '../http/refuse.ts';
import type { Api } from '../http/validation.ts';
import { wholeNumber } from '../http/whole-number.ts';
import type { Inside } from '../inside.ts';
import { type Line, lineShape } from '../logs/lines.ts';
import { followLines, readBacklog } from '../logs/read.ts';
import { since, sinceMs } from '../logs/since.ts';
import { minRevision, tenantQuery } from '../present/list.ts';

/** Lines told at first: without and with following. */
const TAIL = { once: 500, follow: 100 } as const;

const querystring = z.strictObject({
  tenant: tenantQuery,
  follow: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true')
    .describe('Go on with each line as it is printed'),
  since: since.optional(),
  tail: wholeNumber({ from: 0, to: 10_000 })
    .optional()
    .describe('The last so many lines; default 500, 100 when following'),
  minRevision,
});
type Query = z.output<typeof querystring>;

const common = {
  tags: ['logs'],
  querystring,
  response: {
    200: {
      description: 'Lines',
      content: {
        'text/plain': { schema: z.string() },
        'application/json': { schema: z.object({ items: z.array(lineShape) }) },
        'text/event-stream': { schema: z.string() },
      },
    },
  },
};

export function logRoutes(api: Api, inside: Inside): void {
  const { known } = inside;
  api.get(
    '/workloads/:name/logs',
    {
      exposeHeadRoute: false,
      config: { refusals: ['workload-not-found', 'store-unavailable'] },
      schema: {
        ...{ ...common, operationId: 'workloadLogs', summary: 'What all its instances print' },
        params: z.object({ name: workloadName }),
      },
    },
    async ({ params: { name }, query, headers }, reply) => {
      const { tenant } = query;
      await known.reach(query.minRevision);
      if (!known.workloads.get({ tenant, workload: name })) {
        return refuse(reply, workloadNotFound(tenant, name));
      }
      const subject = pattern(logFrame, { tenant, workload: name });
      return tell(inside, reply, { subject, query, accept: headers.accept, isNamed: true });
    },
  );

  api.get(
    '/instances/:id/logs',
    {
      exposeHeadRoute: false,
      config: { refusals: ['instance-not-found', 'store-unavailable'] },
      schema: {
        ...{ ...common, operationId: 'instanceLogs', summary: 'What an instance prints' },
        params: z.object({ id: instanceId }),
      },
    },
    async ({ params: { id }, query, headers }, reply) => {
      const { tenant } = query;
      await known.reach(query.minRevision);
      const instance = known.instances.get({ tenant, instance: id });
      if (!instance) return refuse(reply, instanceNotFound(tenant, id));
      const subject = pattern(logFrame, { tenant, workload: instance.workload, instance: id });
      return tell(inside, reply, { subject, query, accept: headers.accept, isNamed: false });
    },
  );
}

interface Asked {
  readonly subject: string;
  readonly query: Query;
  readonly accept: string | undefined;
  /** Whether lines of text begin with their instance. */
  readonly isNamed: boolean;
}

async function tell({ streams, clients }: Inside, reply: FastifyReply, asked: Asked) {
  const { query, accept } = asked;
  const type = accepted(accept, ['text/event-stream', 'application/json', 'text/plain']);
  const isFollowed = query.follow || type === 'text/event-stream';
  const subjects = [asked.subject];
  const tail = query.tail ?? (isFollowed ? TAIL.follow : TAIL.once);
  const from = query.since === undefined ? undefined : sinceMs(query.since, Date.now());
  const backlog = await readBacklog(streams, { subjects, since: from, tail });
  if (!backlog) return refuse(reply, refusal('store-unavailable', 'the log cannot be read'));
  if (isFollowed) {
    followLines(streams, subjects, backlog, clients.answer(reply));
    return reply;
  }
  if (type === 'application/json') return reply.send({ items: backlog.lines });
  return reply
    .type('text/plain; charset=utf-8')
    .send(backlog.lines.map((line) => text(line, asked)).join(''));
}

function text({ instance, text: words }: Line, { isNamed }: Asked): string {
  return isNamed ? `${instance} ${words}\n` : `${words}\n`;
}
