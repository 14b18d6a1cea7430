/**
 * Makes sure that a command somebody is at, run beside an instance, ends with them: the shell around
 * it holds a pipe from the agent, and when that breaks, however the agent went, everything in the
 * command's groups is ended.
 *
 * A terminal is made by `script` of util-linux, since Node has none; its size is set by `stty`, which
 * makes the kernel tell the program in it.
 */
import { execFile, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import type { SessionEnded, SessionExec, TerminalSize } from '../../../subjects/index.ts';
import type { Begun, Live, Output } from '../driver.ts';
import { endOf } from '../exit-code.ts';
import { signalGroup } from './alive.ts';
import type { Cgroup } from './cgroup.ts';
import { quoted } from './init.ts';

const call = promisify(execFile);

/**
 * Arguments: its cgroup.procs files, `--`, the command. Descriptor 3 is the pipe from the agent: what
 * reads it ends the groups when it breaks, and itself with them. What the shell would say of a
 * command that was killed is nobody's output.
 */
const AROUND = `
procs=$1
while [ "$1" != "--" ]; do
  echo $$ > "$1" 2>/dev/null
  shift
done
shift
(
  trap '' HUP INT QUIT TERM USR1 USR2
  cat <&3 >/dev/null
  self=$(exec sh -c 'echo $PPID')
  for each in 1 2 3; do
    for pid in $(cat "$procs"); do
      [ "$pid" = "$self" ] || kill -s KILL "$pid"
    done
  done
  kill -s KILL -- -$$
) </dev/null >/dev/null 2>&1 &
trap : HUP INT QUIT TERM USR1 USR2
exec 5>&2 2>/dev/null
( "$@" ) 2>&5 3<&- 5>&-
exit $?
`;

/** Becomes the command, with the PATH of its instance: what is around it has the agent's. */
const COMMAND = 'PATH=$1; export PATH; shift; exec "$@"';
/** Inside of the terminal: tells its name and who leads it, sets its size, and goes on so. */
const INSIDE = `echo "$(tty) $$" >&4; exec 4>&-; stty rows "$1" cols "$2"; shift 2; ${COMMAND}`;
/** How long a polite end may take, in milliseconds. */
const POLITE_MS = 300;
/** How long an output may stay open with nothing in it when everything has ended, in milliseconds. */
const FLUSH_MS = 500;

let made = 0;
let hasScript: Promise<boolean> | undefined;

/** Begins a command; never rejects. */
export async function interactBeside(
  of: SessionExec & {
    readonly cgroup: Cgroup;
    readonly directory: string;
    readonly environment: Readonly<Record<string, string>>;
    /** Aborted: the instance it is run beside is over, or the agent is going. */
    readonly signal: AbortSignal;
  },
  output: Output,
): Promise<Begun> {
  const { terminal, directory: cwd, signal } = of;
  if (terminal && !(await isScriptThere())) {
    const message = 'this node has no `script` of util-linux, so no terminals: go without one (-t)';
    return { kind: 'unsupported', message };
  }
  const own = of.cgroup.beside(`session-${process.pid}-${++made}`);
  await own.makeBare().catch(() => undefined);
  const words = ['-c', AROUND, 'sh', ...own.joins, '--', ...commandOf(of, of.environment)];
  const PATH = process.env['PATH'] ?? '';
  const env = { ...of.environment, PATH, ...(terminal ? { TERM: terminal.type } : {}) };
  const child = spawn('/bin/sh', words, {
    ...{ cwd, env, detached: true, stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'] },
  });
  const failed = await new Promise<Error | undefined>((resolve) => {
    child.once('spawn', () => resolve(undefined));
    child.once('error', resolve);
  });
  if (failed || child.pid === undefined) {
    await own.end();
    return { kind: 'not-run', message: failed?.message ?? 'it was not started' };
  }
  const leader = child.pid;
  const [stdin, stdout, stderr, pipe, name] = child.stdio as [
    ...[Writable, Readable, Readable, Writable, Readable],
  ];
  // What is said to somebody who is gone is lost, as it would be on a terminal.
  for (const each of [stdin, stdout, stderr, pipe, name]) each.on('error', () => undefined);
  const exited = new Promise<SessionEnded>((resolve) => {
    child.once('exit', (code, by) => {
      resolve(code === null ? (by ? { signal: by } : {}) : said(endOf(String(code))));
    });
  });
  const passing = new Passing(output);
  const passed = Promise.all([passing.pass(stdout, false), passing.pass(stderr, true)]);
  let isEnding = false;
  const end = (): void => {
    if (isEnding) return;
    isEnding = true;
    signalGroup(leader, 'SIGHUP');
    void Promise.race([exited, after(POLITE_MS)]).then(() => sweep(leader, own));
  };
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  let isOver = false;
  const ended = exited.then(async (outcome) => {
    isOver = true;
    signal.removeEventListener('abort', end);
    await sweep(leader, own);
    // What left its groups may hold an output open; what is only taken slowly is waited for.
    while (!(await Promise.race([passed, after(FLUSH_MS)])) && passing.isWaiting) {}
    for (const each of [stdin, stdout, stderr, pipe, name]) each.destroy();
    return outcome;
  });
  const inTerminal = terminal && firstLine(name).then(terminalIn);
  const live: Live = {
    tell: (bytes) => new Promise((taken) => void stdin.write(bytes, () => taken())),
    tellEnd: () => void stdin.end(),
    resize: (size) => void inTerminal?.then((to) => resize(to?.file, size)),
    signal: (which) => {
      if (!inTerminal) return signalGroup(leader, `SIG${which}`);
      // The terminal's maker is not the command, and would end with it.
      void inTerminal.then((to) => to && !isOver && signalGroup(to.leader, `SIG${which}`));
    },
    ended,
    end,
  };
  return { kind: 'live', live };
}

/** The command as the shell around it runs it: in a terminal by `script`, or as it is. */
function commandOf(
  { command, terminal }: SessionExec,
  { PATH = process.env['PATH'] ?? '' }: Readonly<Record<string, string>>,
): readonly string[] {
  if (!terminal) return ['/bin/sh', '-c', COMMAND, 'sh', PATH, ...command];
  const { rows, columns } = terminal.size;
  const inside = ['/bin/sh', '-c', INSIDE, 'sh', String(rows), String(columns), PATH, ...command];
  const text = `exec ${inside.map(quoted).join(' ')}`;
  return ['script', '-qefE', 'always', '-c', text, '/dev/null'];
}

/** Passes on what is printed, no faster than it is taken. */
class Passing {
  readonly #to: Output;
  #waiting = 0;

  constructor(to: Output) {
    this.#to = to;
  }

  /** Whether something is about to be taken. */
  get isWaiting(): boolean {
    return this.#waiting > 0;
  }

  async pass(from: Readable, isError: boolean): Promise<true> {
    try {
      for await (const chunk of from) {
        this.#waiting++;
        await this.#to.write(chunk as Uint8Array, isError);
        this.#waiting--;
      }
    } catch {
      // Broken off: what was printed until then was passed on.
    }
    return true;
  }
}

/** Ends what is left of it. */
async function sweep(leader: number, own: Cgroup): Promise<void> {
  signalGroup(leader, 'SIGKILL');
  await own.end();
}

/** The first line of what is read; undefined: it ends before. */
async function firstLine(from: Readable): Promise<string | undefined> {
  let text = '';
  for await (const chunk of from) {
    text += String(chunk);
    const end = text.indexOf('\n');
    if (end >= 0) return text.slice(0, end);
  }
  return undefined;
}

/** What was told from inside of a terminal. */
function terminalIn(line: string | undefined) {
  const [, file, leader] = /^(\S+) (\d+)$/.exec(line ?? '') ?? [];
  return file === undefined ? undefined : { file, leader: Number(leader) };
}

async function resize(file: string | undefined, { rows, columns }: TerminalSize): Promise<void> {
  if (file === undefined) return;
  // A terminal that is gone has no size.
  await call('stty', ['-F', file, 'rows', `${rows}`, 'cols', `${columns}`]).catch(() => undefined);
}

/** Whether `script` is the one of util-linux; others know no such options. Asked once. */
function isScriptThere(): Promise<boolean> {
  hasScript ??= call('script', ['--version']).then(
    ({ stdout }) => stdout.includes('util-linux'),
    () => false,
  );
  return hasScript;
}

function said(end: ReturnType<typeof endOf>): SessionEnded {
  const { exitCode, signal } = end;
  return {
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
  };
}

const after = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms).unref());
