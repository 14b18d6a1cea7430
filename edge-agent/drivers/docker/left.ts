/**
 * Makes sure that no container is forgotten that may run although no run is about it: its name is
 * here from before the engine is asked for it until a run holds it, or it is gone. An engine may die
 * after it did what it was asked and before it said so.
 */
import type { Engine } from './engine.ts';
import { removeContainer } from './remove.ts';

/** What each instance may have left; several, where several starts went wrong. */
export class Left {
  readonly #engine: Pick<Engine, 'remove'>;
  /** Names of containers, by instance, with how many had been added when each was. */
  readonly #names = new Map<string, Map<string, number>>();
  /** Those of which nothing runs any more, by instance: only a container is left. */
  readonly #over = new Map<string, Set<string>>();
  #added = 0;

  constructor(engine: Pick<Engine, 'remove'>) {
    this.#engine = engine;
  }

  /** From now on it may be there. */
  add(instance: string, container: string): void {
    const names = this.#names.get(instance) ?? new Map<string, number>();
    this.#added++;
    this.#names.set(instance, names.set(container, this.#added));
    this.#over.get(instance)?.delete(container);
  }

  /** It may be there, and has ended: nothing of it runs. */
  addOver(instance: string, container: string): void {
    this.add(instance, container);
    this.#over.set(instance, (this.#over.get(instance) ?? new Set()).add(container));
  }

  /** Whether anything that an instance may have left may run. */
  mayRun(instance: string): boolean {
    const over = this.#over.get(instance);
    return [...(this.#names.get(instance)?.keys() ?? [])].some((each) => !over?.has(each));
  }

  /** A run holds it. */
  drop(instance: string, container: string): void {
    const names = this.#names.get(instance);
    names?.delete(container);
    this.#over.get(instance)?.delete(container);
    if (names?.size !== 0) return;
    this.#names.delete(instance);
    this.#over.delete(instance);
  }

  /** Whether a container is one that an instance may have left. */
  has(instance: string, container: string): boolean {
    return this.#names.get(instance)?.has(container) ?? false;
  }

  /** Now, as `forgetAbsent` counts: what is added from here on was not there to be listed before. */
  get mark(): number {
    return this.#added;
  }

  /** Removes one, if it is there. Rejects while nobody says that it is gone; it stays known then. */
  async remove(instance: string, container: string): Promise<void> {
    await removeContainer(this.#engine, container);
    this.drop(instance, container);
  }

  /** Removes all that an instance may have left. Rejects while nobody says that they are gone. */
  async end(instance: string): Promise<void> {
    for (const container of [...(this.#names.get(instance)?.keys() ?? [])]) {
      await this.remove(instance, container);
    }
  }

  /** Removes all there may be of instances about which nothing is under way, as far as that goes. */
  async endAll(isBusy: (instance: string) => boolean): Promise<void> {
    for (const instance of [...this.#names.keys()]) {
      if (!isBusy(instance)) await this.end(instance).catch(() => undefined);
    }
  }

  /**
   * Forgets those that are not there any more by a list the engine was asked for at `mark`, but for
   * instances about which something is under way.
   */
  forgetAbsent(
    there: ReadonlySet<string>,
    mark: number,
    isBusy: (instance: string) => boolean,
  ): void {
    for (const [instance, names] of [...this.#names]) {
      if (isBusy(instance)) continue;
      for (const [container, added] of [...names]) {
        if (added <= mark && !there.has(container)) this.drop(instance, container);
      }
    }
  }
}
