/**
 * Makes sure that what is on this machine and what the driver holds become the same again: what an
 * earlier agent left is gone on with, what only a folder or only the engine knows of is taken over,
 * told as ended, or removed (docs/decisions/0019).
 */
import { reasonOf } from '../../../actors/runtime/reason.ts';
import type { Found, Listing } from '../../jobs.ts';
import { programOf } from '../../parts.ts';
import type { Report } from '../driver.ts';
import { isListening, tcpPorts } from '../ports.ts';
import { foundOf, isShared, type Kept, RunFolder } from '../run-folder.ts';
import { limitContainer } from './bandwidth.ts';
import { containerName, isUnstarted, keptEnd, LABELS } from './container.ts';
import { endAllMarked } from './exec.ts';
import type { Holding } from './holding.ts';
import { stepNames } from './init.ts';
import { mayHaveCommands } from './interact.ts';
import { Run, STAYS_MS } from './run.ts';

export class Adoption {
  readonly #of: Holding;
  /** What should be limited and could not be: it is tried again with each list. */
  readonly #unlimited = new Set<string>();

  constructor(of: Holding) {
    this.#of = of;
  }

  /** All there is of an earlier agent, gone on with. An engine that is away is asked when it is back. */
  async found(report: Report): Promise<readonly Found[]> {
    const names = await RunFolder.names(this.#of.state);
    const found = await Promise.all(names.map((name) => this.#adopt(name, names, report)));
    await this.#removeStrays().catch(() => undefined);
    return found.filter((each) => each !== undefined);
  }

  /** What runs, and what is under way. Rejects while the engine does not answer. */
  async list(report: Report): Promise<Listing> {
    const { kept, turns, runs, unanswered, log, state } = this.#of;
    const names = await RunFolder.names(state);
    for (const name of names) {
      if (kept.has(name) || turns.has(name)) continue;
      if (await new RunFolder(state, name).isOnlyShared(names)) continue;
      log.warn('an instance nobody knew of is taken over', { instance: name });
      turns.add(name, async () => {
        if (!kept.has(name)) await this.#adopt(name, names, report);
      });
    }
    // An event may be lost, or be of a container somebody else removed.
    const running = await this.#removeStrays();
    for (const [name, run] of runs) {
      if (!run.isOver && !running.has(name) && !turns.has(name)) await run.look();
    }
    for (const name of this.#unlimited) this.#limitAgain(name);
    const found: Found[] = [];
    for (const [name, run] of runs) {
      const its = kept.get(name);
      if (!its || run.isTold || turns.has(name)) continue;
      found.push(foundOf(its, run));
    }
    // What may run although no run is about it is busy from here on: nothing is concluded about it.
    unanswered.retry();
    return { found, busy: turns.names };
  }

  /** `names`: of all that is here. */
  async #adopt(name: string, names: readonly string[], report: Report): Promise<Found | undefined> {
    const { engine, state, log, given, left } = this.#of;
    const folder = new RunFolder(state, name);
    const kept = await folder.kept();
    if (!kept) {
      if (await folder.isOnlyShared(names)) return undefined;
      log.warn('what nobody can account for is ended', { instance: name });
      const removed = isShared(name, names) ? folder.removeOwn() : folder.remove();
      await removed.catch((error) => log.warn(reasonOf(error), { instance: name }));
      return undefined;
    }
    this.#of.kept.set(name, kept);
    given.keep(kept);
    const around = this.#of.around(kept, report);
    const run = new Run(kept, around);
    this.#of.runs.set(name, run);
    const exit = keptEnd(await folder.exit(kept.input.run));
    if (exit) {
      run.adopt(null, exit);
      return foundOf(kept, run);
    }
    let container = await engine.inspect(around.container).catch(() => null);
    if (!container) {
      // Or a step of it runs: it is over when that is gone, too.
      const steps = programOf(kept.input).init ?? [];
      for (const each of stepNames(around.container, steps)) left.add(name, each);
    }
    if (container === undefined) {
      container = await left.end(name).then(
        () => undefined,
        () => null,
      );
    }
    // What was ready stays so: nobody is to see that only its agent was away.
    const isRunning = container?.State.Running === true;
    const isReady = isRunning && (await isListening(kept.address, tcpPorts(kept), STAYS_MS));
    if (isRunning && mayHaveCommands(kept, folder)) await endAllMarked(engine, around.container);
    // An agent that died in between never limited it.
    if (isRunning) await this.#limit(kept);
    // What its engine may be about to start is removed before anybody hears that it is over.
    run.adopt(isUnstarted(container) ? null : container);
    if (isUnstarted(container)) await run.look();
    return { ...foundOf(kept, run), isReady };
  }

  /** Limits what runs as its spec says: its engine was away, and with it nobody could be limited. */
  limitAll(): void {
    for (const name of this.#of.runs.keys()) this.#limitAgain(name);
  }

  #limitAgain(name: string): void {
    const { runs, kept, turns } = this.#of;
    const its = kept.get(name);
    const isHere = runs.get(name)?.left.aborted === false;
    // A start that is under way does so by itself.
    if (its && isHere && !turns.has(name)) void this.#limit(its);
    else this.#unlimited.delete(name);
  }

  /** What cannot be limited goes on, as it did before, and it is said once; never rejects. */
  async #limit({ input }: Kept): Promise<void> {
    const { engine, agent, log } = this.#of;
    const { name } = input;
    try {
      await limitContainer(engine, containerName(agent, input), input);
      this.#unlimited.delete(name);
    } catch (error) {
      if (!this.#unlimited.has(name)) log.warn(reasonOf(error), { instance: name });
      this.#unlimited.add(name);
    }
  }

  /** Removes containers of this agent that no run is about; names of those that run. */
  async #removeStrays(): Promise<Set<string>> {
    const { engine, agent, runs, left, turns, log, groups } = this.#of;
    const running = new Set<string>();
    const { mark } = left;
    const containers = await engine.list(`${LABELS.agent}=${agent}`).catch(async (error) => {
      // Podman that was killed while it removed one can list none until that is removed, by its name.
      await left.endAll((name) => turns.has(name));
      await groups.lookAll();
      throw error;
    });
    for (const { Id: id, Labels: labels, Names: names, State: state } of containers) {
      const [name = '', number] = [labels[LABELS.name], Number(labels[LABELS.run])];
      const run = runs.get(name);
      // Something is under way: it will be clear next time.
      if (turns.has(name)) continue;
      const isLeft = names.some((each) => left.has(name, bare(each)));
      if (run?.number === number && !run.isDone && !isLeft) {
        if (state === 'running') running.add(name);
        continue;
      }
      log.warn('a container no run is about is removed', { instance: name });
      await engine.remove(id).catch(() => undefined);
    }
    const there = new Set(containers.flatMap((each) => each.Names.map(bare)));
    left.forgetAbsent(there, mark, (name) => turns.has(name));
    await groups.sweep();
    return running;
  }
}

/** The name of a container as it was given: the engine puts a slash before it. */
function bare(name: string): string {
  return name.replace(/^\//, '');
}
