/** Events: the last ones, or each as it happens. */
import { z } from 'zod';
import { refusal } from '../../subjects/index.ts';
import { eventsAfter, resumeAfter } from '../events/after.ts';
import { lastEvents } from '../events/last.ts';
import { eventFilter, eventShape, presentEvent } from '../events/told.ts';
import { watchEvents } from '../events/watch.ts';
import { accepted } from '../http/accept.ts';
import { refuse } from '../http/refuse.ts';
import { shownOrStreamed } from '../http/streamed.ts';
import type { Api } from '../http/validation.ts';
import { wholeNumber } from '../http/whole-number.ts';
import type { Inside } from '../inside.ts';
import { listOf, minRevision } from '../present/list.ts';

const sequence = wholeNumber({ from: 0, to: Number.MAX_SAFE_INTEGER });

export function eventRoutes(api: Api, inside: Inside): void {
  const { known, streams, feed, clients } = inside;
  api.get(
    '/events',
    {
      exposeHeadRoute: false,
      config: { refusals: ['store-unavailable'] },
      schema: {
        ...{ operationId: 'watchEvents', tags: ['events'] },
        summary: 'The last events, or, as text/event-stream, each as it happens',
        querystring: eventFilter
          .extend({
            limit: wholeNumber({ from: 1, to: 1000 }).default(100),
            after: sequence
              .optional()
              .describe('Go on after this one, as Last-Event-ID does: the first ones after it'),
            minRevision,
          })
          .strict(),
        headers: z.looseObject({ 'last-event-id': sequence.optional() }),
        response: {
          200: shownOrStreamed(listOf(eventShape), 'Events'),
        },
      },
    },
    async ({ query, headers }, reply) => {
      const { limit, after: from, minRevision: revision, ...filter } = query;
      const seen = headers['last-event-id'] ?? from;
      const after = seen === undefined ? undefined : await resumeAfter(streams, seen);
      if (accepted(headers.accept, ['text/event-stream'])) {
        watchEvents({ feed, streams }, clients.answer(reply), { filter, after });
        return reply;
      }
      await known.reach(revision);
      const found =
        after === undefined
          ? await lastEvents(streams, filter, limit)
          : await eventsAfter(streams, filter, { after, limit });
      if (!found) return refuse(reply, refusal('store-unavailable', 'the events cannot be read'));
      return reply.send({ items: found.map(presentEvent), revision: known.revision });
    },
  );
}
