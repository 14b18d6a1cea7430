/** What containers use, as their engine counts it. */

import { instanceOf } from '../../parts.ts';
import { bytesBelow, diskBytesOf, type Written } from '../disk-use.ts';
import type { Use } from '../driver.ts';
import { type Kept, RunFolder } from '../run-folder.ts';
import { containerName } from './container.ts';
import type { Engine } from './engine.ts';
import type { Run } from './run.ts';

/** How many are asked for at once: an engine reads some files of the kernel for each. */
const AT_ONCE = 8;

/** A run whose container is asked about. */
interface Asked {
  readonly of: Pick<Use, 'name' | 'run' | 'runsForMs'>;
  readonly container: string;
  readonly kept: Kept;
}

export interface UsesAround {
  readonly engine: Engine;
  readonly agent: string;
  /** Folder of the driver. */
  readonly state: string;
  readonly runs: ReadonlyMap<string, Run>;
  readonly kept: ReadonlyMap<string, Kept>;
}

/** What the runs that are not over use; those the engine cannot tell of are left out. Never rejects. */
export async function usesOf(around: UsesAround): Promise<readonly Use[]> {
  const { engine } = around;
  const uses: Use[] = [];
  const rest = [...asked(around)];
  const ask = async (): Promise<void> => {
    for (let one = rest.shift(); one; one = rest.shift()) {
      const { of, container, kept } = one;
      const used = await engine.use(container).catch(() => undefined);
      const written = () => writtenBy(around, of.name);
      if (used) uses.push({ ...of, ...used, diskBytes: await diskBytesOf(kept, written) });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  return uses;
}

function asked({ agent, runs, kept }: UsesAround): readonly Asked[] {
  return [...runs].flatMap(([name, run]) => {
    const its = kept.get(name);
    if (!its || run.isOver) return [];
    const of = { name, run: run.number, runsForMs: Date.now() - its.startedAt };
    return [{ of, container: containerName(agent, its.input), kept: its }];
  });
}

/**
 * What an instance has written, of which `name` is a part: each of its parts above its image, and into
 * its volumes, which are folders of the agent. Rejects while the engine does not say.
 */
export async function writtenBy(around: UsesAround, name: string): Promise<Written> {
  const { engine, state, kept } = around;
  const instance = instanceOf(name);
  const parts = asked(around).filter(({ of }) => instanceOf(of.name) === instance);
  const hasVolumes = (kept.get(name)?.input.spec.spec.volumes ?? []).length > 0;
  const [volumes, ...own] = await Promise.all([
    hasVolumes ? bytesBelow([new RunFolder(state, instance).volumes]) : { bytes: 0, isAll: true },
    ...parts.map(({ container }) => engine.written(container)),
  ]);
  return { bytes: own.reduce((sum, each) => sum + each, volumes.bytes), isAll: volumes.isAll };
}
