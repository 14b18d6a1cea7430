/** Makes sure that of several instances those go that are missed least. */
import { type Instance, type Phase, phaseOf } from '../../subjects/index.ts';
import type { Known } from './settle.ts';

/** An instance to stop, with the reason. */
export interface Retired {
  readonly instance: Instance;
  readonly why: string;
}

const order: Readonly<Record<Phase, number>> = {
  lost: 0,
  pending: 1,
  failed: 2,
  'backing-off': 3,
  placed: 4,
  starting: 5,
  running: 6,
  ready: 7,
  stopping: 8,
  succeeded: 8,
  stopped: 8,
};

/** The instances that are missed least: those that serve least, of these the youngest. */
export function choose(among: readonly Known[], count: number, why: string): readonly Retired[] {
  if (count <= 0) return [];
  return [...among]
    .sort(
      (a, b) =>
        order[phaseIn(a)] - order[phaseIn(b)] ||
        b.instance.createdAt - a.instance.createdAt ||
        (a.instance.instance < b.instance.instance ? -1 : 1),
    )
    .slice(0, count)
    .map(({ instance }) => ({ instance, why }));
}

/** Whether an instance does its work: what makes it ready is the agent's to say. */
export function isServing(known: Known): boolean {
  return phaseIn(known) === 'ready';
}

/** The phase of an instance by what is known of it. */
export function phaseIn(known: Known): Phase {
  return phaseOf(known.instance, known.observed, known.node);
}
