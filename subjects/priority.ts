/** Priority: which workload comes first where not all can have a node at once. Nothing that runs is ended for it. */
import { z } from 'zod';

export const priorities = ['high', 'normal', 'low'] as const;
export type Priority = (typeof priorities)[number];

/** What the names mean in numbers: 50 is what says nothing, as elsewhere; there is room on both sides. */
export const priorityValues: Readonly<Record<Priority, number>> = { high: 100, normal: 50, low: 0 };

/** Highest number a workload may have. */
const PRIORITY_MAX = 1_000;

/** A number instead of a name. Beside it, not in its place: a program of before reads the names only. */
export const priorityValue = z.number().int().min(0).max(PRIORITY_MAX);

interface Prioritized {
  readonly priority: Priority;
  readonly priorityValue?: number | undefined;
}

/** The number by which a workload comes before others, 0 to 1000: its own, else that of its name. */
export function priorityOf(spec: Prioritized): number {
  return spec.priorityValue ?? priorityValues[spec.priority];
}

/** The lane of the queue a workload waits in: the highest name its number reaches. */
export function laneOf(spec: Prioritized): Priority {
  const value = priorityOf(spec);
  return priorities.find((name) => value >= priorityValues[name]) ?? 'low';
}

/** What of a name and a number contradicts each other; judged where a spec is asked for. */
export function priorityFaults(spec: Prioritized): readonly { path: string[]; message: string }[] {
  const lane = laneOf(spec);
  // `normal` is also what somebody has who gave no name.
  if (spec.priority === 'normal' || spec.priority === lane) return [];
  const message = `${spec.priorityValue} is ${lane}, not ${spec.priority}: leave out priority`;
  return [{ path: ['priorityValue'], message }];
}
