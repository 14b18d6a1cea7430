/** What a driver offers: its limits, and the parts of specs it heeds; of all it does not, why. */
import { type DriverOffer, type Feature, features, HEEDS_HAND_OFF } from '../../subjects/index.ts';

/** Features a driver does not have on this machine, with the reason. */
export type Lacking = Readonly<Partial<Record<Feature, string>>>;

/** Limits that are features, too: an agent of before knows nothing of them. */
const LIMITS = { disk: 'disk-limit', bandwidth: 'bandwidth-limit', iops: 'iops-limit' } as const;

/** An offer of some limits, with every feature but those it lacks. */
export function offering(
  limits: Pick<DriverOffer, 'version' | 'enforces' | 'notEnforced'>,
  lacking: Lacking,
): DriverOffer {
  return {
    ...limits,
    enforces: [
      ...limits.enforces,
      ...Object.entries(LIMITS).flatMap(([limit, its]) => (lacking[its] ? [] : [limit])),
    ],
    notEnforced: { ...limits.notEnforced, ...lacking },
    heeds: [
      ...features.filter((feature) => lacking[feature] === undefined),
      // Where a spec's files go, those of a hand-off do.
      ...(lacking.files === undefined ? [HEEDS_HAND_OFF] : []),
    ],
  };
}
