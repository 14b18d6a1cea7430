/** Recorded histories as tests: what an actor decided then, it decides today. */
import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { actors } from '../../actors/main.ts';
import type { Actor } from '../../actors/runtime/actor.ts';
import { type Recorded, readHistory } from '../../actors/runtime/recording/history.ts';
import { type Replayed, replay } from '../../actors/runtime/recording/replay.ts';

/** The recordings of a file, as `shoal debug record` writes it. */
export async function recordingsIn(file: URL): Promise<readonly Recorded[]> {
  const history = readHistory(await readFile(file, 'utf8'));
  if (!history.ok) throw new Error(`${file.pathname}:${history.line} ${history.reason}`);
  return history.recordings;
}

/** Name of the actor a recording is of. */
export function actorIn({ entries }: Recorded): string {
  for (const each of entries) {
    if ('entry' in each && each.entry.kind === 'began') return each.entry.actor;
  }
  throw new Error('a recording without a beginning');
}

/**
 * Expects that the actors decide as they did when the file was recorded, on every step of it.
 * `of`: the actors to ask; default: those of this build. Returns what was run.
 */
export async function expectReplay(
  file: URL,
  of: readonly Actor[] = actors(),
): Promise<readonly Replayed[]> {
  const results: Replayed[] = [];
  for (const recorded of await recordingsIn(file)) {
    const name = actorIn(recorded);
    const actor = of.find((each) => each.name === name);
    if (!actor) throw new Error(`no actor is called ${name}`);
    const result = replay(actor, recorded);
    expect(result.first, `${file.pathname}: ${name} decides otherwise`).toBeUndefined();
    expect(result).toMatchObject({ skipped: 0, missing: 0 });
    results.push(result);
  }
  expect(results.length).toBeGreaterThan(0);
  return results;
}
