/** Why a copy is not made, as one of the catalogue's refusals, with what it is about. */
import { type Refusal, type RefusalCode, refusal } from '../subjects/index.ts';

/** Longest part of a name or reason that is told, in characters. */
const TOLD_MAX = 200;

/** Thrown where a copy cannot go on. */
export class CopyRefused extends Error {
  override readonly name = 'CopyRefused';
  readonly refusal: Refusal;

  constructor(code: RefusalCode, detail: string);
  constructor(because: Refusal);
  constructor(because: RefusalCode | Refusal, detail = '') {
    const refused = typeof because === 'string' ? refusal(because, detail) : because;
    super(refused.detail);
    this.refusal = refused;
  }
}

/** What an error of the file system, or of reading an archive, means for a copy. */
export function copyRefused(error: unknown, what: string): CopyRefused {
  if (error instanceof CopyRefused) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const name = what.slice(0, TOLD_MAX);
  const known = code === undefined ? undefined : meanings[code];
  if (known) return new CopyRefused(known[0], `${name}: ${known[1]}`);
  return new CopyRefused('copy-refused', `${name}: ${String(message).slice(0, TOLD_MAX)}`);
}

const noRoom = 'no space left there';
const meanings: Readonly<Record<string, readonly [RefusalCode, string]>> = {
  ENOENT: ['path-not-found', 'there is no such file or folder'],
  ENOTDIR: ['copy-refused', 'part of its path is no folder'],
  EISDIR: ['copy-refused', 'there is a folder of this name'],
  ENOTEMPTY: ['copy-refused', 'there is a folder of this name'],
  EEXIST: ['copy-refused', 'there is something of this name'],
  ELOOP: ['copy-refused', 'its links lead in a circle'],
  EACCES: ['copy-refused', 'permission denied'],
  EPERM: ['copy-refused', 'permission denied'],
  EROFS: ['copy-refused', 'it cannot be written to: the file system is read-only'],
  ENAMETOOLONG: ['copy-refused', 'the name is too long'],
  ENOSPC: ['copy-no-room', noRoom],
  EDQUOT: ['copy-no-room', noRoom],
  EFBIG: ['copy-no-room', 'the file is larger than the file system takes'],
};
