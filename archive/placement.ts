/**
 * Where an archive goes, as `cp` does it: into a folder that is there, in place of a file, or under a
 * new name beside others. Pure.
 */
import { type Refusal, refusal } from '../subjects/index.ts';

/** What a path leads to now. */
export interface Destination {
  /** As it was asked for. */
  readonly path: string;
  readonly there: 'file' | 'folder' | 'nothing';
  /** Whether the folder is there that it would be in. */
  readonly isParentThere: boolean;
}

/** The first entry of an archive. */
export interface First {
  readonly parts: readonly string[];
  readonly isFolder: boolean;
  /** Of its content, where it is told. */
  readonly bytes?: number;
}

/** How names in an archive become names below a folder. */
export interface Placement {
  /** Below what the path leads to, or below the folder that is in. */
  readonly below: 'it' | 'its-folder';
  /** Stands in place of this part of the names: the top of the archive; '': before all of them. */
  readonly renames: string | undefined;
  readonly to: string | undefined;
}

/** Where an archive goes that begins so. */
export function placementOf(at: Destination, { parts, isFolder }: First): Placement | Refusal {
  const { path, there, isParentThere } = at;
  if (there === 'folder') return { below: 'it', renames: undefined, to: undefined };
  if (/(^|\/)\.?$/.test(path)) {
    return there === 'file'
      ? refusal('copy-refused', `${path} is no folder`)
      : refusal('path-not-found', `there is no folder ${path}`);
  }
  if (there === 'file' && isFolder) {
    return refusal('copy-refused', `${path} is a file; a folder does not go in its place`);
  }
  if (!isParentThere) return refusal('path-not-found', `there is no folder for ${path} to be in`);
  const to = path.replace(/\/+$/, '').split('/').at(-1) ?? '';
  return { below: 'its-folder', renames: parts[0] ?? '', to };
}

/** A name in the archive as it is below the folder. A refusal: it cannot be placed. */
export function placed(
  { renames, to }: Placement,
  parts: readonly string[],
): readonly string[] | Refusal {
  if (renames === undefined || to === undefined) return parts;
  if (renames === '') return [to, ...parts];
  if (parts[0] === renames) return [to, ...parts.slice(1)];
  return refusal(
    'copy-refused',
    `the archive holds more than one thing, which cannot all become ${to}; copy into a folder that is there`,
  );
}
