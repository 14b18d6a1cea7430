/**
 * Makes sure that of a container whose engine is away it is known whether its main process lives: the kernel
 * says so, where the container is on the agent's machine. Nothing is concluded of an id that may mean another
 * process: one counts only in the cgroup of its container, whose path has the container's id in it, whatever
 * the engine and the version of cgroups.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export class MainProcess {
  readonly #folder: string;
  readonly #container: string;

  private constructor(folder: string, container: string) {
    this.#folder = folder;
    this.#container = container;
  }

  /**
   * The process of a container that runs; `undefined`: nobody here can see it, as where its engine is on
   * another machine, or the agent in a container. `proc`: where the kernel tells of processes.
   */
  static async of(
    pid: number,
    container: string,
    proc = '/proc',
  ): Promise<MainProcess | undefined> {
    const main = new MainProcess(join(proc, String(pid)), container);
    return (await main.#stands()) === 'here' ? main : undefined;
  }

  /** Whether it lives; true where nobody can say. */
  async lives(): Promise<boolean> {
    return (await this.#stands()) !== 'gone';
  }

  async #stands(): Promise<'here' | 'gone' | 'unknown'> {
    try {
      const [stat, cgroup] = await Promise.all(
        ['stat', 'cgroup'].map((file) => readFile(join(this.#folder, file), 'utf8')),
      );
      // After the name, which may hold anything. A zombie has ended; nobody has looked yet.
      const [state = ''] = (stat ?? '').slice((stat ?? '').lastIndexOf(')') + 2);
      const isIts = cgroup?.includes(this.#container) === true;
      return isIts && !'ZX'.includes(state) ? 'here' : 'gone';
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      return code === 'ENOENT' || code === 'ESRCH' ? 'gone' : 'unknown';
    }
  }
}
