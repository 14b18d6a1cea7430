/** Classes of disks by the operations they do in a second: what a spec asks for at least, and a node has. */

/**
 * The slowest first: below 100 a second, below 500, below 3000, and above: a memory card, a disk that
 * turns, one that does not, and one that is on no disk bus any more.
 */
export const iopsClasses = ['low', 'medium', 'high', 'premium'] as const;
export type IopsClass = (typeof iopsClasses)[number];

/** Whether a node's disk is fast enough. One of which nobody knows is not. */
export function isFastEnough(wanted: IopsClass, there: IopsClass | undefined): boolean {
  return there !== undefined && iopsClasses.indexOf(there) >= iopsClasses.indexOf(wanted);
}
