/**
 * Makes sure that a server's start and end are clean: a port in use is one sentence, and an end
 * waits for what is being answered, for nothing else.
 */
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { StartError } from '../../actors/runtime/start-error.ts';

/** How long requests under way may take to finish when a server stops, in milliseconds. */
const FINISH_MS = 5_000;
/** How often a server that stops looks for idle connections, in milliseconds. */
const IDLE_MS = 20;

export interface Listening {
  readonly url: string;
  /** Stops accepting, lets requests finish for a while, then ends what is left. */
  close(): Promise<void>;
}

/** Lets a server listen. Throws StartError. `end` ends what Node's server does not know of. */
export async function listen(
  app: FastifyInstance,
  of: { readonly host: string; readonly port: number; readonly setting: string },
  end: () => void = () => undefined,
): Promise<Listening> {
  const { host, port, setting } = of;
  const endIdle = trackIdle(app);
  try {
    const url = await app.listen({ host, port });
    const close = async (): Promise<void> => {
      const force = setTimeout(() => {
        app.server.closeAllConnections();
        end();
      }, FINISH_MS);
      const idle = setInterval(endIdle, IDLE_MS);
      await app.close();
      clearInterval(idle);
      clearTimeout(force);
    };
    return { url, close };
  } catch (error) {
    await app.close();
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const why =
      code === 'EADDRINUSE' ? 'is in use; stop what listens there' : `fails (${message});`;
    throw new StartError(`port ${port} on ${host} ${why} or set ${setting} to another one`);
  }
}

/**
 * Ends connections on which nothing is asked at the moment. Node ends those that are idle when a
 * server is closed; not those that become so later, nor those that never said anything, as
 * browsers open them in advance.
 */
function trackIdle({ server }: FastifyInstance): () => void {
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  return () => {
    server.closeIdleConnections();
    for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
  };
}
