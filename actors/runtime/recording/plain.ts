/**
 * Makes sure that what a step was given and what it returned can be written down as JSON and read
 * back as it was: maps, sets and the handles of answers get a form of their own; contracts become
 * their names.
 *
 * Not kept: `undefined` in an object (it reads back as absent), and that two places hold the same
 * object.
 */
import type { Effect, ReplyTo } from '../effect.ts';

/** Numbers the handles of answers, so that a step's answer is known to go where the ask came from. */
export class Replies {
  readonly #numbers = new WeakMap<ReplyTo, number>();
  readonly #known = new Map<number, ReplyTo>();
  #last = 0;

  /** The number of a handle; the same each time. */
  numberOf(to: ReplyTo): number {
    const known = this.#numbers.get(to);
    if (known !== undefined) return known;
    this.#numbers.set(to, ++this.#last);
    return this.#last;
  }

  /** The handle of a number: one that sends nowhere. */
  at(number: number): ReplyTo {
    const known = this.#known.get(number);
    if (known) return known;
    const made: ReplyTo = { send: () => undefined };
    this.#known.set(number, made);
    this.#numbers.set(made, number);
    this.#last = Math.max(this.#last, number);
    return made;
  }
}

/** A value as plain JSON. */
export function plainOf(value: unknown, replies: Replies): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => plainOf(each, replies));
  if (value instanceof Map) {
    return { $map: [...value].map((pair) => pair.map((each) => plainOf(each, replies))) };
  }
  if (value instanceof Set) return { $set: [...value].map((each) => plainOf(each, replies)) };
  if (isReply(value)) return { $reply: replies.numberOf(value) };
  return mapped(value, (each) => plainOf(each, replies));
}

/** The value that was made plain. */
export function fromPlain(plain: unknown, replies: Replies): unknown {
  if (typeof plain !== 'object' || plain === null) return plain;
  if (Array.isArray(plain)) return plain.map((each) => fromPlain(each, replies));
  const { $map, $set, $reply } = plain as Record<string, unknown>;
  if (Array.isArray($map)) {
    return new Map($map.map((pair) => fromPlain(pair, replies) as [unknown, unknown]));
  }
  if (Array.isArray($set)) return new Set($set.map((each) => fromPlain(each, replies)));
  if (typeof $reply === 'number') return replies.at($reply);
  return mapped(plain, (each) => fromPlain(each, replies));
}

/** An effect as plain JSON. */
export function plainEffect(effect: Effect, replies: Replies): unknown {
  if (effect.kind === 'commit') {
    const puts = effect.puts.map(({ record, ...put }) => ({ record: record.name, ...put }));
    return plainOf({ ...effect, puts }, replies);
  }
  if ('contract' in effect) {
    return plainOf({ ...effect, contract: effect.contract.name }, replies);
  }
  return plainOf(effect, replies);
}

function isReply(value: object): value is ReplyTo {
  return 'send' in value && typeof value.send === 'function';
}

function mapped(value: object, of: (each: unknown) => unknown): object {
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries.map(([name, each]) => [name, of(each)]));
}
