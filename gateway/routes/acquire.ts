/** Acquiring: of a pool a slot is had at once or waited for, and by a key only one. */
import { z } from 'zod';
import {
  claimAcquire,
  claimant,
  handOffSpec,
  placementSpec,
  poolName,
  type Refusal,
  spanQuantity,
  ttlQuantity,
} from '../../subjects/index.ts';
import { askingFor } from '../ask-actor.ts';
import { accepted } from '../http/accept.ts';
import { problemOf } from '../http/problem.ts';
import { refuse } from '../http/refuse.ts';
import type { Api } from '../http/validation.ts';
import type { Inside } from '../inside.ts';
import { goneSignal } from '../line/gone.ts';
import { claimOnce, keyHeaders, placeOf, standing } from '../line/key.ts';
import { streamWait } from '../line/stream.ts';
import { waitInLine } from '../line/wait.ts';
import { tenantQuery } from '../present/list.ts';
import { type ClaimShape, claimShape, presentClaim } from '../present/pool.ts';

export function acquireRoute(api: Api, inside: Inside): void {
  const { ask, clients, turns } = inside;
  api.post(
    '/pools/:name/claims',
    {
      config: {
        refusals: [
          ...(['pool-not-found', 'pool-deleting', 'pool-empty', 'ttl-too-long'] as const),
          ...(['wait-too-long', 'wait-over', 'line-full', 'key-reused'] as const),
          'hand-off-failed',
        ],
        headers: ['Shoal-Revision', 'Location'],
      },
      schema: {
        operationId: 'acquireClaim',
        tags: ['claims'],
        summary: 'Claims a ready slot of a pool; as text/event-stream tells how long a wait lasts',
        params: z.object({ name: poolName }),
        querystring: z.strictObject({
          tenant: tenantQuery,
          wait: spanQuantity
            .optional()
            .describe('Where none is ready, stand in line for so long, at most 10m'),
        }),
        headers: keyHeaders,
        body: z
          .strictObject({
            ttl: ttlQuantity.optional().describe('How long; default: as the pool says'),
            by: claimant.optional().describe('Who it is for, in words of the caller'),
            placement: placementSpec
              .optional()
              .describe('What the node of its slot must be; default: any'),
            handOff: handOffSpec
              .optional()
              .describe('What the slot is given before the answer comes; default: nothing'),
          })
          .nullish(),
        response: {
          200: {
            description: 'With `wait`: `place` again and again, then `claim` or `refused`',
            content: { 'text/event-stream': { schema: z.string() } },
          },
          201: claimShape,
        },
      },
    },
    async ({ params: { name: pool }, query: { tenant, wait }, body, headers: given }, reply) => {
      const own = askingFor(ask, reply);
      const tokens = { tenant, pool };
      const wanted = body ?? {};
      const { handOff, ...plain } = wanted;
      const key = given['idempotency-key'];
      if (wait === undefined && handOff === undefined) {
        const answer =
          key === undefined
            ? await own(claimAcquire, tokens, plain)
            : await claimOnce(own, tokens, { ...wanted, ...placeOf(key, wanted) });
        if (!answer.ok) return refuse(reply, answer.refusal);
        const claim = presentClaim(inside, answer.value, Date.now());
        return reply.code(201).header('Location', locationOf(claim)).send(claim);
      }
      const waiting = standing(wanted, wait, key);
      if (wait !== undefined && accepted(given.accept, ['text/event-stream'])) {
        const stream = clients.answer(reply);
        const refuseIn = (because: Refusal): void => {
          stream.send({ event: 'refused', data: problemOf(because, reply.request.id) });
          stream.finish();
        };
        void streamWait(inside, stream, { ask: own, tokens, waiting, refuse: refuseIn });
        return reply;
      }
      const gone = goneSignal(reply);
      const to = { ask: own, turns };
      const answer = await waitInLine(to, { tokens, waiting, gone, tell: () => {} });
      if (!answer.ok) return refuse(reply, answer.refusal);
      const claim = presentClaim(inside, answer.value, Date.now());
      return reply.code(201).header('Location', locationOf(claim)).send(claim);
    },
  );
}

function locationOf({ id, tenant }: ClaimShape): string {
  return `/api/v1/claims/${id}?tenant=${tenant}`;
}
