/** Nodes: list, one, and what a person decides about them. */
import { z } from 'zod';
import {
  address,
  decode,
  nodeCordon,
  nodeDrain,
  nodeId,
  nodeSnapshot,
  nodeStates,
  nodeUncordon,
  type Snapshot,
  spanQuantity,
} from '../../subjects/index.ts';
import { accepted } from '../http/accept.ts';
import { nodeNotFound } from '../http/not-found.ts';
import { refuse } from '../http/refuse.ts';
import { shownOrStreamed } from '../http/streamed.ts';
import type { Api } from '../http/validation.ts';
import type { Inside } from '../inside.ts';
import { listOf, minRevision } from '../present/list.ts';
import { nodeDetailShape, nodeShape, presentNode, presentNodeDetail } from '../present/node.ts';
import type { Streams } from '../streams/streams.ts';
import { watchNode } from '../watch/things.ts';

const tags = ['nodes'];
const params = z.object({ id: nodeId });
const querystring = z.strictObject({ minRevision });

const orders = [
  { verb: 'cordon', contract: nodeCordon, summary: 'No new work; what runs there stays' },
  { verb: 'uncordon', contract: nodeUncordon, summary: 'It may get new work again' },
] as const;
/** Body of an order: nothing needs to be said. */
const reason = z.string().max(200).optional().describe('Why, for those who come later');

export function nodeRoutes(api: Api, inside: Inside): void {
  const { known, ask, streams, clients } = inside;
  drainRoute(api, inside);
  api.get(
    '/nodes',
    {
      schema: {
        ...{ operationId: 'listNodes', tags, summary: 'Every node', querystring },
        response: { 200: listOf(nodeShape) },
      },
    },
    async ({ query }) => {
      await known.reach(query.minRevision);
      const items = [...known.nodes.entries()]
        .map(({ value }) => presentNode(value, known.ledgers.get({ node: value.node })))
        .sort((one, other) => (one.node < other.node ? -1 : 1));
      return { items, revision: known.revision };
    },
  );

  api.get(
    '/nodes/:id',
    {
      config: { refusals: ['node-not-found'] },
      schema: {
        ...{ operationId: 'getNode', tags },
        summary:
          'One node, with its entries and its use; as text/event-stream, at each change, without its use',
        ...{ params, querystring },
        response: { 200: shownOrStreamed(nodeDetailShape, 'The node; or `node`, then `gone`') },
      },
    },
    async ({ params: { id }, query, headers }, reply) => {
      await known.reach(query.minRevision);
      const node = known.nodes.get({ node: id });
      if (!node) return refuse(reply, nodeNotFound(id));
      if (accepted(headers.accept, ['text/event-stream'])) {
        watchNode(inside, clients.answer(reply), id);
        return reply;
      }
      const snapshot = await lastSnapshot(streams, id);
      return reply.send(presentNodeDetail(node, known.ledgers.get({ node: id }), snapshot, known));
    },
  );

  for (const { verb, contract, summary } of orders) {
    api.post(
      `/nodes/:id/${verb}`,
      {
        config: { refusals: ['node-not-found'], headers: ['Shoal-Revision'] },
        schema: {
          ...{ operationId: `${verb}Node`, tags, summary, params },
          querystring: z.strictObject({}),
          body: z
            .strictObject({ reason })
            .nullish()
            .transform((given) => given ?? {}),
          response: { 200: z.object({ node: nodeId, state: z.enum(nodeStates) }) },
        },
      },
      async ({ params: { id }, body }, reply) => {
        const answer = await ask(reply, contract, { node: id }, body);
        if (!answer.ok) return refuse(reply, answer.refusal);
        return { node: id, state: answer.value.state };
      },
    );
  }
}

function drainRoute(api: Api, { ask }: Inside): void {
  api.post(
    '/nodes/:id/drain',
    {
      config: { refusals: ['node-not-found'], headers: ['Shoal-Revision'] },
      schema: {
        ...{ operationId: 'drainNode', tags, params, querystring: z.strictObject({}) },
        summary: 'No new work, and what runs there moves; uncordon takes it back',
        body: z
          .strictObject({
            reason,
            deadline: spanQuantity
              .optional()
              .describe('What is left after so long is stopped and replaced; default: never'),
          })
          .nullish()
          .transform((given) => given ?? {}),
        response: { 200: z.object({ node: nodeId, state: z.enum(nodeStates) }) },
      },
    },
    async ({ params: { id }, body }, reply) => {
      const answer = await ask(reply, nodeDrain, { node: id }, body);
      if (!answer.ok) return refuse(reply, answer.refusal);
      return { node: id, state: answer.value.state };
    },
  );
}

async function lastSnapshot(streams: Streams, node: string): Promise<Snapshot | undefined> {
  const message = await streams.last('SNAPSHOTS', address(nodeSnapshot, { node }));
  const decoded = message && decode(nodeSnapshot, message.body);
  return decoded?.ok ? decoded.value : undefined;
}
