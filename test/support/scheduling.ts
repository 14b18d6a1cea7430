/** Schedule and workload actors together on memory ports, with time that passes as told. */
import type { Link } from '../../actors/runtime/memory/connection.ts';
import { timedJobs } from '../../actors/runtime/timed-jobs.ts';
import { schedule } from '../../actors/schedule/actor.ts';
import { workload } from '../../actors/workload/actor.ts';
import {
  type EventBody,
  eventNoticed,
  type RequestContract,
  type Schedule,
  type ScheduleSpec,
  scheduleApply,
  scheduleFire,
  scheduleRecord,
  scheduleSpec,
  type Workload,
  workloadApply,
  workloadRecord,
} from '../../subjects/index.ts';
import { Bench } from './host.ts';
import { service } from './specs.ts';

/** A spec with its defaults; it runs a job unless it says otherwise. */
export function specOf(more: object): ScheduleSpec {
  return scheduleSpec.parse({ action: { run: { command: ['work'] } }, ...more });
}

export class Scheduling {
  readonly bench = new Bench();
  readonly #link: Link | undefined;
  #stops: (() => void)[] = [];

  constructor(link?: Link) {
    this.#link = link;
    this.start();
    this.startWorkloads();
  }

  startWorkloads(): void {
    const { host, connection } = this.bench.join(workload());
    this.stopWorkloads = () => {
      host.stop();
      connection.close();
    };
  }

  /** The workload actor dies without a word. */
  stopWorkloads: () => void = () => undefined;

  /** Starts a control plane with the schedule actor. */
  start(): void {
    const jobs = timedJobs(this.bench.outside.timed);
    const link = this.#link ? { link: this.#link } : {};
    const { host, connection } = this.bench.join(schedule(), { jobs, ...link });
    this.#stops.push(() => {
      host.stop();
      connection.close();
    });
  }

  /** It dies without a word. */
  crash(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  ask<C extends RequestContract>(contract: C, name: string, payload: unknown = {}, id?: string) {
    const tokens = { tenant: 'default', schedule: name };
    return this.bench.ask(contract, tokens as never, payload as never, id);
  }

  apply(name: string, spec: object, more: object = {}) {
    const wanted = { labels: {}, spec: specOf(spec) };
    return this.ask(scheduleApply, name, { wanted, mode: 'put', ...more });
  }

  /** A service to scale. */
  addService(name: string, count = 1): void {
    const tokens = { tenant: 'default', workload: name };
    this.bench.ask(workloadApply, tokens, { wanted: service(count), mode: 'put' });
  }

  pass(ms: number): void {
    this.bench.clock.advance(ms);
  }

  get now(): number {
    return this.bench.clock.now();
  }

  record(name: string): Schedule | undefined {
    return this.bench.stored(scheduleRecord, { tenant: 'default', schedule: name });
  }

  /** What became of the last firings, the oldest first. */
  results(name: string): readonly string[] {
    return (this.record(name)?.history ?? []).map((each) => each.result).toReversed();
  }

  workload(name: string): Workload | undefined {
    return this.bench.stored(workloadRecord, { tenant: 'default', workload: name });
  }

  /** Names of all workloads there are, in order; those that are being deleted with a `-` before. */
  workloads(): readonly string[] {
    const names: string[] = [];
    for (const { key, body } of this.bench.server.stored('shoal')) {
      const name = /^workload\.default\.(.*)$/.exec(key)?.[1];
      if (name === undefined || body === null) continue;
      names.push(`${this.workload(name)?.deletedAt === undefined ? '' : '-'}${name}`);
    }
    return names.sort();
  }

  /** A run ends as its node would say. */
  finish(name: string): void {
    const running = this.workload(name);
    if (!running) throw new Error(`there is no run ${name}`);
    const outcome = { result: 'succeeded', at: this.now, message: '' } as const;
    const tokens = { tenant: 'default', workload: name };
    this.bench.store(workloadRecord, tokens, { ...running, outcome } as Workload);
    this.bench.clock.settle();
  }

  /** Names of the schedules that have an alarm. */
  alarms(): readonly string[] {
    const subjects = this.bench.server.timed(scheduleFire.waits.pattern);
    return subjects.map((each) => each.split('.').at(-1) as string).sort();
  }

  /** What was told of schedules, as `name verb`. */
  told(): readonly string[] {
    return (this.bench.appended(eventNoticed) as EventBody[])
      .filter((each) => each.noun === 'schedule')
      .map(({ id, verb }) => `${id} ${verb}`);
  }
}
