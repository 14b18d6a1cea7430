/**
 * Makes sure that what is copied into an instance leaves its node room to go on with, and stays within
 * what its spec lets it write.
 */
import { statfs } from 'node:fs/promises';
import { CopyRefused } from '../../archive/copy-refused.ts';
import { bytes, formatBytes } from '../../subjects/index.ts';

/** Share of a disk that stays free: what ext4 keeps for the system by itself. */
const FREE_SHARE = 0.05;
/** Most that stays free, in bytes: output, records and images of a node go on while somebody makes room. */
const FREE_BYTES_MAX = 1_073_741_824;

/** Rejects with CopyRefused where a disk has no room for so many bytes more. */
export async function demandRoom(folder: string, wanted: number): Promise<void> {
  const { blocks, bavail, bsize } = await statfs(folder);
  const kept = Math.min(blocks * bsize * FREE_SHARE, FREE_BYTES_MAX);
  const free = bavail * bsize;
  if (free - wanted >= kept) return;
  const told = [wanted, free, kept].map((each) => formatBytes(Math.round(each)));
  throw new CopyRefused(
    'copy-no-room',
    `it takes ${told[0]} more on the node's disk, which has ${told[1]} free and keeps ${told[2]} of it; copy less, or make room there`,
  );
}

/** Rejects with CopyRefused where an instance would have written more than its limit, where it has one. */
export function demandWithin(limit: number | string | undefined, wanted: number): void {
  if (limit === undefined || wanted <= bytes(limit)) return;
  throw new CopyRefused(
    'copy-no-room',
    `with it the instance has ${formatBytes(wanted)} on disk, of ${formatBytes(bytes(limit))} its limits.disk allows; copy less, remove something there, or raise the limit`,
  );
}
