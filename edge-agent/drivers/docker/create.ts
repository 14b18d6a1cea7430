/** Makes sure that a start gets its container, whatever an earlier one left under its name. */
import type Docker from 'dockerode';
import { type Engine, EngineError } from './engine.ts';

/** A container of the same name is what a start left that nobody could clean up after. */
export async function createContainer(
  engine: Engine,
  options: Docker.ContainerCreateOptions,
): Promise<void> {
  try {
    await engine.create(options);
  } catch (error) {
    if (!(error instanceof EngineError) || error.status !== 409) throw error;
    await engine.remove(options.name ?? '');
    await engine.create(options);
  }
}
