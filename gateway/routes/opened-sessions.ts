/** Sessions that are open, whoever opened them: seen, and ended. */
import { z } from 'zod';
import { instanceId, nodeId, sessionId, sidecarName, tenantName } from '../../subjects/index.ts';
import { refuse } from '../http/refuse.ts';
import type { Api } from '../http/validation.ts';
import type { Inside } from '../inside.ts';
import { listOf, minRevision, tenantQuery } from '../present/list.ts';
import { time, timeText } from '../present/time.ts';

const tags = ['sessions'];

const openedShape = z
  .object({
    session: sessionId,
    tenant: tenantName,
    instance: instanceId,
    sidecar: sidecarName.optional().describe('With which of its sidecars'),
    node: nodeId,
    kind: z.string().describe('What it was opened for: exec, forward, copy or attach'),
    what: z.string().describe('The command, the port, or the path'),
    caller: z.string().optional().describe('The address that opened it. Absent: unknown'),
    openedAt: time,
    saidBytes: z.number().int().describe('What the instance has said'),
    toldBytes: z.number().int().describe('What it was told'),
  })
  .meta({ title: 'OpenedSession' });

export function openedSessionRoutes(api: Api, { known, openedSessions }: Inside): void {
  api.get(
    '/sessions',
    {
      schema: {
        ...{ operationId: 'listSessions', tags },
        summary: 'The sessions that are open with instances of a tenant, as their nodes say',
        querystring: z.strictObject({
          ...{ tenant: tenantQuery, node: nodeId.optional(), instance: instanceId.optional() },
          minRevision,
        }),
        response: {
          200: listOf(openedShape).extend({
            silent: z.array(nodeId).describe('Nodes that did not say which they carry'),
          }),
        },
      },
    },
    async ({ query: { tenant, node, instance, minRevision: revision } }) => {
      await known.reach(revision);
      const { sessions, silent } = await openedSessions.list({ tenant, node });
      const items = sessions
        .filter((each) => instance === undefined || each.instance === instance)
        .map(({ openedAt, ...each }) => ({ ...each, openedAt: timeText(openedAt) }));
      return { items, silent: [...silent], revision: known.revision };
    },
  );

  api.delete(
    '/sessions/:session',
    {
      config: { refusals: ['session-not-found', 'actor-unavailable'] },
      schema: {
        ...{ operationId: 'endSession', tags },
        summary: 'Ends a session: both its sides hear that somebody did',
        params: z.object({ session: sessionId }),
        querystring: z.strictObject({ tenant: tenantQuery }),
        response: { 200: z.object({ session: sessionId, node: nodeId }) },
      },
    },
    async ({ params: { session }, query: { tenant } }, reply) => {
      const ended = await openedSessions.end({ tenant, session });
      return ended.ok ? { session, node: ended.value } : refuse(reply, ended.refusal);
    },
  );
}
