/** Many schedules due at one moment on a real nats-server, and what became of them. */
import { ask } from '../../actors/runtime/ask.ts';
import { Host } from '../../actors/runtime/host.ts';
import { silentLog } from '../../actors/runtime/log.ts';
import type { Ports } from '../../actors/runtime/ports.ts';
import { timedJobs } from '../../actors/runtime/timed-jobs.ts';
import { Views } from '../../actors/runtime/views.ts';
import { schedule } from '../../actors/schedule/actor.ts';
import { workload } from '../../actors/workload/actor.ts';
import {
  type Schedule,
  scheduleApply,
  scheduleRecord,
  workloadApply,
} from '../../subjects/index.ts';
import { eventually } from './ports.ts';
import { specOf } from './scheduling.ts';
import { service } from './specs.ts';

const tenant = 'default';
/** Asks under way while schedules are set. */
const TOGETHER = 200;
/** How long one is asked for again while nobody acts: longer than a lease lasts. */
const ASK_MS = 20_000;

export interface ManySchedules {
  readonly records: readonly Schedule[];
  readonly firing: number;
  /** How many were set in a second. */
  readonly setPerSecond: number;
}

/** They came due before all of them were set. */
export class TooLateError extends Error {}

/** Sets schedules that all scale one workload at one moment; resolves when each has an outcome. Throws `TooLateError`. */
export async function manySchedules(
  ports: Ports,
  count: number,
  dueInMs: number,
): Promise<ManySchedules> {
  const views = new Views(ports.store, ports.clock, silentLog);
  const around = { ports, views, copy: 'many', log: silentLog };
  const hosts = [
    new Host(schedule(), { ...around, jobs: timedJobs(ports.timed) }),
    new Host(workload(), around),
  ];
  const schedules = views.follow(scheduleRecord);
  await new Promise<void>((resolve) => views.start(resolve));
  for (const host of hosts) host.start();
  await Promise.all(hosts.map((host) => new Promise<void>((done) => host.whenSettled(done))));
  try {
    const web = { wanted: service(1), mode: 'put' } as const;
    await ask(ports, workloadApply, { tenant, workload: 'web' }, web);
    const firing = Date.now() + dueInMs;
    const spec = specOf({
      when: { at: new Date(firing).toISOString() },
      action: { scale: { workload: 'web', count: 2 } },
    });
    const began = performance.now();
    for (let index = 0; index < count; index += TOGETHER) {
      const some = Array.from({ length: Math.min(TOGETHER, count - index) }, (_, each) =>
        ask(
          ports,
          scheduleApply,
          { tenant, schedule: `s${index + each}` },
          { wanted: { labels: {}, spec }, mode: 'put' },
          { withinMs: ASK_MS },
        ),
      );
      for (const { answer } of await Promise.all(some)) {
        if (!answer.ok) throw new Error(answer.refusal.detail);
      }
    }
    const setPerSecond = count / ((performance.now() - began) / 1000);
    if (Date.now() > firing)
      throw new TooLateError('setting them took longer than they were to wait');
    const all = () => [...schedules.entries()].map(({ value }) => value);
    const isDone = (each: Schedule): boolean => each.history.length > 0;
    await eventually(
      () => all().filter(isDone).length === count,
      dueInMs + 120_000,
      `${count} outcomes`,
    );
    return { records: all(), firing, setPerSecond };
  } finally {
    for (const host of hosts) host.stop();
    views.close();
  }
}
