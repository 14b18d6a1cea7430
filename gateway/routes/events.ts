/** Events: the last ones, or each as it happens. */
import { z } from 'zod';
import { refusal } from '../../subjects/index.ts';
import { lastEvents } from '../events/last.ts';
import { eventFilter, eventShape, presentEvent } from '../events/told.ts';
import { watchEvents } from '../events/watch.ts';
import { accepted } from '../http/accept.ts';
import { refuse } from '../http/refuse.ts';
import type { Api } from '../http/validation.ts';
import type { Inside } from '../inside.ts';
import { listOf, minRevision } from '../present/list.ts';

const sequence = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

export function eventRoutes(api: Api, inside: Inside): void {
  const { known, streams, feed, clients } = inside;
  api.get(
    '/events',
    {
      exposeHeadRoute: false,
      schema: {
        ...{ operationId: 'watchEvents', tags: ['events'] },
        summary: 'The last events, or, as text/event-stream, each as it happens',
        querystring: eventFilter
          .extend({
            limit: z.coerce.number().int().min(1).max(1000).default(100),
            after: sequence.optional().describe('Go on after this one, as Last-Event-ID does'),
            minRevision,
          })
          .strict(),
        headers: z.looseObject({ 'last-event-id': sequence.optional() }),
        response: {
          200: {
            description: 'Events',
            content: {
              'application/json': { schema: listOf(eventShape) },
              'text/event-stream': { schema: z.string() },
            },
          },
        },
      },
    },
    async ({ query, headers }, reply) => {
      const { limit, after: from, minRevision: revision, ...filter } = query;
      if (accepted(headers.accept, ['text/event-stream'])) {
        const after = headers['last-event-id'] ?? from;
        watchEvents({ feed, streams }, clients.answer(reply), { filter, after });
        return reply;
      }
      await known.reach(revision);
      const found = await lastEvents(streams, filter, limit);
      if (!found) return refuse(reply, refusal('store-unavailable', 'the events cannot be read'));
      return reply.send({ items: found.map(presentEvent), revision: known.revision });
    },
  );
}
