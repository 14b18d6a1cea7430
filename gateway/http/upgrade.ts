/**
 * Makes sure that a call for a WebSocket is a call like any other until it is granted: it goes
 * through the same routes, limits and schemas, and is refused with a problem. A handler that grants
 * it takes the connection over (`takeOver`).
 *
 * Any other upgrade a client offers is left out, as HTTP wants it of who does not know it.
 */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Refusal, refusal, SESSION_MESSAGE_MAX } from '../../subjects/index.ts';

interface Offered {
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Connections that want to become WebSockets, by their request. */
const offered = new WeakMap<IncomingMessage, Offered>();

const server = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  maxPayload: SESSION_MESSAGE_MAX,
});

/** Lets an app's routes be called for a WebSocket. */
export function takeUpgrades(app: FastifyInstance): void {
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Whoever upgrades and vanishes must not end the process.
    socket.on('error', () => socket.destroy());
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
      return withoutUpgrade(app, request, socket, head);
    }
    offered.set(request, { socket, head });
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as never);
    // Nobody reads on from a connection whose upgrade was refused.
    response.once('finish', () => socket.end());
    app.routing(request, response);
  });
}

/** The same request once more, without its offer: the server would else not read its body. */
function withoutUpgrade(
  app: FastifyInstance,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const { method, url, httpVersion, rawHeaders } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = rawHeaders.slice(at, at + 2);
    if (!/^(upgrade|connection|http2-settings)$/i.test(name)) lines.push(`${name}: ${value}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  app.server.emit('connection', socket);
}

/** Why a call is not one for a WebSocket of this subprotocol; undefined: it is. */
export function whyNoUpgrade(request: FastifyRequest, protocol: string): Refusal | undefined {
  const { origin, host, 'sec-websocket-protocol': protocols = '' } = request.headers;
  if (!offered.has(request.raw)) {
    return refusal('upgrade-required', `this is a WebSocket of subprotocol ${protocol}`);
  }
  if (!protocols.split(',').some((each) => each.trim() === protocol)) {
    return refusal('upgrade-required', `the subprotocol must be ${protocol}`);
  }
  // Browsers let any page open a WebSocket anywhere, and say only where it came from.
  if (origin !== undefined && hostOf(origin) !== host) {
    return refusal('origin-foreign', `${origin.slice(0, 200)} is not ${host}`);
  }
  return undefined;
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

/** Makes a granted call a WebSocket; undefined: its client is gone. */
export function takeOver(
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<WebSocket | undefined> {
  const upgrade = offered.get(request.raw);
  reply.hijack();
  return new Promise((resolve) => {
    if (!upgrade || upgrade.socket.destroyed) return resolve(undefined);
    const { socket, head } = upgrade;
    reply.raw.detachSocket(socket as never);
    // A handshake that is not valid is answered by the library.
    socket.once('close', () => resolve(undefined));
    server.handleUpgrade(request.raw, socket, head, resolve);
  });
}
