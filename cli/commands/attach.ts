/** `shoal attach`: what an instance's own program prints from now on, until its run ends. */
import { instancePath } from '../paths.ts';
import { exitCodeOf } from '../session/ending.ts';
import { OutputLines } from '../session/output-lines.ts';
import { type Ending, type SessionEvents, SessionSocket } from '../session/session-socket.ts';
import { written } from '../session/taken.ts';
import { targetOf } from '../session/target.ts';
import type { Session } from '../shell.ts';

export interface AttachOptions {
  /** Which of its sidecars, instead of its program. */
  readonly sidecar?: string;
  /** Signals go to the program; without it Ctrl-C ends the command, and the program goes on. */
  readonly sigProxy?: boolean;
}

/** Ends with the exit code of the run. */
export async function attach(
  session: Session,
  name: string,
  { sidecar, sigProxy = false }: AttachOptions,
): Promise<number> {
  const { gateway, tenant, signal, signals } = session;
  const instance = await targetOf(session, name, sidecar);
  const path = `${instancePath(instance)}/attach`;
  const socket = await SessionSocket.open(gateway, path, { tenant, sidecar });
  const release = sigProxy ? signals.take((which) => socket.note({ signal: which })) : undefined;
  const interrupt = (): void => socket.close();
  signal.addEventListener('abort', interrupt, { once: true });
  if (signal.aborted) interrupt();
  try {
    const told = session.output === 'table' ? asItIs(session) : asLines(session, instance);
    const ending = await socket.carry(told);
    signal.throwIfAborted();
    const code = exitCodeOf(ending);
    told.over(ending, sidecar === undefined ? instance : `sidecar ${sidecar} of ${instance}`);
    return code;
  } finally {
    signal.removeEventListener('abort', interrupt);
    release?.();
  }
}

interface Told extends SessionEvents {
  /** The run ended. */
  over(ending: Ending, what: string): void;
}

/** Bytes as they come, each output to its own. */
function asItIs({ terminal, err }: Session): Told {
  return {
    bytes: (bytes, isError) => written(isError ? terminal.error : terminal.output, bytes),
    over: (ending, what) => err(`${what} ${howOf(ending)}; a restart is another run: attach again`),
  };
}

/** A JSON document for each line, and one for the end. */
function asLines({ out }: Session, instance: string): Told {
  const outputs = { stdout: new OutputLines(), stderr: new OutputLines() };
  const say = (stream: keyof typeof outputs, lines: readonly string[]): void => {
    for (const text of lines) out(JSON.stringify({ instance, stream, text }));
  };
  return {
    bytes: (bytes, isError) => {
      const stream = isError ? 'stderr' : 'stdout';
      say(stream, outputs[stream].add(bytes));
    },
    over: (ending) => {
      say('stdout', outputs.stdout.end());
      say('stderr', outputs.stderr.end());
      if (ending.kind === 'ended') out(JSON.stringify({ instance, ended: ending.how }));
    },
  };
}

function howOf(ending: Ending): string {
  if (ending.kind !== 'ended') return 'ended';
  const { exitCode, signal, message } = ending.how;
  const how = signal === undefined ? `exited with ${exitCode}` : `was ended by ${signal}`;
  return message === undefined ? how : `${how} (${message})`;
}
