/**
 * Makes sure that a command run beside a container is over when it is said to be. The engine can
 * start a command and tell how it ended; it cannot end one. So each carries a mark in its
 * environment, which its children inherit, and what carries it is ended: from outside where the agent
 * may, else by a shell in the container: if it takes too long.
 *
 * What clears its environment goes on until its container ends; so does, beside an agent without
 * rights over the container's processes, what a command leaves behind that ended in time, and all
 * of it in an image without a shell.
 */
import { readFile } from 'node:fs/promises';
import { reasonOf } from '../../../actors/runtime/reason.ts';
import type { ExecInput, Executed } from '../driver.ts';
import { endOf } from '../exit-code.ts';
import { LastOutput } from '../last-output.ts';
import type { Engine, Ran } from './engine.ts';
import { EngineError } from './engine-error.ts';

/** Variable that marks a command and its children. */
export const MARK = 'SHOAL_EXEC';
/** How long it may take to end what is marked, in milliseconds; and the shell in the container. */
export const END_MS = 1_800;
const SWEEP_MS = 1_500;
/** What the engine prints, as the command's own output, when it cannot start it; the second is Podman. */
export const NOT_STARTED =
  /^(?:OCI runtime exec failed: |Error: (?:runc|crun): )(?:exec failed: )?(.*)$/m;

/** Ends what carries the mark $1; needs a shell and grep. */
const SWEEP = `
for folder in /proc/[0-9]*; do
  id=\${folder#/proc/}
  grep -q "$1" "$folder/environ" 2>/dev/null && kill -9 "$id"
done
`;

let made = 0;

/** Runs a command; never rejects. Aborted: the container is over, or the agent is going. */
export async function execBeside(
  engine: Engine,
  container: string,
  of: Pick<ExecInput, 'command' | 'environment' | 'timeoutMs'> & { readonly signal: AbortSignal },
): Promise<Executed> {
  const mark = `${MARK}=${process.pid}-${++made}-${Date.now()}`;
  const output = new LastOutput();
  let isBegun = false;
  // Not `AbortSignal.any`: Node 20 keeps what is derived of a signal for as long as that lives.
  const ending = new AbortController();
  const { signal } = ending;
  const end = (): void => ending.abort();
  const timer = setTimeout(end, of.timeoutMs);
  of.signal.addEventListener('abort', end, { once: true });
  if (of.signal.aborted) end();
  try {
    const own = Object.entries(of.environment ?? {}).map(([name, value]) => `${name}=${value}`);
    const what = { command: of.command, environment: [...own, mark] };
    const print = (chunk: Uint8Array): void => output.add(chunk);
    const begun = (): void => {
      isBegun = true;
    };
    const ran = await engine.exec(container, what, { print, begun, signal });
    // What it left behind is ended where that costs little; a shell for each probe would cost more.
    await Promise.race([endOutside(engine, container, mark), passed(END_MS)]);
    return ended(ran, output.text);
  } catch (error) {
    if (!signal.aborted) return { kind: kindOf(error), message: reasonOf(error) };
    // An engine that hangs ends nothing: nobody waits for it, or all other probes would.
    await Promise.race([endMarked(engine, container, mark), passed(END_MS)]);
    if (of.signal.aborted) return { kind: 'unknown', message: 'the instance ended before' };
    // What it does not begin in time says nothing of the program.
    if (!isBegun) return { kind: 'unknown', message: 'the engine did not begin it in time' };
    return { kind: 'timed-out', output: output.text };
  } finally {
    clearTimeout(timer);
    of.signal.removeEventListener('abort', end);
  }
}

/** An engine that is away (no status), or whose container is over (404, 409), knows nothing of it. */
export function kindOf(error: unknown): 'not-run' | 'unknown' {
  if (!(error instanceof EngineError)) return 'not-run';
  return [undefined, 404, 409].includes(error.status) ? 'unknown' : 'not-run';
}

function ended({ exitCode }: Ran, output: string): Executed {
  const why = NOT_STARTED.exec(output)?.[1];
  if (why !== undefined && (exitCode === 126 || exitCode === 127)) {
    return { kind: 'not-run', message: `cannot be started: ${why.trim()}` };
  }
  return { kind: 'ended', ...endOf(String(exitCode ?? '')), output };
}

/** Ends what an earlier agent ran beside a container: nobody waits for it any more. */
export function endAllMarked(engine: Engine, container: string): Promise<void> {
  return endMarked(engine, container, `${MARK}=`);
}

/** Ends what carries a mark in a container, as far as this can be done; never rejects. */
export async function endMarked(engine: Engine, container: string, mark: string): Promise<void> {
  if (!(await endOutside(engine, container, mark))) await endInside(engine, container, mark);
}

/** The same from outside. False: some of it cannot be looked at, or ended, from here; never rejects. */
async function endOutside(engine: Engine, container: string, mark: string): Promise<boolean> {
  const ids = await engine.processes(container).catch(() => undefined);
  if (!ids) return false;
  const done = await Promise.all(ids.map((id) => endIfMarked(id, mark)));
  if (done.includes('cannot')) return false;
  const absent = ids.filter((_, index) => done[index] === 'absent');
  if (absent.length === 0) return true;
  // Gone; or the engine counts processes that this agent does not see: it is in a container itself.
  const left = await engine.processes(container).catch(() => absent);
  return !absent.some((id) => left.includes(id));
}

async function endIfMarked(id: number, mark: string): Promise<'done' | 'absent' | 'cannot'> {
  try {
    const environment = await readFile(`/proc/${id}/environ`, 'utf8');
    if (environment.includes(mark)) process.kill(id, 'SIGKILL');
    return 'done';
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    return ['ENOENT', 'ESRCH'].includes(code) ? 'absent' : 'cannot';
  }
}

/** The same by a shell in the container. */
export async function endInside(engine: Engine, container: string, mark: string): Promise<void> {
  const command = ['sh', '-c', SWEEP, 'sh', mark];
  const signal = AbortSignal.timeout(SWEEP_MS);
  await engine
    .exec(container, { command, environment: [] }, { print: () => undefined, signal })
    .catch(() => undefined);
}

const passed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
