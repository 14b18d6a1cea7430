/** A copy out of a run whose receiver stalls: it lasts, and nobody waits for it. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { copyingOut } from '../../../edge-agent/drivers/copying.ts';

const HOUR_MS = 3_600_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function* chunks(count: number): AsyncGenerator<Uint8Array> {
  for (let each = 0; each < count; each++) yield Buffer.from('x');
}
const never = (): Promise<void> => new Promise(() => undefined);
const cutOff = (why: RegExp) => ({
  refused: expect.objectContaining({
    code: 'session-over',
    detail: expect.stringMatching(why),
  }),
});
const beside = () => ({ path: '/big', signal: new AbortController().signal });

test('what is taken slowly lasts as long as it takes', async () => {
  const write = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, HOUR_MS));
  const live = copyingOut(() => chunks(5), beside(), { write });
  await vi.advanceTimersByTimeAsync(5 * HOUR_MS);
  expect(await live.ended).toEqual({ exitCode: 0 });
  expect(vi.getTimerCount()).toBe(0);
});

test('the end of its run, or of its caller, is not held up by what nobody takes', async () => {
  const run = new AbortController();
  const stopped = copyingOut(() => chunks(2), { path: '/x', signal: run.signal }, { write: never });
  await vi.advanceTimersByTimeAsync(1);
  run.abort();
  expect(await stopped.ended).toEqual(cutOff(/its instance/));
  const left = copyingOut(() => chunks(2), beside(), { write: never });
  await vi.advanceTimersByTimeAsync(1);
  left.end();
  expect(await left.ended).toEqual(cutOff(/its caller/));
});
