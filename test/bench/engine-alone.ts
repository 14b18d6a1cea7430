/** What a container engine takes by itself, as the measure of what Shoal takes with it. */
import { noDocker } from '../../local/docker.ts';
import { type DockerEngine, IMAGE } from '../support/docker.ts';
import type { Tell } from './figure.ts';

/** What each container may have. */
export const MEMORY_BYTES = 16 * 2 ** 20;

/** Whether a benchmark is left out because no engine can run here; that is told as a figure. */
export function isLeftOut(name: string, tell: Tell): boolean {
  const why = noDocker();
  if (why === undefined) return false;
  process.stderr.write(`${name} is left out: ${why}\n`);
  // A figure that is missing is missed by nobody: this one says that nothing was measured.
  tell({
    ...{ name: `${name}.measured`, value: 0, unit: 'counts' },
    ...{ better: 'higher', configuration: { leftOut: `Docker: ${why}` } },
  });
  return true;
}

/**
 * How long the engine takes until so many containers run, created and started by its API so many at a
 * time, in milliseconds; they are gone afterwards.
 */
export async function byEngine(
  { client }: DockerEngine,
  count: number,
  atATime: number,
): Promise<number> {
  const left = Array.from({ length: count }, (_, index) => index);
  const made: string[] = [];
  const began = performance.now();
  const work = async (): Promise<void> => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const container = await client.createContainer({
        ...{ Image: IMAGE, Cmd: ['sleep', '3600'], HostConfig: { Memory: MEMORY_BYTES } },
      });
      await container.start();
      made.push(container.id);
    }
  };
  await Promise.all(Array.from({ length: atATime }, work));
  const tookMs = performance.now() - began;
  for (const id of made) await client.getContainer(id).remove({ force: true, v: true });
  return tookMs;
}
