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
  /** Names of containers, by instance. */
  readonly #names = new Map<string, Set<string>>();

  constructor(engine: Pick<Engine, 'remove'>) {
    this.#engine = engine;
  }

  /** From now on it may be there. */
  add(instance: string, container: string): void {
    const names = this.#names.get(instance) ?? new Set();
    this.#names.set(instance, names.add(container));
  }

  /** A run holds it. */
  drop(instance: string, container: string): void {
    const names = this.#names.get(instance);
    names?.delete(container);
    if (names?.size === 0) this.#names.delete(instance);
  }

  /** Whether something of an instance may be there. */
  has(instance: string): boolean {
    return this.#names.has(instance);
  }

  /** Removes one, if it is there. Rejects while nobody says that it is gone; it stays known then. */
  async remove(instance: string, container: string): Promise<void> {
    await removeContainer(this.#engine, container);
    this.drop(instance, container);
  }

  /** Removes all that an instance may have left. Rejects while nobody says that they are gone. */
  async end(instance: string): Promise<void> {
    for (const container of [...(this.#names.get(instance) ?? [])]) {
      await this.remove(instance, container);
    }
  }

  /** Forgets those that are not there any more, but for instances about which something is under way. */
  forgetAbsent(there: ReadonlySet<string>, isBusy: (instance: string) => boolean): void {
    for (const [instance, names] of [...this.#names]) {
      if (isBusy(instance)) continue;
      for (const container of [...names]) {
        if (!there.has(container)) this.drop(instance, container);
      }
    }
  }
}
