/** Makes sure that a process id means the process it was noted for, and not a later one. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const call = promisify(execFile);

/** Whether a process lives whose command line contains `mark`. */
export async function isAlive(pid: number, mark: string): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  if (process.platform !== 'linux') return isAliveByPs(pid, mark);
  const [line, stat] = await Promise.all([
    readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
    readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''),
  ]);
  // A zombie has ended; its parent has only not looked yet.
  const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  return state !== 'Z' && state !== '' && line.includes(mark);
}

async function isAliveByPs(pid: number, mark: string): Promise<boolean> {
  const { stdout } = await call('ps', ['-o', 'stat=,command=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }));
  return stdout.includes(mark) && !stdout.trimStart().startsWith('Z');
}

/**
 * Sends a signal to a process group; a group that is gone is no error. Without a leader nothing is
 * sent: to the kernel 0 is the caller's own group and 1 is everybody.
 */
export function signalGroup(leader: number, signal: NodeJS.Signals): void {
  if (leader <= 1) return;
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Whether anything of a process group is left; what has ended counts until its parent has looked. */
export function isGroup(leader: number): boolean {
  try {
    return leader > 1 && process.kill(-leader, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Ids of the children of a process; none where it is gone. */
export async function childrenOf(pid: number): Promise<readonly number[]> {
  // A kernel may be built without that file, other systems have no such folder.
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() =>
    call('pgrep', ['-P', String(pid)]).then(
      ({ stdout }) => stdout,
      () => '',
    ),
  );
  return text.split(/\s+/).filter(Boolean).map(Number);
}

/** Ends a process at once; one that is gone, or nobody's to end, is no error. */
export function kill(pid: number): void {
  sendSignal(pid, 'SIGKILL');
}

/** Sends a signal to a process; one that is gone, or nobody's to tell, is no error. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone by itself.
  }
}
