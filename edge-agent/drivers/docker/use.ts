/** What containers use, as their engine counts it. */
import type { Use } from '../driver.ts';
import type { Engine } from './engine.ts';

/** How many are asked for at once: an engine reads some files of the kernel for each. */
const AT_ONCE = 8;

/** A run whose container is asked about. */
export interface Asked extends Pick<Use, 'name' | 'run' | 'runsForMs'> {
  readonly container: string;
}

/** What they use; those the engine cannot tell of are left out. Never rejects. */
export async function usesOf(engine: Engine, all: readonly Asked[]): Promise<readonly Use[]> {
  const uses: Use[] = [];
  const rest = [...all];
  const ask = async (): Promise<void> => {
    for (let one = rest.shift(); one; one = rest.shift()) {
      const { container, ...run } = one;
      const used = await engine.use(container).catch(() => undefined);
      if (used) uses.push({ ...run, ...used });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  return uses;
}
