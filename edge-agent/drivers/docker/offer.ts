/** What a Docker engine says it can limit, put into an offer. */
import { type DriverOffer, features } from '../../../subjects/index.ts';
import type { Engine } from './engine.ts';

/** Asks the engine what it can do. */
export async function offerOf(engine: Engine): Promise<DriverOffer> {
  const info = await engine.info();
  const enforces: string[] = [];
  const notEnforced: Record<string, string> = {
    disk: 'the engine sets no limit to what a container writes',
  };
  const limits = [
    ['cpu', info['CpuCfsQuota'] === true],
    ['memory', info['MemoryLimit'] === true],
    ['pids', info['PidsLimit'] === true],
  ] as const;
  for (const [limit, can] of limits) {
    if (can) enforces.push(limit);
    else notEnforced[limit] = 'the engine says that its kernel does not';
  }
  return { version: info.version.slice(0, 64), enforces, notEnforced, heeds: [...features] };
}
