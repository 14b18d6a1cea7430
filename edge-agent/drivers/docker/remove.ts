/**
 * Makes sure that a container goes although its engine cannot remove it at the first try: right after
 * an engine was killed, what it was mounting or ending may still be busy (Podman says 500, `device or
 * resource busy`; Docker 409, `already in progress`), and the next try clears that away.
 */
import type { Engine } from './engine.ts';
import { EngineError } from './engine-error.ts';

/** Pauses before it is tried again, in milliseconds: nobody waits longer than these for a busy engine. */
const AGAIN_MS = [100, 400, 1_500];

/**
 * Removes a container, ends it if it runs. What is not there is no error. Rejects while nobody says that
 * it is gone, at once when the engine does not answer; safe to call again.
 */
export async function removeContainer(
  engine: Pick<Engine, 'remove'>,
  container: string,
): Promise<void> {
  for (const pauseMs of AGAIN_MS) {
    try {
      return await engine.remove(container);
    } catch (error) {
      if (!isRefused(error)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  await engine.remove(container);
}

/** Whether the engine is there, and could not do it this time. */
function isRefused(error: unknown): boolean {
  const status = error instanceof EngineError ? error.status : undefined;
  return status !== undefined && (status === 409 || status >= 500);
}
