/** Makes sure that a connection to an instance's port is carried as it is, each half to its end. */
import { connect, type Socket } from 'node:net';
import type { SessionEnded } from '../../subjects/index.ts';
import type { Begun, Live, Output } from '../drivers/driver.ts';

/** How long a port may take to accept, in milliseconds: it is on this machine. */
const CONNECT_MS = 3_000;

/** Connects; never rejects. */
export async function forward(
  to: { readonly address: string; readonly port: number },
  output: Output,
): Promise<Begun> {
  const socket = connect({ host: to.address, port: to.port, allowHalfOpen: true, noDelay: true });
  const why = await connected(socket);
  if (why !== undefined) {
    socket.destroy();
    return { kind: 'not-run', message: `nobody answers at ${to.address}:${to.port}: ${why}` };
  }
  return { kind: 'live', live: liveOf(socket, output) };
}

function connected(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve('no answer'), CONNECT_MS);
    const settle = (why?: string): void => {
      clearTimeout(timer);
      resolve(why);
    };
    socket.once('connect', () => settle());
    socket.on('error', (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
  });
}

function liveOf(socket: Socket, output: Output): Live {
  let message: string | undefined;
  socket.on('error', (error) => {
    message = error.message;
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const passed = pass(socket, output);
  const ended = Promise.all([closed, passed]).then(
    (): SessionEnded => (message === undefined ? {} : { message }),
  );
  return {
    tell: (bytes) => new Promise((taken) => void socket.write(bytes, () => taken())),
    tellEnd: () => void socket.end(),
    // A connection has neither.
    resize: () => undefined,
    signal: () => undefined,
    ended,
    end: () => void socket.destroy(),
  };
}

/** Passes on what comes, no faster than it is taken. */
async function pass(socket: Socket, output: Output): Promise<void> {
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      await output.write(chunk as Uint8Array, false);
    }
    output.end?.();
  } catch {
    // Broken off: `message` says why.
  }
}
