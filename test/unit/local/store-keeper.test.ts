/** When a nats-server whose store has stopped is started again. */
import { expect, test } from 'vitest';
import { AGAIN_MS, mayHelp, PATIENCE_MS } from '../../../local/store-keeper.ts';

const error = "JetStream stream 'SHOAL > KV_shoal' write error: no space left on device";
const facts = { error, unwellMs: PATIENCE_MS, restartedMs: undefined };

test('one whose writes failed for a while is', () => {
  expect(mayHelp(facts)).toBe(true);
  expect(mayHelp({ ...facts, error: 'write error: read-only file system' })).toBe(true);
});

test('not one that is well, starts, or ails from something else', () => {
  expect(mayHelp({ ...facts, error: undefined })).toBe(false);
  expect(mayHelp({ ...facts, unwellMs: PATIENCE_MS - 1 })).toBe(false);
  expect(
    mayHelp({ ...facts, error: 'JetStream has not established contact with a meta leader' }),
  ).toBe(false);
});

test('not again and again, when it did not help', () => {
  expect(mayHelp({ ...facts, restartedMs: AGAIN_MS - 1 })).toBe(false);
  expect(mayHelp({ ...facts, restartedMs: AGAIN_MS })).toBe(true);
});
