/** What a person asks about dead letters: to put them back, or to drop them. */
import {
  type DeadLetter,
  deadDrop,
  deadRecord,
  deadReplay,
  placeWork,
} from '../../subjects/index.ts';
import type { World } from './world.ts';

export class LetterAsks {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Looks at what is listed, if anything, and decides on one letter. */
  ask(): void {
    const { random } = this.#world;
    const listed = this.#listed();
    const letter = listed[Math.floor(random() * listed.length)];
    if (!letter) return;
    if (random() < 0.3) this.#drop(letter);
    else this.#replay(letter);
  }

  /** Decides on all that is listed: what can be put back is, the rest is dropped. */
  clear(): void {
    for (const letter of this.#listed()) {
      if (isReplayable(letter)) this.#replay(letter);
      else this.#drop(letter);
    }
  }

  /** What is listed, without what only marks a trial. */
  #listed(): readonly DeadLetter[] {
    return this.#world.all(deadRecord).filter((each) => each.trials === undefined);
  }

  #replay({ actor, letter, about }: DeadLetter): void {
    this.#world.note(`replay ${letter}: ${about}`);
    this.#world.ask(deadReplay, { actor, letter }, {});
  }

  #drop({ actor, letter, about }: DeadLetter): void {
    this.#world.note(`drop ${letter}: ${about}`);
    this.#world.ask(deadDrop, { actor, letter }, {});
  }
}

/** A firing is not put back: its schedule catches up by itself. */
function isReplayable({ contract, payload }: DeadLetter): boolean {
  return contract === placeWork.name && payload !== undefined;
}
