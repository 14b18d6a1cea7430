/**
 * What callers of the world want done later, and how much of the past they want kept, and what
 * they were promised.
 */
import {
  isAlike,
  type Retention,
  type ScheduleWanted,
  scheduleApply,
  scheduleDelete,
  schedulePause,
  scheduleRecord,
  scheduleResume,
  scheduleTrigger,
  scheduleWanted,
  tenantRecord,
  tenantRetain,
} from '../../subjects/index.ts';
import { Promises } from './promises.ts';
import type { World } from './world.ts';

/** Schedules that are asked about. */
const NAMES = 3;
/** What a run asks for: hundreds fit beside what `Asks` ever asks for. */
const RESOURCES = { cpu: '1m', memory: '1Mi' };
/** The workload that schedules scale; nobody else asks about it, and it need not be there. */
const SCALED = 's-scaled';

/** Beside some runs; it takes nothing: runs have little room. */
const SIDECAR = { name: 'proxy', command: ['serve'], resources: { cpu: 0, memory: 0 } };

/** What was promised about a schedule. */
type Promised = 'deleted' | 'paused' | 'resumed' | 'triggered' | ScheduleWanted;

export class TimedAsks {
  readonly #world: World;
  readonly #slowness: number;
  readonly #schedules: Promises<Promised>;
  readonly #settings: Promises<Retention>;

  /** `slowness`: by how much more seldom schedules fire. */
  constructor(world: World, slowness: number) {
    this.#world = world;
    this.#slowness = slowness;
    this.#schedules = new Promises(world);
    this.#settings = new Promises(world);
  }

  ask(): void {
    const world = this.#world;
    if (world.random() < 0.2) return this.#retain();
    const schedule = `s${Math.floor(world.random() * NAMES)}`;
    const name = { tenant: 'default', schedule };
    const dice = world.random();
    const schedules = this.#schedules;
    if (dice < 0.6) {
      const wanted = this.#anyWanted();
      world.note(`apply ${schedule} ${JSON.stringify(wanted.spec.when)}`);
      schedules.ask(schedule, [scheduleApply, name, { wanted, mode: 'put' }], wanted);
    } else if (dice < 0.7) {
      world.note(`delete ${schedule}`);
      schedules.ask(schedule, [scheduleDelete, name, {}], 'deleted');
    } else if (dice < 0.8) {
      world.note(`trigger ${schedule}`);
      schedules.ask(schedule, [scheduleTrigger, name, {}], 'triggered');
    } else if (dice < 0.9) {
      world.note(`pause ${schedule}`);
      schedules.ask(schedule, [schedulePause, name, {}], 'paused');
    } else {
      world.note(`resume ${schedule}`);
      schedules.ask(schedule, [scheduleResume, name, {}], 'resumed');
    }
  }

  #retain(): void {
    const { random } = this.#world;
    const limits = { count: 10 + Math.floor(random() * 3) * 10, age: '1m' };
    const retention: Retention = { instances: limits, jobs: limits, events: limits };
    this.#world.note(`keep ${limits.count}`);
    const tokens = { tenant: 'default' };
    this.#settings.ask('default', [tenantRetain, tokens, { retention }], retention);
  }

  #anyWanted(): ScheduleWanted {
    const { random, clock } = this.#world;
    const any = <T>(...among: readonly T[]): T => among[Math.floor(random() * among.length)] as T;
    const slowness = this.#slowness;
    const at = new Date(clock.now() + random() * 20_000 * slowness).toISOString();
    const cron = slowness * 5 < 60 ? `*/${slowness * 5} * * * * *` : '0 * * * * *';
    const ms = any('50', '500', '3000');
    const sidecars = ms === '500' ? { sidecars: [SIDECAR] } : {};
    const run = { command: ['work', ms], resources: RESOURCES, ...sidecars };
    const scale = { workload: SCALED, count: 1 };
    return scheduleWanted.parse({
      spec: {
        when: any<object>(
          { every: `${2 * slowness}s` },
          { every: `${7 * slowness}s` },
          { cron },
          { at },
        ),
        overlap: any('allow', 'skip', 'replace'),
        keep: any(0, 1, 3),
        ...(random() < 0.3 ? { startWithin: any('1s', '5s') } : {}),
        action: random() < 0.9 ? { run } : { scale },
      },
    });
  }

  /** What was acknowledged and is not so. */
  unkept(): string[] {
    const problems: string[] = [];
    const there = new Map(this.#world.all(scheduleRecord).map((each) => [each.name, each]));
    for (const [name, what] of this.#schedules.all) {
      const schedule = there.get(name);
      if (what === 'deleted' && schedule) problems.push(`${name} was deleted and is there`);
      if (what === 'deleted') continue;
      if (!schedule) problems.push(`${name} was acknowledged and is not there`);
      else if (what === 'paused' && !schedule.spec.paused) problems.push(`${name} is not paused`);
      else if (what === 'resumed' && schedule.spec.paused) problems.push(`${name} is paused`);
      else if (typeof what === 'object' && !isAlike(schedule.spec, what.spec)) {
        problems.push(`${name} is not as it was acknowledged`);
      }
    }
    const [tenant] = this.#world.all(tenantRecord);
    for (const retention of this.#settings.all.values()) {
      const isSo = tenant && isAlike(tenant.retention, retention);
      if (!isSo) problems.push('what is kept is not as it was acknowledged');
    }
    return problems;
  }
}
