/** The trace of a world: what a person reads to find out why a seed failed. */
import type { World } from './world.ts';

/** One line per write: the key, and what matters of its value. */
export function traceWrites(world: World): void {
  for (const bucket of ['shoal', 'shoal-observed'] as const) {
    world.server.side(bucket).watchers.add(({ key, body, revision, headers }) => {
      const value = body ? readable(new TextDecoder().decode(body)) : undefined;
      const by = headers['Shoal-Writer'] ?? '';
      world.note(`  ${String(revision).padStart(5)} ${key} ${gist(value)}  <- ${by}`);
    });
  }
}

/** A stranger's bytes need not be a value. */
function readable(body: string): Record<string, unknown> {
  try {
    return (JSON.parse(body) as Record<string, unknown> | null) ?? { body };
  } catch {
    return { body };
  }
}

function gist(value: Record<string, unknown> | undefined): string {
  if (!value) return 'deleted';
  const { entries, accepts, incarnation, node, epoch, intent, state, outcome, attempt } = value;
  const { isReady } = value;
  if (entries) {
    const names = Object.entries(
      entries as Record<string, { epoch: number; isStopping?: boolean }>,
    );
    const listed = names.map(([name, one]) => `${name}@${one.epoch}${one.isStopping ? '!' : ''}`);
    return `${accepts} #${incarnation} [${listed.join(' ')}]`;
  }
  return JSON.stringify({ node, epoch, attempt, intent, state, isReady, outcome });
}
