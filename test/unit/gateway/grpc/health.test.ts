/** Health: whether calls can be answered now. */
import { expect, test } from 'vitest';
import { isServing } from '../../../../gateway/grpc/health.ts';
import type { Inside, StoreHealth } from '../../../../gateway/inside.ts';

const inside = (more: {
  connected?: boolean;
  current?: boolean;
  stopping?: boolean;
  store?: StoreHealth['state'];
}) =>
  ({
    bus: () => ({ connected: more.connected ?? true, server: '', version: '' }),
    known: { isCurrent: more.current ?? true },
    clients: { isStopping: more.stopping ?? false },
    store: () => ({ state: more.store ?? 'well', message: '', since: undefined }),
  }) as unknown as Inside;

test.each([
  [{}, true],
  [{ store: 'slow' }, true],
  [{ store: 'full' }, true],
  [{ store: 'read-only' }, true],
  [{ store: 'silent' }, false],
  [{ store: 'failed' }, false],
  [{ connected: false }, false],
  [{ current: false }, false],
  [{ stopping: true }, false],
] as const)('%j: %s', (state, serves) => {
  expect(isServing(inside(state))).toBe(serves);
});
