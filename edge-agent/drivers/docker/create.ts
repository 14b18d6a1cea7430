/**
 * Makes sure that a start gets its container, whatever an earlier one left under its name, and
 * though its image went in the meantime: removed by a person, or by whoever clears the disk.
 */
import type Docker from 'dockerode';
import type { Engine } from './engine.ts';
import { EngineError } from './engine-error.ts';
import { removeContainer } from './remove.ts';

/**
 * Pauses after a name was taken and what had it was removed, in milliseconds. What an agent that is gone
 * has asked for a slow engine may still be making: it has the name, and nobody can remove it yet.
 */
const TAKEN_MS = [0, 100, 500, 2_000];

/**
 * Makes a container. `obtain` gets its image once more, or throws with why not; it is called once at
 * most. A container of the same name is what a start left that nobody could clean up after: Docker
 * says 409 of it, Podman 500, with which it says everything else, too.
 */
export async function createContainer(
  engine: Pick<Engine, 'create' | 'remove' | 'imageId' | 'inspect'>,
  options: Docker.ContainerCreateOptions,
  obtain: () => Promise<void>,
): Promise<void> {
  const name = options.name ?? '';
  let isObtained = false;
  for (const pauseMs of TAKEN_MS) {
    try {
      return await engine.create(options);
    } catch (error) {
      const status = error instanceof EngineError ? error.status : undefined;
      if (status === 404 && !isObtained && !(await engine.imageId(options.Image ?? ''))) {
        isObtained = true;
        await obtain();
        continue;
      }
      const isTaken = status === 409 || (status === 500 && (await engine.inspect(name)));
      if (!isTaken) throw error;
    }
    await removeContainer(engine, name);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  await engine.create(options);
}
