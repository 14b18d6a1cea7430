/** What a driver offers: its limits, and the parts of specs it heeds; of all it does not, why. */
import { type DriverOffer, type Feature, features } from '../../subjects/index.ts';

/** Features a driver does not have on this machine, with the reason. */
export type Lacking = Readonly<Partial<Record<Feature, string>>>;

/** What is booked, or chosen by, and limited by no driver. */
const NOT_LIMITED = {
  bandwidth: 'it is booked, and nothing limits what is sent',
  iops: 'it chooses the node, and nothing limits what is asked of its disk',
};

/** An offer of some limits, with every feature but those it lacks. Disk is the agent's to look at. */
export function offering(
  limits: Pick<DriverOffer, 'version' | 'enforces' | 'notEnforced'>,
  lacking: Lacking,
): DriverOffer {
  return {
    ...limits,
    enforces: [...limits.enforces, ...(lacking['disk-limit'] === undefined ? ['disk'] : [])],
    notEnforced: { ...limits.notEnforced, ...NOT_LIMITED, ...lacking },
    heeds: features.filter((feature) => lacking[feature] === undefined),
  };
}
