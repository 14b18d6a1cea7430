/**
 * Keys that no schema knows, in the store of a real server: whoever may write them (no key that Shoal
 * makes may) finds them told, with letters that go with the keys, also through a restart.
 */
import { expect, test } from 'vitest';
import { type LogFields, silentLog } from '../../actors/runtime/log.ts';
import { viewsCurrent } from '../../actors/runtime/nats/process.ts';
import { tellUnknownKeys } from '../../actors/runtime/unknown-keys.ts';
import { UnreadableLetters } from '../../actors/runtime/unreadable-letters.ts';
import { Views } from '../../actors/runtime/views.ts';
import { buckets, deadRecord, storeSubject } from '../../subjects/index.ts';
import type { Identity } from '../../subjects/permissions.ts';
import { natsFixture } from '../support/nats.ts';
import { whileAway } from '../support/outage.ts';
import { eventually } from '../support/ports.ts';

const identity: Identity = { role: 'control', name: 'test' };

test('are told once, in both buckets, until they are gone', async () => {
  await using fixture = await natsFixture([identity], { isOpen: true });
  const ports = await fixture.ports(identity);
  const warnings: LogFields[] = [];
  const log = { ...silentLog, warn: (_: string, fields = {}) => void warnings.push(fields) };
  const views = new Views(ports.store, ports.clock, log);
  const unreadable = new UnreadableLetters(ports, views);
  for (const bucket of buckets) tellUnknownKeys(bucket, { views, letters: unreadable, log });
  const letters = views.follow(deadRecord);
  await viewsCurrent(views);
  unreadable.check();
  const about = () => [...letters.entries()].map(({ value }) => value.about).sort();

  const notes = storeSubject('shoal', 'notes.of.somebody');
  await ports.connection.request(notes, 'eggs');
  await ports.connection.request(notes, 'milk');
  await ports.connection.request(storeSubject('shoal-observed', 'Shopping_List'), 'bread');
  await eventually(() => about().length === 2, 5_000, 'two letters');
  expect(about()).toEqual(['Shopping_List', 'notes.of.somebody']);
  expect(warnings.map((each) => each.key).sort()).toEqual(about());

  await whileAway(fixture, ports.connection, identity, async (away) => {
    await away.request('$JS.API.STREAM.PURGE.KV_shoal', JSON.stringify({ filter: notes }));
  });
  await eventually(() => about().length === 1, 10_000, 'the letter of the other one');
  expect(about()).toEqual(['Shopping_List']);
  expect(warnings).toHaveLength(2);
  views.close();
});
