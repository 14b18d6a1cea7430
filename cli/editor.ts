/** Makes sure that a person edits a text in the editor they use, and that it is not lost. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageFailure } from './failure.ts';
import type { Shell } from './shell.ts';

/** What POSIX has everywhere. */
const USUAL = 'vi';

/** Edits by VISUAL, EDITOR, or vi; the first two may have arguments, as shells read them. */
export function editorOf(environment: Readonly<Record<string, string | undefined>>): Shell['edit'] {
  const editor = environment['VISUAL'] || environment['EDITOR'] || USUAL;
  return async (text, fileName) => {
    const folder = await mkdtemp(join(tmpdir(), 'shoal-edit-'));
    const file = join(folder, fileName);
    // Environment variables may hold what others must not read.
    await writeFile(file, text, { mode: 0o600 });
    const forget = (): Promise<void> => rm(folder, { recursive: true, force: true });
    const why = await ended(editor, file);
    if (why !== undefined) {
      await forget();
      throw new UsageFailure(`${editor} ${why}; nothing was changed. Set EDITOR to another one`);
    }
    return { text: await readFile(file, 'utf8'), file, forget };
  };
}

/** How an editor failed; undefined: it did not. */
function ended(editor: string, file: string): Promise<string | undefined> {
  const child = spawn('sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit' });
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`could not be started (${error.message})`));
    child.once('exit', (code, signal) =>
      resolve(code === 0 ? undefined : `ended with ${signal ?? code}`),
    );
  });
}
