/** What a script in memory waits for, and what is run beside an instance. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ScriptRun, scriptIn } from '../../../../edge-agent/drivers/memory/script.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const DAY_MS = 86_400_000;
const begin = (
  ...words: readonly string[]
): { readonly said: string[]; readonly ran: ScriptRun } => {
  const acts = scriptIn(words);
  if (typeof acts === 'string') throw new Error(acts);
  const said: string[] = [];
  return { said, ran: new ScriptRun(acts, { print: (text) => said.push(text) }) };
};

test('a wait longer than any of Node’s timers lasts as long as it says', async () => {
  const { said, ran } = begin('wait', '30d', 'say', 'done');
  await vi.advanceTimersByTimeAsync(30 * DAY_MS - 1);
  expect(said).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(await ran.ended).toEqual({ exitCode: 0, signal: undefined });
  expect(said).toEqual(['done\n']);
});

test('a wait is over when its script is told to stop, and nothing of it is left', async () => {
  const { ran } = begin('wait', '30d');
  ran.tell();
  expect(await ran.ended).toEqual({ exitCode: undefined, signal: 'SIGTERM' });
  expect(vi.getTimerCount()).toBe(0);
});
