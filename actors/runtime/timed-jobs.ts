/** The jobs of an actor that looks after items that wait for their time. */
import type { Job, TimedQueue } from './ports.ts';

/** `waiting`: reports the subjects under which items of a pattern wait; nothing without an answer. */
export function timedJobs(timed: TimedQueue): Readonly<Record<string, Job>> {
  return {
    waiting: (input, report) =>
      timed.list(input as string, (subjects) => {
        if (subjects) report(subjects);
      }),
  };
}
