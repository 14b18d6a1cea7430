/** Classes of disks by the operations they do in a second: what a spec asks for at least, and a node has. */

/**
 * The slowest first: below 100 a second, below 500, below 3000, and above: a memory card, a disk that
 * turns, one that does not, and one that is on no disk bus any more.
 */
export const iopsClasses = ['low', 'medium', 'high', 'premium'] as const;
export type IopsClass = (typeof iopsClasses)[number];

/** Operations a second that a disk of class low stays below: Cloudless' classes, whose manifests name them. */
const LOW_IOPS_MAX = 100;
/** The same of class medium; likewise. */
const MEDIUM_IOPS_MAX = 500;
/** The same of class high; likewise. Premium has no end. */
const HIGH_IOPS_MAX = 3_000;

/** Classes that something can be kept within: those that end somewhere. */
export const limitedIopsClasses = ['low', 'medium', 'high'] as const;
export type LimitedIopsClass = (typeof limitedIopsClasses)[number];

const most: Readonly<Record<LimitedIopsClass, number>> = {
  low: LOW_IOPS_MAX,
  medium: MEDIUM_IOPS_MAX,
  high: HIGH_IOPS_MAX,
};

/** Most operations a second of what is kept within a class. */
export function iopsOf(limit: LimitedIopsClass): number {
  return most[limit];
}

/** Whether a node's disk is fast enough. One of which nobody knows is not. */
export function isFastEnough(wanted: IopsClass, there: IopsClass | undefined): boolean {
  return there !== undefined && iopsClasses.indexOf(there) >= iopsClasses.indexOf(wanted);
}
