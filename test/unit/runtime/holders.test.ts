/** What copies that stand by ask those that act: one question for all leases of one process. */
import { beforeEach, expect, test } from 'vitest';
import { Holders, LOOK_MS, type Looking } from '../../../actors/runtime/holders.ts';
import type { Close } from '../../../actors/runtime/ports.ts';
import { Bench } from '../../support/host.ts';

const actors = ['guard', 'cook', 'clerk'] as const;

let bench: Bench;
let holders: Holders;
/** Questions that came, as `actor of holder`. */
let asked: string[];
/** What each actor was told, in order. */
let told: string[];
beforeEach(() => {
  bench = new Bench();
  holders = new Holders(bench.connection({ isUp: true, transfer: () => 0.2 }).ports);
  asked = [];
  told = [];
});

const listen = (actor: string, holder: string, answers = true): Close =>
  bench.outside.bus.subscribe(`shoal.lease.${actor}.${holder}.probe`, undefined, (message) => {
    asked.push(`${actor} of ${holder}`);
    if (answers) message.reply?.(new TextEncoder().encode('{"ok":true,"value":{"fence":1}}'), {});
  });
const looking = (actor: string): Looking => ({
  there: () => told.push(`${actor} there`),
  gone: () => told.push(`${actor} gone`),
  again: () => told.push(`${actor} again`),
});
const look = (actor: string, holder = 'one'): void =>
  holders.look({ actor, holder }, looking(actor));
const pass = (ms: number): void => bench.clock.advance(ms);

test('a process that holds all leases is asked once in half a second, by whoever looks first', () => {
  for (const actor of actors) listen(actor, 'one');
  for (let round = 0; round < 4; round++) {
    for (const actor of actors) {
      look(actor);
      pass(10);
    }
    pass(LOOK_MS - 30);
  }
  expect(asked).toEqual(Array.from({ length: 4 }, () => 'guard of one'));
  expect(told).toHaveLength(12);
  expect(new Set(told)).toEqual(new Set(actors.map((each) => `${each} there`)));
});

test('who looks while a question is under way is told with its answer', () => {
  listen('guard', 'one');
  look('guard');
  look('cook');
  expect(told).toEqual([]);
  pass(1);
  expect(told).toEqual(['guard there', 'cook there']);
});

test('one that is gone is gone for all, and each asks for itself before it says so', () => {
  const closes = actors.map((actor) => listen(actor, 'one'));
  for (const actor of actors) look(actor);
  pass(LOOK_MS);
  for (const close of closes) close();
  told = [];
  look('guard');
  pass(1);
  expect(told).toEqual(['guard gone', 'cook again', 'clerk again']);
  look('cook');
  look('clerk');
  pass(1);
  look('clerk');
  pass(1);
  expect(told.slice(3)).toEqual(['cook gone', 'clerk again', 'clerk gone']);
});

test('one that gave back one lease is not gone for the others', () => {
  listen('cook', 'one');
  look('guard');
  pass(1);
  look('cook');
  pass(1);
  expect(told).toEqual(['guard gone', 'cook there']);
  expect(asked).toEqual(['cook of one']);
});

test('who waits while it shows that nobody listens looks again', () => {
  look('guard');
  look('cook');
  pass(1);
  expect(told).toEqual(['guard gone', 'cook again']);
});

test('one that does not answer is not gone: what holds then is how long it is silent', () => {
  for (const actor of actors) listen(actor, 'one', false);
  look('guard');
  look('cook');
  pass(LOOK_MS + 1);
  expect(told).toEqual(['guard there', 'cook there']);
  look('cook');
  expect(asked).toHaveLength(1);
  pass(1);
  expect(asked).toEqual(['guard of one', 'cook of one']);
});

test('leases of two processes are two questions', () => {
  listen('guard', 'one');
  listen('cook', 'two');
  look('guard', 'one');
  look('cook', 'two');
  pass(1);
  expect(asked.sort()).toEqual(['cook of two', 'guard of one']);
});
