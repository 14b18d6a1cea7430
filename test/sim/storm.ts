/**
 * A storm: a seed decides what is asked, what fails and when. While it lasts only safety is
 * required (checkers.ts); when it is over, everything that was acknowledged must come true within
 * a bound, and nothing else may be left.
 */
import {
  type Answer,
  instanceRecord,
  type Ledger,
  ledgerRecord,
  nodeRecord,
  nodeState,
  type Observed,
  observedRecord,
  phaseOf,
  workloadApply,
  workloadDelete,
  workloadRecord,
  workloadScale,
} from '../../subjects/index.ts';
import { service } from '../support/specs.ts';
import { World } from './world.ts';

/** Names of control planes. */
const controls = ['control', 'control-2', 'control-3'];

export interface StormOptions {
  /** Control planes, at most three. */
  readonly copies: number;
  readonly machines: number;
  readonly names: number;
  /** How long the storm lasts, in simulated milliseconds. */
  readonly stormMs: number;
  /** How long the world has to recover. */
  readonly calmMs: number;
  readonly lossRatio: number;
  readonly delayMsMax: number;
}

export const usualStorm: StormOptions = {
  copies: 1,
  machines: 4,
  names: 4,
  stormMs: 60_000,
  calmMs: 120_000,
  lossRatio: 0.02,
  delayMsMax: 40,
};

/** How often the world is looked at while it recovers, in milliseconds. */
const LOOK_MS = 250;
/** How long an ask without an answer may still be on its way, in milliseconds. */
const STRAY_MS = 20_000;

/** What the last answered ask about a name said; `unknown`: one was not answered since. */
type Acknowledged = number | 'deleted' | 'unknown';

export class Storm {
  readonly world: World;
  readonly #options: StormOptions;
  readonly #acknowledged = new Map<string, Acknowledged>();
  /** Asks about each name that have no answer yet, and until when strays may still be done. */
  readonly #asks = new Map<string, { open: number; clearAt: number }>();

  constructor(seed: number, options: StormOptions = usualStorm, isTraced = false) {
    this.#options = options;
    this.world = new World(seed, { isTraced });
    this.#startControls();
    for (let index = 1; index <= options.machines; index++) this.world.addMachine(`n${index}`);
  }

  /** Runs storm and calm; returns what was wrong. */
  run(): string[] {
    const { world } = this;
    this.#blow();
    this.#calm();
    const problems = [...world.checkers.violations];
    const end = world.clock.now() + this.#options.calmMs;
    while (this.#unsettled().length > 0 && world.clock.now() < end) world.clock.advance(LOOK_MS);
    // It must also stay so.
    world.clock.advance(10_000);
    problems.push(...this.#unsettled(), ...this.#unkept());
    for (const process of world.processes.values()) {
      for (const { actor, counters } of process.hosts) {
        if (counters.faults > 0) problems.push(`${actor.name} threw: ${lastErrors(counters)}`);
        if (counters.malformed > 0)
          problems.push(`${actor.name} got ${counters.malformed} malformed`);
      }
    }
    return problems;
  }

  #startControls(): void {
    for (const name of controls.slice(0, this.#options.copies)) {
      if (!this.world.processes.has(name)) this.world.startControl(name);
    }
  }

  #blow(): void {
    const { world } = this;
    const { stormMs, lossRatio, delayMsMax } = this.#options;
    world.clock.advance(3_000);
    world.weather.lossRatio = lossRatio;
    world.weather.delayMsMax = delayMsMax;
    const end = world.clock.now() + stormMs;
    while (world.clock.now() < end) {
      world.clock.advance(world.random() * 800);
      this.#somethingHappens();
    }
  }

  #somethingHappens(): void {
    const { world } = this;
    const dice = world.random();
    if (dice < 0.5) this.#ask();
    else if (dice < 0.62) this.#killInstance();
    else if (dice < 0.72) this.#crashAgent();
    else if (dice < 0.77) this.#crashMachine();
    else if (dice < 0.85) this.#crashControl();
    else this.#repair();
  }

  #ask(): void {
    const { world } = this;
    const workload = `w${Math.floor(world.random() * this.#options.names)}`;
    const name = { tenant: 'default', workload };
    const count = Math.floor(world.random() * 5);
    const dice = world.random();
    // Two asks under way at once may be done in either order; one that got no answer may be done
    // a while later: what is acknowledged then says nothing about the end.
    const asks = this.#asks.get(workload) ?? { open: 0, clearAt: 0 };
    this.#asks.set(workload, asks);
    const isAlone = asks.open === 0 && world.clock.now() >= asks.clearAt;
    if (!isAlone) asks.clearAt = Math.max(asks.clearAt, world.clock.now() + STRAY_MS);
    asks.open++;
    this.#acknowledged.set(workload, 'unknown');
    const note = (answer: Answer<unknown>, what: Acknowledged): void => {
      world.note(`answer ${workload} ${what} ${answer.ok}`);
      asks.open--;
      const isLost = !answer.ok && answer.refusal.code === 'actor-unavailable';
      if (isLost) asks.clearAt = world.clock.now() + STRAY_MS;
      if (answer.ok && isAlone && asks.open === 0 && world.clock.now() >= asks.clearAt) {
        this.#acknowledged.set(workload, what);
      }
    };
    if (dice < 0.55) {
      const version = String(Math.floor(world.random() * 2));
      const wanted = service(count, { environment: { VERSION: version } });
      world.note(`apply ${workload} ${count} version ${version}`);
      world.ask(workloadApply, name, { wanted, mode: 'put' }, (answer) => note(answer, count));
    } else if (dice < 0.8) {
      world.note(`scale ${workload} ${count}`);
      world.ask(workloadScale, name, { count }, (answer) => note(answer, count));
    } else {
      world.note(`delete ${workload}`);
      world.ask(workloadDelete, name, {}, (answer) => note(answer, 'deleted'));
    }
  }

  #killInstance(): void {
    const { world } = this;
    const machine = this.#anyMachine();
    const running = machine?.running() ?? [];
    const victim = running[Math.floor(world.random() * running.length)];
    if (!victim) return;
    world.note(`kill ${victim.input.name} on ${machine?.id}`);
    machine?.kill(victim.input.name);
  }

  #crashAgent(): void {
    const machine = this.#anyMachine();
    if (machine && this.world.processes.has(machine.id)) this.world.crash(machine.id);
  }

  #crashMachine(): void {
    const alive = [...this.world.machines.values()].filter((each) => each.isAlive);
    const machine = this.#anyMachine();
    if (alive.length > 1 && machine?.isAlive) this.world.crashMachine(machine.id);
  }

  #crashControl(): void {
    const { world } = this;
    const { copies } = this.#options;
    const name = controls.slice(0, copies)[Math.floor(world.random() * copies)] ?? 'control';
    if (!world.processes.has(name)) return;
    world.crash(name);
    world.clock.after(world.random() * 4_000, () => {
      if (!world.processes.has(name)) world.startControl(name);
    });
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
    world.note('calm');
    world.weather.lossRatio = 0;
    world.weather.delayMsMax = 2;
    this.#startControls();
    for (const machine of world.machines.values()) {
      if (machine.isAlive) world.startAgent(machine.id);
      else world.bootMachine(machine.id);
    }
  }

  #anyMachine() {
    const machines = [...this.world.machines.values()];
    return machines[Math.floor(this.world.random() * machines.length)];
  }

  /** What is not as the store says it should be, at this moment. */
  #unsettled(): string[] {
    const { world } = this;
    const problems: string[] = [];
    const nodes = new Map(world.all(nodeRecord).map((each) => [each.node, nodeState(each)]));
    for (const [node, state] of nodes) if (state !== 'ready') problems.push(`${node} is ${state}`);
    const observed = new Map<string, Observed>(
      world.all(observedRecord).map((each) => [`${each.node}.${each.instance}`, each]),
    );
    const live = world.all(instanceRecord).filter((each) => !each.outcome);
    const ready = new Map<string, number>();
    for (const each of live) {
      const seen = observed.get(`${each.node}.${each.instance}`);
      const phase = phaseOf(each, seen, nodes.get(each.node ?? ''));
      if (phase === 'ready') ready.set(each.workload, (ready.get(each.workload) ?? 0) + 1);
      else problems.push(`${each.instance} is ${phase}`);
    }
    for (const each of world.all(workloadRecord)) {
      if (each.deletedAt !== undefined) problems.push(`${each.name} is still being deleted`);
      const count = ready.get(each.name) ?? 0;
      if (count !== each.spec.count)
        problems.push(`${each.name} has ${count} of ${each.spec.count}`);
    }
    problems.push(...this.#misplaced(world.all(ledgerRecord)));
    return problems;
  }

  /** Every process is on the one ledger of its machine, and every entry is a process. */
  #misplaced(ledgers: readonly Ledger[]): string[] {
    const problems: string[] = [];
    for (const machine of this.world.machines.values()) {
      const ledger = ledgers.find((each) => each.node === machine.id);
      const listed = new Set(Object.keys(ledger?.entries ?? {}));
      for (const { input } of machine.running()) {
        if (!listed.delete(input.name))
          problems.push(`${input.name} runs on ${machine.id} unlisted`);
      }
      for (const name of listed)
        problems.push(`${name} is listed on ${machine.id} and does not run`);
    }
    return problems;
  }

  /** What was acknowledged and is not so. */
  #unkept(): string[] {
    const problems: string[] = [];
    const workloads = new Map(this.world.all(workloadRecord).map((each) => [each.name, each]));
    for (const [name, what] of this.#acknowledged) {
      const count = workloads.get(name)?.spec.count;
      if (what === 'deleted' && count !== undefined)
        problems.push(`${name} was deleted and is there`);
      if (typeof what === 'number' && count !== what) {
        problems.push(`${name} was acknowledged with ${what} and has ${count}`);
      }
    }
    return problems;
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
