/**
 * Makes sure that a command run beside a container is over when it is said to be. The engine can
 * start a command and tell how it ended; it cannot end one. So each carries a mark in its
 * environment, which its children inherit, and what carries it is ended: from outside where the agent
 * may, else by a shell in the container.
 *
 * What clears its environment, or runs where neither works (an agent without rights over the
 * container's processes, and an image without a shell), goes on until its container ends.
 */
import { readFile } from 'node:fs/promises';
import { reasonOf } from '../../../actors/runtime/reason.ts';
import type { ExecInput, Executed } from '../driver.ts';
import { endOf } from '../exit-code.ts';
import { LastOutput } from '../last-output.ts';
import type { Engine, Ran } from './engine.ts';

/** Variable that marks a command and its children. */
const MARK = 'SHOAL_EXEC';
/** How long it may take to end what is marked, in milliseconds; and the shell in the container. */
const END_MS = 1_800;
const SWEEP_MS = 1_500;
/** What the engine prints, as the command's own output, when it cannot start it. */
const NOT_STARTED = /^OCI runtime exec failed: (?:exec failed: )?(.*)$/m;

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
  of: Pick<ExecInput, 'command' | 'timeoutMs'> & { readonly signal: AbortSignal },
): Promise<Executed> {
  const mark = `${MARK}=${process.pid}-${++made}-${Date.now()}`;
  const output = new LastOutput();
  const late = AbortSignal.timeout(of.timeoutMs);
  const signal = AbortSignal.any([late, of.signal]);
  try {
    const ran = await engine.exec(
      container,
      { command: of.command, environment: [mark] },
      {
        print: (chunk) => output.add(chunk),
        signal,
      },
    );
    return ended(ran, output.text);
  } catch (error) {
    if (!signal.aborted) return { kind: 'not-run', message: reasonOf(error) };
    // An engine that hangs ends nothing: nobody waits for it, or all other probes would.
    await Promise.race([endMarked(engine, container, mark), passed(END_MS)]);
    if (of.signal.aborted) return { kind: 'not-run', message: 'the instance ended before' };
    return { kind: 'timed-out', output: output.text };
  }
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
async function endMarked(engine: Engine, container: string, mark: string): Promise<void> {
  try {
    const ids = await engine.processes(container);
    const isOurs = await Promise.all(ids.map((id) => carries(id, mark)));
    // Where nothing can be looked at, whoever is inside can.
    if (isOurs.every((each) => each === undefined)) return await endInside(engine, container, mark);
    for (const [index, id] of ids.entries()) if (isOurs[index]) process.kill(id, 'SIGKILL');
  } catch {
    await endInside(engine, container, mark);
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

/** Whether a process of this machine carries a mark; undefined: that cannot be told from here. */
async function carries(id: number, mark: string): Promise<boolean | undefined> {
  try {
    return (await readFile(`/proc/${id}/environ`, 'utf8')).includes(mark);
  } catch {
    return undefined;
  }
}
