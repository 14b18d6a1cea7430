/** Makes sure that a run of a schedule is known by its name and label: nothing else tells. */
import { civilOf, secondsOf } from './civil.ts';
import { SCHEDULE_LABEL, type Workload } from './workload.ts';

/** `nightly-20271130-030000`: the schedule and the firing, to the second, in UTC. */
export function runName(schedule: string, firing: number): string {
  const { year, month, day, hour, minute, second } = civilOf(Math.floor(firing / 1000));
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${String(year).padStart(4, '0')}${two(month)}${two(day)}`;
  return `${schedule}-${date}-${two(hour)}${two(minute)}${two(second)}`;
}

const RUN = /^(.+)-(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)$/;

/**
 * The schedule a job is a run of and the firing, to the second; undefined: it is none. A workload
 * that only carries the label, or only the name, is somebody's own.
 */
export function runOf(
  workload: Pick<Workload, 'name' | 'kind' | 'labels'>,
): { readonly schedule: string; readonly firing: number } | undefined {
  const schedule = workload.labels[SCHEDULE_LABEL];
  const found = workload.kind === 'job' ? RUN.exec(workload.name) : null;
  if (schedule === undefined || found?.[1] !== schedule) return undefined;
  const [year, month, day, hour, minute, second] = found.slice(2).map(Number) as number[];
  const civil = { year, month, day, hour, minute, second } as Parameters<typeof secondsOf>[0];
  return { schedule, firing: secondsOf(civil) * 1000 };
}
