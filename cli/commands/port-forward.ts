/** `shoal port-forward`: local ports that lead to an instance, a session for each connection. */
import { createServer, type Server, type Socket } from 'node:net';
import { portName } from '../../subjects/index.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { Failure, RefusedFailure, UsageFailure } from '../failure.ts';
import { instancePath } from '../paths.ts';
import { whyOf } from '../session/ending.ts';
import { SessionSocket } from '../session/session-socket.ts';
import { targetOf } from '../session/target.ts';
import type { Session } from '../shell.ts';

export interface ForwardOptions {
  readonly address: string;
}

interface Way {
  /** 0: any free one. */
  readonly local: number;
  readonly port: string;
}

/** Goes on until Ctrl-C. */
export async function portForward(
  session: Session,
  name: string,
  ports: readonly string[],
  { address }: ForwardOptions,
): Promise<ExitCode> {
  const ways = ports.map(parseWay);
  const target = new Target(session, name);
  const first = await target.instance();
  const servers: Server[] = [];
  try {
    for (const way of ways) {
      const server = await listen(way, address, (socket) => carry(session, target, way, socket));
      servers.push(server);
      const local = server.address();
      const port = typeof local === 'object' && local ? local.port : way.local;
      const { port: to } = way;
      if (session.output === 'table') session.out(`${address}:${port} leads to ${to} of ${first}`);
      else session.out(JSON.stringify({ address, local: port, instance: first, port: to }));
    }
    session.signal.throwIfAborted();
    await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
    session.signal.throwIfAborted();
    return exitCodes.ok;
  } finally {
    for (const each of servers) each.close();
  }
}

function parseWay(text: string): Way {
  const [first = '', second, ...more] = text.split(':');
  const port = second ?? first;
  const isNumber = isPort(port);
  const local = second === undefined ? (isNumber ? first : '0') : first;
  const isRight =
    (isNumber || portName.safeParse(port).success) && (local === '0' || isPort(local));
  if (isRight && more.length === 0) return { local: Number(local), port };
  throw new UsageFailure(`"${text}" is no port; give one like http, 8080, 8080:http or 8080:80`);
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}

/** The instance connections go to: another one of its workload when it is gone. */
class Target {
  readonly #session: Session;
  readonly #name: string;
  #found: Promise<string> | undefined;

  constructor(session: Session, name: string) {
    this.#session = session;
    this.#name = name;
  }

  instance(): Promise<string> {
    this.#found ??= targetOf(this.#session, this.#name);
    return this.#found;
  }

  /** Opens a connection; looked for anew once where it does not run any more. */
  async open(port: string): Promise<SessionSocket> {
    const { gateway, tenant } = this.#session;
    const open = async (): Promise<SessionSocket> =>
      SessionSocket.open(gateway, `${instancePath(await this.instance())}/forward`, {
        ...{ tenant, port },
      });
    try {
      return await open();
    } catch (error) {
      this.#found = undefined;
      const isGone =
        error instanceof RefusedFailure &&
        ['instance-not-running', 'instance-not-found'].includes(error.refusal.code);
      if (!isGone) throw error;
      return open();
    }
  }
}

function listen(
  { local, port }: Way,
  address: string,
  carried: (socket: Socket) => Promise<void>,
): Promise<Server> {
  const server = createServer(
    { allowHalfOpen: true, noDelay: true, pauseOnConnect: true },
    (socket) => {
      void carried(socket);
    },
  );
  return new Promise((resolve, reject) => {
    server.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      const why = code === 'EADDRINUSE' ? 'is in use' : `cannot be taken (${message})`;
      const next = `choose another one: ${local + 1}:${port}`;
      reject(new Failure(exitCodes.refused, `error: port ${local} of ${address} ${why}; ${next}`));
    });
    server.listen(local, address, () => resolve(server));
  });
}

/** Carries one connection to its end; what goes wrong is said, and the others go on. */
async function carry(
  session: Session,
  target: Target,
  { port }: Way,
  socket: Socket,
): Promise<void> {
  socket.on('error', () => socket.destroy());
  let remote: SessionSocket;
  try {
    remote = await target.open(port);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    session.err(error.message);
    socket.resetAndDestroy();
    return;
  }
  socket.once('close', () => remote.close());
  void passOn(socket, remote);
  const ending = await remote.carry({
    bytes: (bytes) => write(socket, bytes),
    end: () => void socket.end(),
  });
  if (ending.kind === 'ended' && ending.how.message === undefined) return void socket.end();
  if (ending.kind !== 'ended' && !socket.destroyed) session.err(`error: ${whyOf(ending)}`);
  socket.resetAndDestroy();
}

async function passOn(socket: Socket, remote: SessionSocket): Promise<void> {
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      await remote.send(chunk as Uint8Array);
    }
    remote.note({ end: true });
  } catch {
    // It broke off: the other side hears so by its end.
  }
}

function write(socket: Socket, bytes: Uint8Array): Promise<void> | undefined {
  if (socket.destroyed || socket.write(bytes)) return undefined;
  return new Promise((resolve) => {
    socket.once('drain', resolve);
    socket.once('close', () => resolve());
  });
}
