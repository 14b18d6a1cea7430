/** The actors of a control plane, as production has them, on the ports of a simulated process. */
import { claim } from '../../actors/claim/actor.ts';
import { dead } from '../../actors/dead/actor.ts';
import { discovery } from '../../actors/discovery/actor.ts';
import { membership } from '../../actors/membership/actor.ts';
import { pool } from '../../actors/pool/actor.ts';
import { quota } from '../../actors/quota/actor.ts';
import { retention } from '../../actors/retention/actor.ts';
import type { KeyLimits } from '../../actors/retention/keys.ts';
import type { Actor } from '../../actors/runtime/actor.ts';
import { schedule } from '../../actors/schedule/actor.ts';
import { scheduler } from '../../actors/scheduler/actor.ts';
import { workload } from '../../actors/workload/actor.ts';

/** All of them but those that are left out, by name. */
export function controlActors(
  limits: KeyLimits,
  without: readonly string[],
  hasPools: boolean,
): readonly Actor[] {
  const all = [
    ...[membership(), scheduler(), workload(), discovery(), schedule(), dead()],
    retention(limits),
    ...(hasPools ? [pool(), claim(), quota()] : []),
  ];
  return (all as unknown as Actor[]).filter(({ name }) => !without.includes(name));
}
