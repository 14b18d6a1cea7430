/**
 * Makes sure that a start gets its container, whatever an earlier one left under its name, and
 * though its image went in the meantime: removed by a person, or by whoever clears the disk.
 */
import type Docker from 'dockerode';
import type { Engine } from './engine.ts';
import { EngineError } from './engine-error.ts';
import { removeContainer } from './remove.ts';

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
  try {
    return await engine.create(options);
  } catch (error) {
    const status = error instanceof EngineError ? error.status : undefined;
    if (status === 404 && !(await engine.imageId(options.Image ?? ''))) await obtain();
    else if (status === 409 || (status === 500 && (await engine.inspect(name)))) {
      await removeContainer(engine, name);
    } else throw error;
  }
  await engine.create(options);
}
