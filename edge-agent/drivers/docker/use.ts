/** What containers use, as their engine counts it. */

import type { StartInput } from '../../jobs.ts';
import { bytesBelow, diskBytesOf, type Written } from '../disk-use.ts';
import type { Use } from '../driver.ts';
import type { Kept, RunFolder } from '../run-folder.ts';
import type { Engine } from './engine.ts';

/** How many are asked for at once: an engine reads some files of the kernel for each. */
const AT_ONCE = 8;

/** A run whose container is asked about. */
export interface Asked {
  readonly of: Pick<Use, 'name' | 'run' | 'runsForMs'>;
  readonly container: string;
  readonly kept: Kept;
  readonly folder: RunFolder;
}

/** What they use; those the engine cannot tell of are left out. Never rejects. */
export async function usesOf(engine: Engine, all: readonly Asked[]): Promise<readonly Use[]> {
  const uses: Use[] = [];
  const rest = [...all];
  const ask = async (): Promise<void> => {
    for (let one = rest.shift(); one; one = rest.shift()) {
      const { of, container, kept, folder } = one;
      const used = await engine.use(container).catch(() => undefined);
      const written = () => writtenBy(engine, container, kept.input, folder);
      if (used) uses.push({ ...of, ...used, diskBytes: await diskBytesOf(kept, written) });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  return uses;
}

/** What a container has written: above its image, and into its volumes, which are folders of the agent. */
export async function writtenBy(
  engine: Engine,
  container: string,
  { spec }: StartInput,
  folder: Pick<RunFolder, 'volumes'>,
): Promise<Written> {
  const hasVolumes = (spec.spec.volumes ?? []).length > 0;
  const [own, volumes] = await Promise.all([
    engine.written(container),
    hasVolumes ? bytesBelow([folder.volumes]) : { bytes: 0, isAll: true },
  ]);
  return { bytes: own + volumes.bytes, isAll: volumes.isAll };
}
