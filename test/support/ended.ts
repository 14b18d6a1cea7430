/** Makes sure that a program which a test started is gone when the test goes on. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Whether a program still runs. */
export function isRunning(child: ChildProcess | undefined): child is ChildProcess {
  return child !== undefined && child.exitCode === null && child.signalCode === null;
}

/** Sends a signal and waits for the end; does nothing where there is none to wait for. */
export async function ended(
  child: ChildProcess | undefined,
  signal: NodeJS.Signals,
): Promise<void> {
  if (!isRunning(child)) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}
