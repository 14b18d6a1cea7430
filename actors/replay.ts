/**
 * Decides what was recorded again with the actors of this build, offline: reads stdin, prints one
 * JSON value, and ends with 0 whatever came of it. Without a word it runs frames of steps
 * (`shoal debug replay`); with `decisions` it chooses again where schedulers told what they decided
 * (`shoal replay`). The command line starts it, because that knows no actor.
 */
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { placementDecided } from '../subjects/index.ts';
import { actors } from './main.ts';
import { readHistory } from './runtime/recording/history.ts';
import { replay } from './runtime/recording/replay.ts';
import { tolerantJson } from './runtime/tolerant-json.ts';
import { decideAgain } from './scheduler/decide-again.ts';

/** What came of a file of frames. */
export function replayHistory(text: string): unknown {
  const history = readHistory(text);
  if (!history.ok) return history;
  const all = actors();
  const recordings = history.recordings.map((recorded) => {
    const { recording, copy } = recorded;
    const began = recorded.entries.flatMap((each) =>
      'entry' in each && each.entry.kind === 'began' ? [each.entry] : [],
    )[0];
    const actor = all.find(({ name }) => name === began?.actor);
    const { actor: name, version } = began ?? {};
    const result = actor ? replay(actor, recorded) : undefined;
    return { recording, copy, actor: name, version, result };
  });
  return { ok: true, recordings };
}

const decisions = z.object({
  /** Judges only where this instance was placed. */
  instance: z.string().optional(),
  decisions: z.array(z.object({ workload: z.string(), decided: placementDecided.schema })),
});

/** What came of deciding again, one result for each decision, in their order. */
export function replayDecisions(text: string): unknown {
  const asked = decisions.safeParse(tolerantJson(text));
  if (!asked.success) return { ok: false, reason: z.prettifyError(asked.error) };
  const { instance } = asked.data;
  const items = asked.data.decisions.map(({ workload, decided }) => {
    const { at, generation } = decided;
    return { workload, at, generation, ...decideAgain(decided, { instance }) };
  });
  return { ok: true, items };
}

async function stdin(): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString('utf8');
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const run = process.argv[2] === 'decisions' ? replayDecisions : replayHistory;
  process.stdout.write(JSON.stringify(run(await stdin())));
}
