/** Whoever waits for the end of a run hears of that run, once, and not of the one after it. */
import { expect, test } from 'vitest';
import { Ends, type RunEnd } from '../../../edge-agent/drivers/ends.ts';
import type { InstanceReport } from '../../../edge-agent/jobs.ts';

const over = (run: number, exitCode?: number): InstanceReport => ({
  ...({ name: 'a', run, kind: 'exited' } as const),
  ...{ exitCode, signal: undefined, message: undefined },
});
const end = (exitCode?: number): RunEnd => ({ exitCode, signal: undefined, message: undefined });

test('the end of a run is told once to each who waits for it, and to nobody else', () => {
  const ends = new Ends();
  const heard: unknown[] = [];
  const call = (who: string) => (how: RunEnd) => void heard.push([who, how]);
  ends.when('a', 1, call('one'));
  ends.when('a', 1, call('gone'))?.();
  ends.when('b', 1, call('other'));
  ends.note({ name: 'a', run: 1, kind: 'ready' });
  ends.note(over(1, 7));
  ends.note(over(1));
  expect(heard).toEqual([['one', end(7)]]);
});

test('a run that is over, or was followed by another, is waited for by nobody', () => {
  const ends = new Ends();
  const heard: RunEnd[] = [];
  const call = (how: RunEnd) => void heard.push(how);
  ends.note(over(2, 0));
  expect([ends.when('a', 1, call), ends.when('a', 2, call)]).toEqual([undefined, undefined]);
  ends.when('a', 3, call);
  ends.note(over(4, 9));
  expect(heard).toEqual([end()]);
});

test('what is forgotten ends without anybody knowing how', () => {
  const ends = new Ends();
  const heard: RunEnd[] = [];
  ends.note(over(1, 0));
  ends.when('a', 2, (how) => void heard.push(how));
  ends.forget('a');
  expect(heard).toEqual([end()]);
  // Numbers of runs go on; who comes by the same name later is waited for.
  expect(ends.when('a', 1, () => undefined)).toBeTypeOf('function');
});
