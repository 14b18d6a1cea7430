/** Dead letters: list, one, put back, drop. */
import { z } from 'zod';
import { actorName, deadDrop, deadReplay, letterId, refusal } from '../../subjects/index.ts';
import { refuse } from '../http/refuse.ts';
import type { Api } from '../http/validation.ts';
import type { Inside } from '../inside.ts';
import { letterShape, presentLetter } from '../present/letter.ts';
import { listOf, minRevision } from '../present/list.ts';

const tags = ['dead letters'];
const params = z.object({ actor: actorName, letter: letterId });
const querystring = z.strictObject({ minRevision });
const done = z.object({ letter: letterId });
const headers = ['Shoal-Revision'] as const;

export function deadRoutes(api: Api, { known, ask }: Inside): void {
  api.get(
    '/dead',
    {
      schema: {
        ...{ operationId: 'listDeadLetters', tags, summary: 'Every dead letter, newest first' },
        ...{ querystring, response: { 200: listOf(letterShape) } },
      },
    },
    async ({ query }) => {
      await known.reach(query.minRevision);
      const items = [...known.letters.entries()]
        .map(({ value }) => value)
        .sort((one, other) => other.at - one.at)
        .map(presentLetter);
      return { items, revision: known.revision };
    },
  );

  api.get(
    '/dead/:actor/:letter',
    {
      config: { refusals: ['letter-not-found'] },
      schema: {
        ...{ operationId: 'getDeadLetter', tags, summary: 'One dead letter' },
        ...{ params, querystring, response: { 200: letterShape } },
      },
    },
    async ({ params: { actor, letter }, query }, reply) => {
      await known.reach(query.minRevision);
      const found = known.letters.get({ actor, letter });
      if (found) return presentLetter(found);
      return refuse(reply, refusal('letter-not-found', `there is no letter ${actor}/${letter}`));
    },
  );

  api.post(
    '/dead/:actor/:letter/replay',
    {
      config: { refusals: ['letter-not-found', 'letter-not-replayable'], headers: [...headers] },
      schema: {
        ...{ operationId: 'replayDeadLetter', tags, summary: 'Puts it back where it came from' },
        ...{ params, querystring: z.strictObject({}), response: { 200: done } },
      },
    },
    async ({ params: tokens }, reply) => {
      const answer = await ask(reply, deadReplay, tokens, {});
      return answer.ok ? answer.value : refuse(reply, answer.refusal);
    },
  );

  api.delete(
    '/dead/:actor/:letter',
    {
      config: { refusals: ['letter-not-found'], headers: [...headers] },
      schema: {
        ...{ operationId: 'dropDeadLetter', tags, summary: 'Forgets it' },
        ...{ params, querystring: z.strictObject({}), response: { 200: done } },
      },
    },
    async ({ params: tokens }, reply) => {
      const answer = await ask(reply, deadDrop, tokens, {});
      return answer.ok ? answer.value : refuse(reply, answer.refusal);
    },
  );
}
