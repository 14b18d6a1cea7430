/**
 * Makes sure that a person finds what stands in the store and nobody can read: each such value has
 * a letter of the actor `store` (`shoal dead ls`), which goes when the value is mended. Every copy
 * of the control plane writes the same letters, so none depends on which of them acts.
 */
import { address, contentType, deadRecord } from '../../subjects/index.ts';
import { letterOf, sendLetter } from './letters.ts';
import { type Ports, TYPE_HEADER } from './ports.ts';
import type { View } from './view.ts';
import type { Views } from './views.ts';

/** Whose letters they are. */
const STORE = 'store';
/** Most values that have a letter; the log and the counter tell of all. */
const LETTERS_MAX = 200;

/** What is to be told of a key, and what to do about it. */
interface ToldOfKey {
  readonly key: string;
  readonly contract: string;
  readonly detail: string;
  readonly body: Uint8Array;
}

/** Keeps the letters of a process's views. Call before the views are started; then `check`. */
export class UnreadableLetters {
  readonly #ports: Ports;
  readonly #letters: View<typeof deadRecord>;
  /** Letters by the key they tell of. */
  readonly #told = new Map<string, string>();

  constructor(ports: Ports, views: Views) {
    this.#ports = ports;
    this.#letters = views.follow(deadRecord);
    views.tellUnreadable(({ key, contract, reason, body }) => {
      if (reason === undefined) return this.drop(key);
      const detail = `${reason}; write or delete the key, the value before it counts until then`;
      this.write({ key, contract, detail, body });
    });
  }

  /** The views are current: letters of what was mended while nobody looked go. */
  check(): void {
    const open = new Set(this.#told.values());
    for (const { value } of this.#letters.entries()) {
      if (value.actor === STORE && !open.has(value.letter)) this.#remove(value.letter);
    }
  }

  /** Writes the letter of a key; past `LETTERS_MAX` of them nothing. */
  write({ key, contract, detail, body }: ToldOfKey): void {
    if (this.#told.size >= LETTERS_MAX) return;
    const because = { code: 'store-unavailable', detail };
    const given = { actor: STORE, contract, about: key, reason: because, deliveries: 1 };
    const letter = letterOf({ ...given, unreadable: body }, this.#ports.clock.now());
    this.#told.set(key, letter.letter);
    sendLetter(this.#ports.store, letter, () => undefined);
  }

  /** The key can be read, or is gone: so is its letter. */
  drop(key: string): void {
    const letter = this.#told.get(key);
    this.#told.delete(key);
    if (letter !== undefined) this.#remove(letter);
  }

  #remove(letter: string): void {
    const key = address(deadRecord, { actor: STORE, letter });
    const headers = { [TYPE_HEADER]: contentType[deadRecord.codec] };
    const write = { bucket: deadRecord.bucket, key, body: null, expected: 'any', headers } as const;
    this.#ports.store.write([write], () => undefined);
  }
}
