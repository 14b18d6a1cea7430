/** A container goes though its engine is busy with what it left; nobody is asked again who does not answer. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EngineError } from '../../../../edge-agent/drivers/docker/engine-error.ts';
import { removeContainer } from '../../../../edge-agent/drivers/docker/remove.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** An engine that fails with each status in turn, then does it. */
function failing(...statuses: readonly (number | undefined)[]) {
  const rest = [...statuses];
  const engine = {
    asked: 0,
    async remove(): Promise<void> {
      engine.asked++;
      if (rest.length > 0) throw new EngineError('device or resource busy', rest.shift());
    },
  };
  return engine;
}

/** How it came out, once nobody waits for it any more. */
async function outcome(removed: Promise<void>): Promise<string> {
  const told = removed.then(
    () => 'gone',
    (error: unknown) => String(error),
  );
  await vi.runAllTimersAsync();
  return told;
}

test.each([[500], [409], [500, 500, 500]])('refused with %s, it is tried again', async (...all) => {
  const engine = failing(...all);
  expect(await outcome(removeContainer(engine, 'web-1'))).toBe('gone');
  expect(engine.asked).toBe(all.length + 1);
});

test('refused again and again it is told, and nobody waits for ever', async () => {
  const engine = failing(500, 500, 500, 500, 500);
  expect(await outcome(removeContainer(engine, 'web-1'))).toContain('busy');
  expect(engine.asked).toBe(4);
});

test.each([undefined, 400])(
  'with no answer, or a no for good (%s), it is told at once',
  async (status) => {
    const engine = failing(status);
    expect(await outcome(removeContainer(engine, 'web-1'))).toContain('busy');
    expect(engine.asked).toBe(1);
  },
);
