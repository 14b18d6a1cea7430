/** A caller that got no answer through another gateway says so, and its ask is firm. */
import type { FastifyReply } from 'fastify';
import { expect, test } from 'vitest';
import { actorAsker } from '../../../gateway/ask-actor.ts';
import { workloadDelete } from '../../../subjects/index.ts';

test.each([
  ['true', true],
  [undefined, false],
])('Shoal-Firm: %s', async (header, wanted) => {
  const given: unknown[] = [];
  const ask = actorAsker((_contract, _tokens, _payload, by) => {
    given.push(by?.isFirm);
    return Promise.resolve({
      answer: { ok: true, value: {} as never },
      revision: 0,
      mayCome: false,
    });
  });
  const reply = { request: { headers: { 'shoal-firm': header } } } as unknown as FastifyReply;
  await ask(reply, workloadDelete, { tenant: 'default', workload: 'web' }, {});
  expect(given).toEqual([wanted]);
});
