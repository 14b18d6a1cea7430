/** Makes sure that a name in an archive never leads out of where the archive goes. Pure. */

/** Most characters of a path: what the kernel takes. */
const PATH_MAX = 4_096;

/** The parts of a name below its root, where an absolute one begins, too; undefined: it leads out. */
export function partsOf(name: string): readonly string[] | undefined {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  const isSafe = !parts.includes('..') && !name.includes('\0') && name.length <= PATH_MAX;
  return isSafe ? parts : undefined;
}

/** Whether a link in a folder, given by its parts below a root, leads to what is at or below the root. */
export function staysBelow(folder: readonly string[], target: string): boolean {
  if (target === '' || target.startsWith('/') || target.includes('\0')) return false;
  let depth = folder.length;
  for (const part of target.split('/')) {
    if (part === '..') depth--;
    else if (part !== '' && part !== '.') depth++;
    if (depth < 0) return false;
  }
  return true;
}

/** What the top of an archive made of a path is called: its last part, or `.` for what is in it. */
export function topOf(path: string): string {
  return path.replace(/\/+$/, '').split('/').at(-1) || '.';
}
