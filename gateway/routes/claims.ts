/** Claims: what slots are held, for how long, and that they are given back. */
import { z } from 'zod';
import {
  claimExtend,
  claimRelease,
  heldOf,
  poolName,
  poolOf,
  type Slot,
  slotName,
  ttlQuantity,
} from '../../subjects/index.ts';
import { accepted } from '../http/accept.ts';
import { claimNotFound } from '../http/not-found.ts';
import { refuse } from '../http/refuse.ts';
import { shownOrStreamed } from '../http/streamed.ts';
import type { Api } from '../http/validation.ts';
import type { Inside } from '../inside.ts';
import { listOf, minRevision, tenantQuery } from '../present/list.ts';
import {
  type ClaimShape,
  type ClaimSight,
  claimOf,
  claimShape,
  presentClaim,
} from '../present/pool.ts';
import { watchClaim } from '../watch/pools.ts';

const tags = ['claims'];
const params = z.object({ id: slotName });
const querystring = z.strictObject({ tenant: tenantQuery });
const headers = ['Shoal-Revision'] as const;

/** Listing and reading. */
export function claimRoutes(api: Api, inside: Inside): void {
  const { known } = inside;
  api.get(
    '/claims',
    {
      schema: {
        ...{ operationId: 'listClaims', tags, summary: 'The claims of a tenant that are held' },
        querystring: querystring.extend({ pool: poolName.optional(), minRevision }),
        response: { 200: listOf(claimShape) },
      },
    },
    async ({ query: { tenant, pool, minRevision: revision } }) => {
      await known.reach(revision);
      const items = [...known.slots.entries()]
        .map(({ value }) => value)
        .filter((each) => each.tenant === tenant && each.state === 'claimed')
        .filter((each) => pool === undefined || each.pool === pool)
        .flatMap((slot) => shown(inside, slot))
        .sort((one, other) => (one.id < other.id ? -1 : 1));
      return { items, revision: known.revision };
    },
  );

  api.get(
    '/claims/:id',
    {
      config: { refusals: ['claim-not-found'] },
      schema: {
        ...{ operationId: 'getClaim', tags },
        summary: 'Where its slot is called, and until when; as text/event-stream, each second',
        ...{ params, querystring: querystring.extend({ minRevision }) },
        response: { 200: shownOrStreamed(claimShape, 'The claim; or `claim`, then `over`') },
      },
    },
    async ({ params: { id }, query: { tenant, minRevision: revision }, headers: given }, reply) => {
      await known.reach(revision);
      const pool = poolOf(id) ?? id;
      const claim = claimOf(inside, { tenant, pool, slot: id }, Date.now());
      if (!claim) return refuse(reply, claimNotFound(tenant, id));
      if (!accepted(given.accept, ['text/event-stream'])) return reply.send(claim);
      watchClaim(inside, inside.clients.answer(reply), { tenant, pool, claim: id });
      return reply;
    },
  );
}

/** Extending and releasing. */
export function claimOrderRoutes(api: Api, inside: Inside): void {
  const { ask } = inside;
  api.post(
    '/claims/:id/extend',
    {
      config: { refusals: ['claim-not-found', 'claim-over', 'ttl-too-long'], headers },
      schema: {
        ...{ operationId: 'extendClaim', tags, summary: 'Lets it end later' },
        ...{ params, querystring },
        body: z.strictObject({ by: ttlQuantity.describe('How much later it ends') }),
        response: { 200: claimShape },
      },
    },
    async ({ params: { id }, query: { tenant }, body: { by } }, reply) => {
      const tokens = { tenant, pool: poolOf(id) ?? id };
      const answer = await ask(reply, claimExtend, tokens, { claim: id, by });
      return answer.ok
        ? presentClaim(inside, answer.value, Date.now())
        : refuse(reply, answer.refusal);
    },
  );

  api.delete(
    '/claims/:id',
    {
      config: { refusals: ['claim-not-found'], headers },
      schema: {
        ...{ operationId: 'releaseClaim', tags, summary: 'Ends it; its slot is drained' },
        ...{ params, querystring },
        response: {
          200: z
            .object({
              claim: claimShape,
              wasOver: z.boolean().describe('It was released before, or its time was up'),
            })
            .meta({ title: 'ClaimReleased' }),
        },
      },
    },
    async ({ params: { id }, query: { tenant } }, reply) => {
      const tokens = { tenant, pool: poolOf(id) ?? id };
      const answer = await ask(reply, claimRelease, tokens, { claim: id });
      if (!answer.ok) return refuse(reply, answer.refusal);
      return {
        claim: presentClaim(inside, answer.value, Date.now()),
        wasOver: answer.value.wasOver,
      };
    },
  );
}

function shown(sight: ClaimSight, slot: Slot): readonly ClaimShape[] {
  const held = heldOf(slot);
  return held ? [presentClaim(sight, held, Date.now())] : [];
}
