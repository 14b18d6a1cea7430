/** Makes sure that what is to be handed off to a slot is understood, and read, before anything is claimed. */
import { readFile, stat } from 'node:fs/promises';
import { reasonOf } from '../actors/runtime/reason.ts';
import { UsageFailure } from './failure.ts';

export interface HandOffOptions {
  /** Whether words after `--` are a command. */
  readonly exec?: boolean;
  /** As they were given: `NAME=value`. */
  readonly env?: readonly string[];
  /** As they were given: `LOCAL:PATH`. */
  readonly file?: readonly string[];
  readonly execTimeout?: string;
}

/** What the gateway is asked to hand off; undefined: nothing. Throws UsageFailure. */
export async function handOffIn(
  { exec = false, env = [], file = [], execTimeout: timeout }: HandOffOptions,
  words: readonly string[],
): Promise<object | undefined> {
  if (exec && words.length === 0) throw new UsageFailure('--exec needs a command after --');
  if (!exec && words.length > 0) throw new UsageFailure('a command is run with --exec -- COMMAND');
  if (!exec && (env.length > 0 || timeout !== undefined)) {
    throw new UsageFailure('--env and --exec-timeout are about the command of --exec');
  }
  const files = await Promise.all(file.map(fileIn));
  if (!exec && files.length === 0) return undefined;
  const environment = Object.fromEntries(env.map(variableIn));
  return {
    ...(env.length > 0 ? { environment } : {}),
    ...(files.length > 0 ? { files } : {}),
    ...(exec ? { command: words } : {}),
    ...(timeout === undefined ? {} : { timeout }),
  };
}

function variableIn(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageFailure(`--env ${text}: expected NAME=value`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** What it is called here may hold colons; where it goes cannot. */
async function fileIn(text: string): Promise<object> {
  const at = text.lastIndexOf(':');
  const [local, path] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 1 || path === '') throw new UsageFailure(`--file ${text}: expected LOCAL:PATH`);
  try {
    const [bytes, { mode }] = await Promise.all([readFile(local), stat(local)]);
    return { path, base64: bytes.toString('base64'), mode: mode & 0o100 ? '0555' : '0444' };
  } catch (error) {
    throw new UsageFailure(`--file ${local}: ${reasonOf(error)}`);
  }
}
