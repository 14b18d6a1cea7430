/**
 * What differs from storm to storm: how many control planes there are, how fast everything goes, and
 * which faults there are. Where much happens at once races show; where little does, what takes its
 * time does: deadlines, windows, sweeps that repair alone. A fault that always strikes would hide
 * what only its absence shows (swarm testing: Groce, Zhang, Eide, Chen, Regehr, ISSTA 2012).
 */
import { seededRandom } from '../../actors/runtime/ids.ts';
import { type Faults, usualFaults } from './faults.ts';
import type { StormOptions } from './storm.ts';

const paces = {
  /** Something happens more than twice a second. */
  brisk: { slowness: 1, stormMs: 60_000 },
  slow: { slowness: 20, stormMs: 480_000 },
};

/** Share of storms that a fault is left out of. */
const ABSENT_RATIO = 0.25;
/** Seeds with pools, modulo 16: none that failed before there were pools, so those stay as they were. */
const POOLED = new Set([3, 5, 6, 10]);
/** Seeds in which nodes are drained, modulo 16: one kind with pools and one without, for the same reason. */
const DRAINED = new Set([5, 7]);
/** Sets the choice of faults apart from what the seed decides in the world. */
const CHOICE = 0x9e3779b9;

/**
 * The storm of a seed: one to three control planes, each number with brisk and slow storms, with and
 * without devices. Every
 * third three are slow; of the others half have every fault, where it takes many at once.
 */
export function stormOf(seed: number, faults: Faults = usualFaults): StormOptions {
  const kind = Math.floor(seed / 3) % 3;
  return {
    ...(kind === 2 ? paces.slow : paces.brisk),
    ...{ copies: 1 + (seed % 3), machines: 4, names: 4, calmMs: 120_000, delayMsMax: 40 },
    hasDevices: seed % 2 === 1,
    hasPools: POOLED.has(seed % 16),
    hasDrains: DRAINED.has(seed % 16),
    faults: kind === 0 ? faults : someOf(faults, seed),
  };
}

function someOf(faults: Faults, seed: number): Faults {
  const random = seededRandom(seed ^ CHOICE);
  const some = Object.entries(faults).map(([name, share]) => [
    name,
    random() < ABSENT_RATIO ? 0 : share,
  ]);
  return Object.fromEntries(some) as Faults;
}
