/**
 * A storm: a seed decides what is asked, what fails and when. While it lasts only safety is
 * required (checkers.ts); when it is over, everything that was acknowledged must come true within
 * a bound, and nothing else may be left.
 */
import { type KeyLimits, keyLimits } from '../../actors/retention/keys.ts';
import type { Amounts } from '../../subjects/index.ts';
import { Asks, DEVICE } from './asks.ts';
import { DrainAsks } from './drain-asks.ts';
import { controlsOf, type Faults, Trouble } from './faults.ts';
import { LetterAsks } from './letter-asks.ts';
import { PoolAsks } from './pool-asks.ts';
import { isLeftOver, unsettled } from './settled.ts';
import { TimedAsks } from './timed-asks.ts';
import { calmWeather } from './wire.ts';
import { STRAY_MS, smallMachine, World } from './world.ts';

export interface StormOptions {
  /** Control planes, at most three. */
  readonly copies: number;
  readonly machines: number;
  /** Machines have devices, and some workloads ask for them. Default: false. */
  readonly hasDevices?: boolean;
  /** There are pools, and callers who claim. Default: false. */
  readonly hasPools?: boolean;
  /** Nodes are drained. Default: false. */
  readonly hasDrains?: boolean;
  readonly names: number;
  /** How long the storm lasts, in simulated milliseconds. */
  readonly stormMs: number;
  /** By how much more slowly everything is asked for, and fails. */
  readonly slowness: number;
  /** How long the world has to recover. */
  readonly calmMs: number;
  readonly delayMsMax: number;
  readonly faults: Faults;
}

/**
 * Six instances, and room for runs: when devices are away, the others fill up and some instances
 * wait.
 */
const stormMachine: Amounts = { ...smallMachine, cpuMilli: 1_700 };
/** Three of them hold all that is asked for, with what replaces it: elsewhere devices run out (asks.ts). */
const machineWithDevices: Amounts = { ...stormMachine, devices: { [DEVICE]: 5 } };

/** Keys are cleared away within a storm; in production it takes ten minutes and a day. */
const soonCleared: KeyLimits = {
  ...keyLimits,
  ...{ everyMs: 10_000, leftoverMs: 15_000, markerAgeMs: 40_000, youngMs: 40_000 },
};

/** Longest pause between two things that happen in a brisk storm, in milliseconds. */
const PAUSE_MS = 800;
/** Share of moments of a storm with pools at which somebody asks for something of one. */
const POOL_RATIO = 0.5;
/** Share of moments of a storm with drains at which somebody asks for one, or ends it. */
const DRAIN_RATIO = 0.1;
/** How often the world is looked at while it recovers, in milliseconds. */
const LOOK_MS = 250;
/** How long after a storm keepers of pools act again at the latest, in milliseconds. */
const KEEPERS_MS = 8_000;
/** Longest that a claim is held after its time while nothing disturbs, in milliseconds. */
const CLAIM_LATE_MS = 1_000;
/** How long everything must then stay as it is, in milliseconds. */
const STAY_MS = 10_000;
/** What is still wrong after so many looks, so far apart, is not on its way. */
const LOOKS = { count: 4, apartMs: 3_000 };
/** Looks until what is left over is cleared away: it must be as old as that, and then be met by two rounds. */
const LOOKS_AT_LEFT = Math.ceil(
  (soonCleared.leftoverMs + 2 * soonCleared.everyMs) / LOOKS.apartMs + 1,
);

export class Storm {
  readonly world: World;
  readonly #options: StormOptions;
  readonly #asks: Asks;
  readonly #timedAsks: TimedAsks;
  readonly #letterAsks: LetterAsks;
  readonly #poolAsks: PoolAsks | undefined;
  readonly #drainAsks: DrainAsks | undefined;
  readonly #trouble: Trouble;

  constructor(seed: number, options: StormOptions, isTraced = false) {
    this.#options = options;
    const { faults, copies, machines, names, hasPools = false, hasDrains = false } = options;
    this.world = new World(seed, { isTraced, keyLimits: soonCleared, hasPools });
    this.world.driftMax = faults.drift;
    const { hasDevices = false } = options;
    this.#asks = new Asks(this.world, names, hasDevices);
    this.#timedAsks = new TimedAsks(this.world, options.slowness);
    this.#letterAsks = new LetterAsks(this.world);
    this.#poolAsks = hasPools ? new PoolAsks(this.world) : undefined;
    this.#drainAsks = hasDrains ? new DrainAsks(this.world) : undefined;
    this.#trouble = new Trouble(this.world, faults, copies);
    this.#startControls();
    for (let index = 1; index <= machines; index++) {
      const capacity = hasDevices ? machineWithDevices : stormMachine;
      const labels = hasPools ? { zone: `z${index % 2}` } : {};
      this.world.addMachine(`n${index}`, { capacity, labels });
    }
  }

  /** Runs storm and calm; returns what was wrong. */
  run(): string[] {
    try {
      return this.#run();
    } catch (error) {
      const thrown = error instanceof Error ? error.message : String(error);
      return [...this.world.checkers.violations, `the world stopped: ${thrown}`];
    }
  }

  #run(): string[] {
    const { world } = this;
    this.#blow();
    this.#calm();
    const problems = [...world.checkers.violations];
    // What was asked last, and copies of it, are still on their way.
    const keptSince = world.clock.elapsed() + KEEPERS_MS;
    this.#look(STRAY_MS, keptSince);
    this.#tidy();
    const end = world.clock.now() + this.#options.calmMs;
    while (unsettled(world).length > 0 && world.clock.now() < end) {
      this.#look(LOOK_MS, keptSince);
      this.#tidy();
    }
    // It must also stay so.
    this.#look(STAY_MS, keptSince);
    const wrong = this.#unsettledStill();
    problems.push(...world.checkers.violations.slice(problems.length));
    problems.push(...wrong, ...this.#asks.unkept(), ...this.#timedAsks.unkept());
    problems.push(...(this.#poolAsks?.unkept() ?? []));
    for (const process of world.processes.values()) {
      for (const { actor, copy, counters } of process.hosts) {
        const isStrange = actor.name === 'scheduler' && world.faults.has('unreadable');
        if (counters.faults > world.poison.thrown(copy))
          problems.push(`${actor.name} threw: ${lastErrors(counters)}`);
        if (counters.malformed > 0 && !isStrange)
          problems.push(`${actor.name} got ${counters.malformed} malformed`);
      }
    }
    return problems;
  }

  /** Lets so much time pass; claims end in it that are up after keepers act again. */
  #look(ms: number, keptSince: number): void {
    const { clock, pools } = this.world;
    for (let left = ms; left > 0; left -= LOOK_MS) {
      clock.advance(Math.min(left, LOOK_MS));
      pools.checkEnds(CLAIM_LATE_MS, keptSince);
    }
  }

  /** What a person does once it is calm: letters are decided on, and no node is kept empty. */
  #tidy(): void {
    this.#letterAsks.clear();
    this.#drainAsks?.end();
  }

  /** What is wrong now and stays so: runs come and go while one looks. */
  #unsettledStill(): string[] {
    let wrong = unsettled(this.world);
    const looks = (): number => (wrong.every(isLeftOver) ? LOOKS_AT_LEFT : LOOKS.count);
    for (let look = 1; look < looks() && wrong.length > 0; look++) {
      // A person meets also what is given up, or comes back from the dead, later.
      this.#tidy();
      this.world.clock.advance(LOOKS.apartMs);
      const still = new Set(unsettled(this.world));
      wrong = wrong.filter((each) => still.has(each));
    }
    return wrong;
  }

  /** Names whose last ask was acknowledged with nothing else under way. */
  get promises(): number {
    return this.#asks.promises;
  }

  #startControls(): void {
    for (const name of controlsOf(this.#options.copies)) {
      if (!this.world.processes.has(name)) this.world.startControl(name);
    }
  }

  #blow(): void {
    const { world } = this;
    const { stormMs, slowness, delayMsMax, faults } = this.#options;
    world.clock.advance(3_000);
    Object.assign(world.weather, {
      ...{ delayMsMax, lossRatio: faults.loss, duplicateRatio: faults.duplicate },
      ...{ lateRatio: faults.late, staleRatio: faults.stale, strayRatio: faults.stray },
    });
    const end = world.clock.now() + stormMs;
    while (world.clock.now() < end) {
      world.clock.advance(world.random() * PAUSE_MS * slowness);
      if (this.#poolAsks && world.random() < POOL_RATIO) this.#poolAsks.ask();
      if (this.#drainAsks && world.random() < DRAIN_RATIO) this.#drainAsks.ask();
      const dice = world.random();
      if (dice < 0.35) this.#asks.ask();
      else if (dice < 0.43) this.#timedAsks.ask();
      else if (dice < 0.46) this.#letterAsks.ask();
      else if (dice < 0.85) this.#trouble.strike();
      else this.#repair();
    }
  }

  #repair(): void {
    const { world } = this;
    for (const machine of world.machines.values()) {
      if (world.random() < 0.5) continue;
      if (machine.isAlive) world.startAgent(machine.id);
      else world.bootMachine(machine.id);
    }
  }

  #calm(): void {
    const { world } = this;
    const { machines } = this.#options;
    world.note('calm');
    world.driftMax = 0;
    this.#trouble.end();
    Object.assign(world.weather, calmWeather());
    this.#startControls();
    // In some worlds one device never comes back.
    const lost = this.#options.faults.crashMachine > 0 ? world.random() * 3 * machines : machines;
    for (const [index, machine] of [...world.machines.values()].entries()) {
      if (index === Math.floor(lost)) world.crashMachine(machine.id);
      else if (machine.isAlive) world.startAgent(machine.id);
      else world.bootMachine(machine.id);
    }
  }
}

function lastErrors(counters: {
  readonly routes: ReadonlyMap<string, { readonly lastError: string }>;
}): string {
  return [...counters.routes.values()]
    .map((each) => each.lastError)
    .filter(Boolean)
    .join('; ');
}
