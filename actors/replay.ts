/**
 * Runs what was recorded again with the actors of this build, offline: reads frames on stdin, prints
 * one JSON value, and ends with 0 whatever came of it. `shoal debug replay` starts it, because the
 * command line knows no actor.
 */
import { pathToFileURL } from 'node:url';
import { actors } from './main.ts';
import { readHistory } from './runtime/recording/history.ts';
import { replay } from './runtime/recording/replay.ts';

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

async function stdin(): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString('utf8');
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.stdout.write(JSON.stringify(replayHistory(await stdin())));
}
