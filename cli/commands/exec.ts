/** `shoal exec`: a command beside an instance, with whoever is at this terminal at it. */
import type { Readable } from 'node:stream';
import { UsageFailure } from '../failure.ts';
import type { Query } from '../gateway-client.ts';
import { instancePath } from '../paths.ts';
import { exitCodeOf } from '../session/ending.ts';
import { SessionSocket } from '../session/session-socket.ts';
import { written } from '../session/taken.ts';
import { targetOf } from '../session/target.ts';
import type { Session } from '../shell.ts';
import type { Terminal } from '../terminal.ts';

export interface ExecOptions {
  readonly stdin?: boolean;
  readonly tty?: boolean;
  /** Beside which of its sidecars. */
  readonly sidecar?: string;
}

/** Ends with the exit code of the command. */
export async function exec(
  session: Session,
  name: string,
  command: readonly string[],
  { stdin = false, tty = false, sidecar }: ExecOptions,
): Promise<number> {
  const { terminal, signal } = session;
  if (tty && stdin && !terminal.isTyped) {
    throw new UsageFailure('stdin is no terminal; leave out -t to pass on what comes there');
  }
  const instance = await targetOf(session, name, sidecar);
  const { tenant } = session;
  const query = { tenant, command, sidecar, ...(tty ? terminalQuery(session) : {}) };
  const socket = await SessionSocket.open(session.gateway, `${instancePath(instance)}/exec`, query);
  const restore = tty && stdin ? terminal.raw() : () => undefined;
  const unwatch = tty ? tellSize(terminal, socket) : () => undefined;
  const interrupt = (): void => socket.close();
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    if (stdin) void passOn(terminal.input, socket);
    else socket.note({ end: true });
    const ending = await socket.carry({
      bytes: (bytes, isError) => written(isError ? terminal.error : terminal.output, bytes),
    });
    signal.throwIfAborted();
    return exitCodeOf(ending);
  } finally {
    signal.removeEventListener('abort', interrupt);
    unwatch();
    restore();
    terminal.input.destroy();
  }
}

function terminalQuery({ environment, terminal }: Session): Query {
  const given = environment['TERM'] ?? '';
  const isPlain = /^[A-Za-z0-9][A-Za-z0-9+._-]{0,63}$/.test(given);
  return { terminal: isPlain ? given : 'xterm', ...terminal.size() };
}

function tellSize(terminal: Terminal, socket: SessionSocket): () => void {
  return terminal.whenResized(() => {
    const size = terminal.size();
    if (size) socket.note({ size });
  });
}

/** Passes stdin on to its end, no faster than it is taken. */
async function passOn(from: Readable, socket: SessionSocket): Promise<void> {
  try {
    for await (const chunk of from) await socket.send(chunk as Uint8Array);
    socket.note({ end: true });
  } catch {
    // It was closed: the command has ended.
  }
}
