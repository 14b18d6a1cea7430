/** How services of the world come to another version, and what is decided about that. */
import {
  budgetOf,
  holdOf,
  rolloutAbort,
  rolloutPromote,
  rolloutUndo,
  type Workload,
} from '../../subjects/index.ts';
import type { World } from './world.ts';

const updates = [
  undefined,
  { strategy: 'rolling', deadline: '10s' },
  { strategy: 'rolling', maxSurge: '50%', minAvailable: '50%' },
  { strategy: 'rolling', maxSurge: 0, minAvailable: '25%', deadline: '10s' },
  { strategy: 'recreate' },
  { strategy: 'canary', minAvailable: '75%' },
] as const;
type Update = (typeof updates)[number];

/** One of the strategies that may be asked for at a count. */
export function updateFor(world: World, count: number): Update {
  const chosen = updates[Math.floor(world.random() * updates.length)];
  // Of one instance, and without a surge, none could be replaced.
  return count === 1 && chosen === updates[3] ? updates[1] : chosen;
}

const orders = { promote: rolloutPromote, abort: rolloutAbort, undo: rolloutUndo } as const;

/** Decides something about a rollout; nothing is promised by it: how many there are stays. */
export function orderRollout(world: World, workload: string): void {
  const names = Object.keys(orders) as (keyof typeof orders)[];
  const name = names[Math.floor(world.random() * names.length)] ?? 'undo';
  world.note(`${name} ${workload}`);
  world.ask(orders[name], { tenant: 'default', workload }, {}, (answer) =>
    world.note(`answer ${name} ${workload} ${answer.ok}`),
  );
}

/** How many instances a workload runs when nothing changes any more: canaries stand beside. */
export function runsInTheEnd(workload: Workload): number {
  const { count } = workload.spec;
  const hold = holdOf(workload);
  const update = workload.kind === 'service' ? workload.spec.update : undefined;
  if (!hold || update?.strategy !== 'canary') return count;
  return count + Math.min(hold.canaries, budgetOf(update, count).surge);
}
