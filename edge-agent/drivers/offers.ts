/** What a driver offers: its limits, and the parts of specs it heeds; of all it does not, why. */
import { type DriverOffer, type Feature, features } from '../../subjects/index.ts';

/** Features a driver does not have on this machine, with the reason. */
export type Lacking = Readonly<Partial<Record<Feature, string>>>;

/** An offer of some limits, with every feature but those it lacks. */
export function offering(
  limits: Pick<DriverOffer, 'version' | 'enforces' | 'notEnforced'>,
  lacking: Lacking,
): DriverOffer {
  return {
    ...limits,
    notEnforced: { ...limits.notEnforced, ...lacking },
    heeds: features.filter((feature) => lacking[feature] === undefined),
  };
}

/** What is lacking where memory cannot be mounted, with the reason; undefined: it can. */
export function lackingMemory(why: string | undefined): Lacking {
  return why === undefined ? {} : { 'memory-volumes': why };
}
