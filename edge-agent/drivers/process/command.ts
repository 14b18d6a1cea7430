/** Makes sure that what cannot be started is said so before anything is. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import type { StartInput } from '../../jobs.ts';
import { programOf } from '../../parts.ts';
import type { GivenDevices } from '../devices.ts';
import { shoalVariables } from '../environment.ts';

/** Variables of the agent that an instance inherits; nothing else of its environment does. */
const INHERITED = ['PATH', 'HOME', 'LANG', 'TMPDIR'] as const;

/** The environment of an instance: inherited, then Shoal's own, then the spec's. */
export function environmentOf(
  input: StartInput,
  of: {
    readonly node: string;
    readonly ports: Readonly<Record<string, number>>;
    readonly devices?: GivenDevices | undefined;
    /** Its own folder: where its files and volumes are. */
    readonly folder: string;
  },
  own: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = own[name];
    if (value !== undefined) environment[name] = value;
  }
  return { ...environment, SHOAL_FOLDER: of.folder, ...shoalVariables(input, of) };
}

/** Working directory of an instance: the spec's, below the agent's root, or its own. */
export function directoryOf(input: StartInput, root: string, own: string): string {
  const { directory } = programOf(input);
  if (directory === undefined) return own;
  return isAbsolute(directory) ? directory : resolve(root, directory);
}

/** Why a command cannot be started here; undefined: it can be tried. */
export async function obstacle(
  command: string,
  directory: string,
  path: string,
): Promise<string | undefined> {
  const isFolder = await stat(directory).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) return `cannot be started: there is no directory ${directory}`;
  if (command.includes('/')) {
    const file = resolve(directory, command);
    return (await isExecutable(file)) ? undefined : `cannot be started: ${file} is not executable`;
  }
  for (const folder of path.split(delimiter)) {
    if (folder && (await isExecutable(join(folder, command)))) return undefined;
  }
  return `cannot be started: there is no ${command} on PATH`;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
