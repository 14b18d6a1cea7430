/** Sessions with an instance: a command in it, a connection to a port, its files, its own program. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  instanceId,
  portName,
  SESSION_PROTOCOL,
  sessionCommand,
  sessionPath,
  sidecarName,
  terminalSize,
  terminalType,
} from '../../subjects/index.ts';
import { refuse } from '../http/refuse.ts';
import { takeSpan, traceparentOf } from '../http/trace.ts';
import { takeOver, whyNoUpgrade } from '../http/upgrade.ts';
import type { Api } from '../http/validation.ts';
import { wholeNumber } from '../http/whole-number.ts';
import type { Inside } from '../inside.ts';
import { tenantQuery } from '../present/list.ts';
import { nodeRunning } from '../sessions/reached.ts';
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
  sidecar: sidecarName.optional().describe('Beside which of its sidecars; default: its program'),
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

const copyQuery = z.strictObject({
  tenant: tenantQuery,
  direction: z
    .enum(['from', 'to'])
    .describe('`from` the instance: a tar archive comes; `to` it: one is sent, then `end`'),
  path: sessionPath.describe(
    'In the instance, from its root (of a process: its own folder). What is copied, or where to: a folder that is there, a file to replace, a new name; with `/` at its end a folder that is there',
  ),
  sidecar: sidecarName.optional().describe('Of which of its sidecars; default: its program'),
  acknowledge,
});

const attachQuery = z.strictObject({
  tenant: tenantQuery,
  sidecar: sidecarName.optional().describe('Which of its sidecars; default: its own program'),
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
      const { tenant, command, sidecar, terminal, columns, rows, acknowledge } = request.query;
      const size = { columns, rows };
      const exec = { command, ...(terminal ? { terminal: { type: terminal, size } } : {}) };
      const instance = request.params.id;
      const beside = sidecar === undefined ? {} : { sidecar };
      const wanted = { tenant, instance, ...beside, exec, acknowledge };
      return open(inside, { request, reply }, wanted);
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
  api.get(
    '/instances/:id/copy',
    {
      config: { refusals: [...config.refusals, 'path-not-found', 'copy-refused', 'copy-no-room'] },
      schema: {
        ...{ operationId: 'copyWithInstance', tags, params, querystring: copyQuery },
        summary: 'Files and folders out of an instance, or into it, as a tar archive',
        response: upgraded,
      },
    },
    async (request, reply) => {
      const { tenant, direction, path, sidecar, acknowledge } = request.query;
      const instance = request.params.id;
      const beside = sidecar === undefined ? {} : { sidecar };
      const wanted = { tenant, instance, ...beside, copy: { direction, path }, acknowledge };
      return open(inside, { request, reply }, wanted);
    },
  );
  api.get(
    '/instances/:id/attach',
    {
      config: { refusals: [...config.refusals] },
      schema: {
        ...{ operationId: 'attachToInstance', tags, params, querystring: attachQuery },
        summary:
          'What the program of an instance prints from now on, until its run ends; and signals to it',
        response: upgraded,
      },
    },
    async (request, reply) => {
      const { tenant, sidecar, acknowledge } = request.query;
      const beside = sidecar === undefined ? {} : { sidecar };
      const wanted = { tenant, instance: request.params.id, ...beside, attach: {}, acknowledge };
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
  const node = nodeRunning(known, wanted);
  if (!node.ok) return refuse(reply, node.refusal);
  const caller = new WebSocketCaller({ tells: acknowledge === 'true' });
  const from = { ...wanted, caller: request.ip };
  const opened = await sessions.open(node.value, from, caller, traceparentOf(request));
  if (!opened.ok) return refuse(reply, opened.refusal);
  // A connection that is taken over has no response; the session has a span of its own.
  takeSpan(request)?.end();
  caller.join(await takeOver(request, reply), opened.value);
  return reply;
}
