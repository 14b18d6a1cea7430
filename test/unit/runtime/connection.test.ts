/** A follower of the memory store hears as one of the real store does: nothing beyond a gap. */
import { expect, test } from 'vitest';
import { FakeClock } from '../../../actors/runtime/memory/clock.ts';
import { type Link, MemoryConnection } from '../../../actors/runtime/memory/connection.ts';
import { MemoryServer } from '../../../actors/runtime/memory/server.ts';

test('after a loss in a list nothing is delivered until it is listed again', () => {
  const clock = new FakeClock();
  const server = new MemoryServer(clock);
  const body = new TextEncoder().encode('{}');
  for (const key of ['node.a', 'node.b', 'node.c']) {
    server.write({ bucket: 'shoal', key, body, expected: 'any', headers: {} });
  }
  let transfers = 0;
  const link: Link = { isUp: true, transfer: () => (++transfers === 2 ? undefined : 1) };
  const { ports } = new MemoryConnection(server, clock, { link, newId: () => 'id' });
  const heard: string[] = [];
  ports.store.follow('shoal', ['node.*'], {
    change: ({ key }) => heard.push(key),
    current: (_keys, revision) => heard.push(`current ${revision}`),
  });
  clock.advance(500);
  expect(heard).toEqual(['node.a']);
  clock.advance(1_000);
  expect(heard).toEqual(['node.a', 'node.a', 'node.b', 'node.c', 'current 3']);
});
