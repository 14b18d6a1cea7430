/** Logs of a workload or of one instance: what was printed, and what is. */
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { type Answer, instanceId, workloadName } from '../../subjects/index.ts';
import { accepted } from '../http/accept.ts';
import { refuse } from '../http/refuse.ts';
import type { Api } from '../http/validation.ts';
import type { Inside } from '../inside.ts';
import { type Line, lineShape } from '../logs/lines.ts';
import { followLines } from '../logs/read.ts';
import {
  instanceSource,
  type LogQuery,
  type LogSource,
  logQuery,
  wantedBacklog,
  workloadSource,
} from '../logs/source.ts';

const common = {
  tags: ['logs'],
  querystring: logQuery,
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
      config: { refusals: ['workload-not-found', 'sidecar-not-found', 'store-unavailable'] },
      schema: {
        ...{ ...common, operationId: 'workloadLogs', summary: 'What all its instances print' },
        params: z.object({ name: workloadName }),
      },
    },
    async ({ params: { name }, query, headers: { accept } }, reply) => {
      const source = await workloadSource(known, name, query);
      return tell(inside, reply, { source, query, accept, isNamed: true });
    },
  );

  api.get(
    '/instances/:id/logs',
    {
      exposeHeadRoute: false,
      config: { refusals: ['instance-not-found', 'sidecar-not-found', 'store-unavailable'] },
      schema: {
        ...{ ...common, operationId: 'instanceLogs', summary: 'What an instance prints' },
        params: z.object({ id: instanceId }),
      },
    },
    async ({ params: { id }, query, headers: { accept } }, reply) => {
      const source = await instanceSource(known, id, query);
      return tell(inside, reply, { source, query, accept, isNamed: false });
    },
  );
}

interface Asked {
  /** Where the lines are, if there are any. */
  readonly source: Answer<LogSource>;
  readonly query: LogQuery;
  readonly accept: string | undefined;
  /** Whether lines of text begin with their instance. */
  readonly isNamed: boolean;
}

async function tell({ streams, clients }: Inside, reply: FastifyReply, asked: Asked) {
  const { source, query, accept } = asked;
  if (!source.ok) return refuse(reply, source.refusal);
  const type = accepted(accept, ['text/event-stream', 'application/json', 'text/plain']);
  const isFollowed = query.follow || type === 'text/event-stream';
  const backlog = await wantedBacklog(streams, source.value, query, isFollowed);
  if (!backlog.ok) return refuse(reply, backlog.refusal);
  if (isFollowed) {
    followLines(streams, source.value.subjects, backlog.value, clients.answer(reply));
    return reply;
  }
  const { lines } = backlog.value;
  if (type === 'application/json') return reply.send({ items: lines });
  return reply
    .type('text/plain; charset=utf-8')
    .send(lines.map((line) => text(line, asked)).join(''));
}

/** With whoever printed it in front, but for the program of one instance. */
function text({ instance, sidecar, text: words }: Line, { isNamed }: Asked): string {
  const who = [...(isNamed ? [instance] : []), ...(sidecar === undefined ? [] : [sidecar])];
  return [...who, words].join(' ').concat('\n');
}
