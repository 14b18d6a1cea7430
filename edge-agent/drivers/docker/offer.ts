/** What a Docker engine says it can limit, put into an offer. */
import type { AllowedMount, DriverOffer } from '../../../subjects/index.ts';
import { type Lacking, offering } from '../offers.ts';
import { lackingHere } from './bandwidth.ts';
import type { Engine } from './engine.ts';

/** Asks the engine what it can do; `mounts`: what of this machine its containers may have. */
export async function offerOf(
  engine: Engine,
  mounts: readonly AllowedMount[],
  lacking: Lacking,
): Promise<DriverOffer> {
  const info = await engine.info();
  const enforces: string[] = [];
  const notEnforced: Record<string, string> = {};
  const limits = [
    ['cpu', info['CpuCfsQuota'] === true],
    ['memory', info['MemoryLimit'] === true],
    ['pids', info['PidsLimit'] === true],
  ] as const;
  for (const [limit, can] of limits) {
    if (can) enforces.push(limit);
    else notEnforced[limit] = 'the engine says that its kernel does not';
  }
  const offer = offering(
    { version: info.version.slice(0, 64), enforces, notEnforced },
    { ...lackingHere(info), ...lacking },
  );
  return mounts.length === 0 ? offer : { ...offer, mounts: [...mounts] };
}
