/** What is read anew after a gap is seen whole: in between nobody finds a part of it missing. */
import { beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { silentLog } from '../../../actors/runtime/log.ts';
import { FakeClock } from '../../../actors/runtime/memory/clock.ts';
import type { Follower, Store, Stored } from '../../../actors/runtime/ports.ts';
import type { View } from '../../../actors/runtime/view.ts';
import { Views } from '../../../actors/runtime/views.ts';
import { encode, record } from '../../../subjects/index.ts';

const roles = { from: ['gateway'], to: ['control'], summary: 'For a test.' } as const;
const rest = { schema: z.object({ value: z.number() }), bytesMax: 100, bucket: 'shoal' } as const;
const owner = record({ name: 'owner', subject: 'owner.{name}', ...rest, ...roles });
const thing = record({ name: 'thing', subject: 'thing.{name}', ...rest, ...roles });

let clock: FakeClock;
let follower: Follower;
let owners: View<typeof owner>;
let things: View<typeof thing>;
let views: Views;
/** What the views said after each change. */
let seen: string[];

function stored(key: string, revision: number, value: number | null = revision): Stored {
  const body = value === null ? null : encode(owner, { value });
  return { key, revision, body, headers: {}, at: 0 };
}
const anew = (...all: readonly Stored[]): void => {
  for (const each of all) follower.change(each, false);
};
const current = (keys: readonly string[], revision: number): void =>
  follower.current(new Set(keys), revision);
const shown = (): string =>
  [...owners.keys(), ...things.keys()]
    .filter((key) => owners.at(key) ?? things.at(key))
    .sort()
    .map((key) => `${key}@${owners.at(key)?.revision ?? things.at(key)?.revision}`)
    .join(' ');

beforeEach(() => {
  clock = new FakeClock();
  seen = [];
  const store = {
    follow: (_bucket: string, _patterns: readonly string[], given: Follower) => {
      follower = given;
      return () => undefined;
    },
  } as unknown as Store;
  views = new Views(store, clock, silentLog);
  const note = (): void => void seen.push(shown());
  owners = views.follow(owner, {}, note);
  things = views.follow(thing, {}, note);
  views.start(() => undefined);
  anew(stored('owner.a', 1), stored('thing.a', 2));
  current(['owner.a', 'thing.a'], 2);
  clock.settle();
  expect(shown()).toBe('owner.a@1 thing.a@2');
});

test('a thing whose owner was written again is not there before its owner is', () => {
  // Read in the order of revisions: things first, for the owner was written after them.
  anew(stored('thing.b', 4), stored('thing.c', 5));
  expect(shown()).toBe('owner.a@1 thing.a@2');
  anew(stored('owner.b', 6), stored('owner.a', 1), stored('thing.a', 2));
  expect(shown()).toBe('owner.a@1 thing.a@2');
  current(['owner.a', 'thing.a', 'thing.b', 'thing.c', 'owner.b'], 6);
  expect(shown()).toBe('owner.a@1 owner.b@6 thing.a@2 thing.b@4 thing.c@5');
  expect(views.revision()).toBe(6);
});

test('a reading that breaks off leaves everything as it was; the next one counts', () => {
  anew(stored('thing.b', 4), stored('thing.a', 5));
  // It broke. By the next one one is deleted, and another written again.
  anew(stored('thing.a', 7), stored('owner.b', 8));
  current(['owner.a', 'thing.a', 'owner.b'], 8);
  expect(shown()).toBe('owner.a@1 owner.b@8 thing.a@7');
});

test('what this process wrote itself is seen at once, and not undone by an older reading', () => {
  anew(stored('thing.a', 3));
  views.stored(thing, 'thing.a', { value: 9 }, { revision: 9, writer: 'own' });
  expect(shown()).toBe('owner.a@1 thing.a@9');
  current(['owner.a', 'thing.a'], 8);
  expect(shown()).toBe('owner.a@1 thing.a@9');
});

test('a deletion among what is read anew is one', () => {
  anew(stored('owner.a', 1), stored('thing.a', 3, null));
  expect(shown()).toBe('owner.a@1 thing.a@2');
  current(['owner.a', 'thing.a'], 3);
  expect(shown()).toBe('owner.a@1');
});

test('what comes before the reading has ended is part of it', () => {
  anew(stored('thing.a', 3));
  follower.change(stored('thing.b', 4), true);
  expect(shown()).toBe('owner.a@1 thing.a@2');
  current(['owner.a', 'thing.a'], 3);
  expect(shown()).toBe('owner.a@1 thing.a@3 thing.b@4');
});

test('what comes next comes as it does', () => {
  follower.change(stored('thing.b', 3), true);
  expect(seen.at(-1)).toBe('owner.a@1 thing.a@2 thing.b@3');
});
