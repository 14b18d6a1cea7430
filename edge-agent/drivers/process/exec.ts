/**
 * Makes sure that a command run beside an instance is over when it is said to be: it leads a session
 * of its own, so its group is ended whole, and it is in groups of its own below the instance's, so
 * what left the session is found as well.
 *
 * The shell around it ends it, too, should the agent be gone by then.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Executed } from '../driver.ts';
import { endOf } from '../exit-code.ts';
import { LastOutput } from '../last-output.ts';
import { signalGroup } from './alive.ts';
import type { Cgroup } from './cgroup.ts';

/**
 * Arguments: seconds after which it is over in any case, the PATH of the command (what is around it has
 * the agent's), its cgroup.procs files, `--`, the command.
 */
const AROUND = `
limit=$1 path=$2
shift 2
while [ "$1" != "--" ]; do
  echo $$ > "$1" 2>/dev/null
  shift
done
shift
( sleep "$limit"; kill -s KILL -- -$$ ) </dev/null >/dev/null 2>&1 &
PATH=$path
export PATH
"$@"
exit $?
`;
/** How long what was printed may take to arrive when everything has ended, in milliseconds. */
const FLUSH_MS = 200;

let made = 0;

/** Runs a command; never rejects. Aborted: the instance it is run beside is over. */
export async function execBeside(
  cgroup: Cgroup,
  of: {
    readonly command: readonly string[];
    readonly directory: string;
    readonly environment: Readonly<Record<string, string>>;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  },
): Promise<Executed> {
  const own = cgroup.beside(`${process.pid}-${++made}`);
  await own.makeBare().catch(() => undefined);
  const limit = String(Math.ceil(of.timeoutMs / 1000) + 1);
  const PATH = process.env['PATH'] ?? '';
  const path = of.environment['PATH'] ?? PATH;
  const words = ['-c', AROUND, 'sh', limit, path, ...own.joins, '--', ...of.command];
  const child = spawn('/bin/sh', words, {
    ...{ cwd: of.directory, env: { ...of.environment, PATH }, detached: true },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = new LastOutput();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Uint8Array) => output.add(chunk));
  }
  const flushed = new Promise((resolve) => child.once('close', resolve));
  const came = await outcomeOf(child, of);
  if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
  await own.end();
  await Promise.race([flushed, new Promise((resolve) => setTimeout(resolve, FLUSH_MS))]);
  child.stdout.destroy();
  child.stderr.destroy();
  return 'output' in came ? { ...came, output: output.text } : came;
}

/** What comes first: its end, its time, or the end of what it is run beside. */
function outcomeOf(
  child: ChildProcess,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Executed> {
  return new Promise((resolve) => {
    const settle = (executed: Executed): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      resolve(executed);
    };
    const abort = (): void => settle({ kind: 'unknown', message: 'the instance ended before' });
    const timer = setTimeout(() => settle({ kind: 'timed-out', output: '' }), timeoutMs);
    signal.addEventListener('abort', abort);
    child.once('error', ({ message }) => settle({ kind: 'not-run', message }));
    child.once('exit', (code, by) => {
      const end = code === null ? { exitCode: undefined, signal: by ?? undefined } : undefined;
      settle({ kind: 'ended', ...(end ?? endOf(String(code))), output: '' });
    });
    if (signal.aborted) abort();
  });
}
