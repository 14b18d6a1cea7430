/**
 * Makes sure that what is handed off to a slot is done at most once, also when its agent dies: that it
 * began is written beside the instance before anything is done, and what came of it after. Begun by an
 * agent that is gone, nobody can say what of it was done: then that is the answer.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { reasonOf } from '../actors/runtime/reason.ts';
import { writeArchive } from '../archive/write.ts';
import {
  type FileSpec,
  failureTold,
  HAND_OFF_AROUND_MS,
  type HandOff,
  handOffSeen,
  outputTold,
  spanMs,
} from '../subjects/index.ts';
import type { Executed, LiveEnd } from './drivers/driver.ts';
import type { Drivers } from './drivers/drivers.ts';
import type { HandedOff, HandOffInput, HandOffReport } from './jobs.ts';

const FILE = 'handed-off.json';
/** Part of what is around a command that files may take, in milliseconds. */
const FILES_MS = HAND_OFF_AROUND_MS - 1_000;

const { exitCode, output } = handOffSeen.shape;
const writtenSchema = z.object({
  claim: z.string(),
  /** Absent: it has begun. */
  came: z.object({ exitCode, output, failure: z.string().optional() }).optional(),
});
type Written = z.infer<typeof writtenSchema>;

/** Where files go that are handed off: below the root of what an instance sees. */
const ROOT = '/';

/** Does it, or tells what came of it before; never rejects. */
export async function handOffTo(
  drivers: Pick<Drivers, 'exec' | 'copy' | 'folder'>,
  input: HandOffInput,
): Promise<HandOffReport> {
  const { name, run, claim, handOff } = input;
  const path = join(drivers.folder(name), FILE);
  const told = (came: HandOffReport['came']): HandOffReport => ({ name, came });
  try {
    const before = await writtenIn(path);
    if (before) {
      if (before.claim !== claim) return told({ unknown: `it was done for ${before.claim}` });
      return told(before.came ?? { unknown: 'an agent that is gone had begun it' });
    }
    if (!handOff) return told({ unknown: 'this agent was not told what to hand off' });
    // Fails where another one has begun.
    await writeFile(path, JSON.stringify({ claim } satisfies Written), { flag: 'wx' });
    const came = await perform(drivers, { name, run, handOff });
    await writeFile(`${path}.new`, JSON.stringify({ claim, came } satisfies Written));
    await rename(`${path}.new`, path);
    return told(came);
  } catch (error) {
    return told({ unknown: failureTold(reasonOf(error)) });
  }
}

/** What stands there; undefined: nothing. What cannot be read was begun: rejects. */
async function writtenIn(path: string): Promise<Written | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : writtenSchema.parse(JSON.parse(text));
}

interface Of {
  readonly name: string;
  readonly run: number;
  readonly handOff: HandOff;
}

async function perform(drivers: Pick<Drivers, 'exec' | 'copy'>, of: Of): Promise<HandedOff> {
  const { name, run, handOff } = of;
  const { files = [], command, environment = {}, timeout } = handOff;
  const failure = files.length > 0 ? await bring(drivers, of, files) : undefined;
  if (failure !== undefined) return { failure: failureTold(failure) };
  if (!command) return {};
  const timeoutMs = spanMs(timeout);
  return handedBy(await drivers.exec({ name, run, command, environment, timeoutMs }), timeout);
}

/** Puts files into a run; why that failed, or undefined. */
async function bring(
  drivers: Pick<Drivers, 'copy'>,
  { name, run }: Of,
  files: readonly FileSpec[],
): Promise<string | undefined> {
  // Nothing is said by what takes files.
  const silent = { write: () => Promise.resolve() };
  const begun = await drivers.copy({ name, run, direction: 'to', path: ROOT }, silent);
  if (begun.kind === 'refused') return begun.because.detail;
  if (begun.kind !== 'live') return begun.message;
  const { live } = begun;
  const timer = setTimeout(() => live.end(), FILES_MS);
  try {
    for await (const chunk of archiveOf(files)) await live.tell(chunk);
    live.tellEnd();
    return failureOf(await live.ended);
  } finally {
    clearTimeout(timer);
  }
}

function archiveOf(files: readonly FileSpec[]): AsyncIterable<Uint8Array> {
  return writeArchive(async (add) => {
    for (const { path, text, base64, mode } of files) {
      const bytes = text === undefined ? Buffer.from(base64 ?? '', 'base64') : Buffer.from(text);
      const header = { name: path.replace(/^\/+/, ''), type: 'file', size: bytes.length } as const;
      await add({ ...header, mode: Number.parseInt(mode, 8) }, only(bytes));
    }
  });
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}

function failureOf(ended: LiveEnd): string | undefined {
  return 'refused' in ended ? ended.refused.detail : undefined;
}

/** What a command has come to. */
function handedBy(executed: Executed, timeout: string): HandedOff {
  switch (executed.kind) {
    case 'unknown':
    case 'not-run':
      return { failure: failureTold(executed.message) };
    case 'timed-out':
      return { ...printed(executed), failure: `the command did not end within ${timeout}` };
    case 'ended': {
      const { exitCode: code, signal } = executed;
      const ended =
        code === undefined ? printed(executed) : { ...printed(executed), exitCode: code };
      if (code === 0) return ended;
      const how = signal === undefined ? `exited with ${code}` : `was ended by ${signal}`;
      return { ...ended, failure: failureTold(`the command ${how}${lastLine(executed.output)}`) };
    }
  }
}

function printed({ output: text }: { readonly output: string }): Pick<HandedOff, 'output'> {
  return text === '' ? {} : { output: outputTold(text) };
}

/** There it says why, if anywhere. */
function lastLine(text: string): string {
  const last = text.trimEnd().split('\n').at(-1)?.trim();
  return last ? `: ${last}` : '';
}
