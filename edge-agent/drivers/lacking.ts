/** What of specs no driver has on this machine, found out by trying. */

import { reasonOf } from '../../actors/runtime/reason.ts';
import { bytesBelow } from './disk-use.ts';
import type { Lacking } from './offers.ts';
import { noMemoryVolumes } from './volumes.ts';

/** What an agent whose state is in this folder cannot do for its drivers, with the reasons. */
export async function lackingBelow(folder: string): Promise<Lacking> {
  const [memory, disk] = await Promise.all([noMemoryVolumes(folder), noDiskUse(folder)]);
  return {
    ...(memory === undefined ? {} : { 'memory-volumes': memory }),
    ...(disk === undefined ? {} : { 'disk-limit': disk }),
  };
}

async function noDiskUse(folder: string): Promise<string | undefined> {
  try {
    await bytesBelow([folder]);
    return undefined;
  } catch (error) {
    return `du cannot be run: ${reasonOf(error)}`.slice(0, 200);
  }
}
