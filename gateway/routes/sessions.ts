/** Sessions with an instance: a command in it, a connection to one of its ports. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  instanceId,
  portName,
  refusal,
  SESSION_PROTOCOL,
  sessionCommand,
  terminalSize,
  terminalType,
} from '../../subjects/index.ts';
import { instanceNotFound } from '../http/not-found.ts';
import { refuse } from '../http/refuse.ts';
import { takeOver, whyNoUpgrade } from '../http/upgrade.ts';
import type { Api } from '../http/validation.ts';
import { wholeNumber } from '../http/whole-number.ts';
import type { Inside } from '../inside.ts';
import { tenantQuery } from '../present/list.ts';
import type { Wanted } from '../sessions/sessions.ts';
import { WebSocketCaller } from '../sessions/websocket.ts';

const tags = ['sessions'];
const params = z.object({ id: instanceId });
const config = {
  refusals: [
    ...['instance-not-found', 'instance-not-running', 'session-unsupported'],
    ...['session-not-begun', 'sessions-at-limit', 'session-over', 'actor-unavailable'],
    ...['upgrade-required', 'origin-foreign'],
  ],
} as const;
const upgraded = {
  101: z
    .null()
    .describe(
      `A WebSocket of subprotocol \`${SESSION_PROTOCOL}\`: see docs/how-to/reach-into-an-instance.md`,
    ),
};

const acknowledge = z
  .literal('true')
  .optional()
  .describe('The caller tells what it has taken, and is not held up by its connection alone');

const word = z.string();
const side = wholeNumber({ from: 1, to: terminalSize.shape.rows.maxValue ?? 1 });

const execQuery = z.strictObject({
  tenant: tenantQuery,
  command: z
    .union([word, z.array(word)])
    .transform((given) => (typeof given === 'string' ? [given] : given))
    .pipe(sessionCommand)
    .describe('The program, then its arguments: once for each word'),
  terminal: terminalType
    .optional()
    .describe('Value of TERM; with it the command gets a terminal, else its outputs are apart'),
  columns: side.default(80).describe('Of the terminal'),
  rows: side.default(24).describe('Of the terminal'),
  acknowledge,
});

const forwardQuery = z.strictObject({
  tenant: tenantQuery,
  port: z
    .union([wholeNumber({ from: 1, to: 65_535 }), portName])
    .describe('Name of a port of the spec, or the number its program listens on'),
  acknowledge,
});

export function sessionRoutes(api: Api, inside: Inside): void {
  api.get(
    '/instances/:id/exec',
    {
      config: { refusals: [...config.refusals] },
      schema: {
        ...{ operationId: 'execInInstance', tags, params, querystring: execQuery },
        summary: 'Runs a command beside an instance, with its caller at it',
        response: upgraded,
      },
    },
    async (request, reply) => {
      const { tenant, command, terminal, columns, rows, acknowledge } = request.query;
      const size = { columns, rows };
      const exec = { command, ...(terminal ? { terminal: { type: terminal, size } } : {}) };
      const instance = request.params.id;
      return open(inside, { request, reply }, { tenant, instance, exec, acknowledge });
    },
  );
  api.get(
    '/instances/:id/forward',
    {
      config: { refusals: [...config.refusals] },
      schema: {
        ...{ operationId: 'forwardToInstance', tags, params, querystring: forwardQuery },
        summary: 'A connection to one of the ports of an instance',
        response: upgraded,
      },
    },
    async (request, reply) => {
      const { tenant, port, acknowledge } = request.query;
      const wanted = { tenant, instance: request.params.id, forward: { port }, acknowledge };
      return open(inside, { request, reply }, wanted);
    },
  );
}

/** Everything that can be refused is, before the connection becomes a WebSocket. */
async function open(
  { known, sessions }: Inside,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  { acknowledge, ...wanted }: Wanted & { readonly acknowledge?: 'true' | undefined },
): Promise<FastifyReply> {
  const because = whyNoUpgrade(request, SESSION_PROTOCOL);
  if (because) return refuse(reply.header('Upgrade', 'websocket'), because);
  const { tenant, instance: id } = wanted;
  const instance = known.instances.get({ tenant, instance: id });
  if (!instance) return refuse(reply, instanceNotFound(tenant, id));
  const { phase } = known.see(instance);
  const { node } = instance;
  if (node === undefined || (phase !== 'running' && phase !== 'ready')) {
    return refuse(reply, refusal('instance-not-running', `${id} is ${phase}`));
  }
  const caller = new WebSocketCaller({ tells: acknowledge === 'true' });
  const opened = await sessions.open(node, wanted, caller);
  if (!opened.ok) return refuse(reply, opened.refusal);
  caller.join(await takeOver(request, reply), opened.value);
  return reply;
}
