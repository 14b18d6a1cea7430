/** Makes sure that what was recorded can be run again: by a program of the control plane's own. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { tolerantJson } from '../actors/runtime/tolerant-json.ts';

/** The program beside this one, in the form this one has: compiled, or a source. */
const PROGRAM = fileURLToPath(
  new URL(`../actors/replay${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
);

/** Hands a text to the replay program and returns the JSON value it prints. Throws its faults. */
export async function runReplay(words: readonly string[], text: string): Promise<unknown> {
  const child = spawn(process.execPath, [...process.execArgv, PROGRAM, ...words], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const pieces: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => pieces.push(piece));
  // One that ended early says why by its exit code.
  child.stdin.on('error', () => undefined);
  child.stdin.end(text);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`the replay program ended with ${code}`);
  return tolerantJson(Buffer.concat(pieces));
}
