/** What a person orders about a schedule: written once, answered always. */
import { beforeEach, describe, expect, test } from 'vitest';
import {
  runName,
  scheduleDelete,
  schedulePause,
  scheduleResume,
  scheduleTrigger,
} from '../../../subjects/index.ts';
import { Scheduling } from '../../support/scheduling.ts';

let world: Scheduling;
beforeEach(() => {
  world = new Scheduling();
});
const hourly = { when: { every: '1h' } };
const code = (answer: { readonly ok: boolean }) =>
  (answer as { readonly refusal?: { readonly code: string } }).refusal?.code;

describe('to apply', () => {
  test('creates, changes nothing the second time, and updates', () => {
    const value = (generation: number, change: string) => ({ value: { generation, change } });
    expect(world.apply('a', hourly)).toMatchObject(value(1, 'created'));
    expect(world.apply('a', hourly)).toMatchObject(value(1, 'unchanged'));
    expect(world.apply('a', { ...hourly, keep: 5 })).toMatchObject(value(2, 'updated'));
    expect(world.told()).toEqual(['a created', 'a updated']);
  });

  test('counts anew when the time changes, not when something else does', () => {
    world.apply('a', hourly);
    const { since } = world.record('a') ?? {};
    world.pass(60_000);
    world.apply('a', { ...hourly, keep: 5 });
    expect(world.record('a')?.since).toBe(since);
    world.apply('a', { when: { every: '2h' } });
    expect(world.record('a')?.since).toBe(world.now);
  });

  test('fires once more when another moment is named', () => {
    const moment = () => ({ when: { at: new Date(world.now + 1_000).toISOString() } });
    for (let time = 0; time < 2; time++) {
      world.apply('a', { ...moment(), overlap: 'allow' });
      world.pass(5_000);
    }
    expect(world.results('a')).toEqual(['started', 'started']);
  });

  test('tries without writing', () => {
    expect(world.apply('a', hourly, { mode: 'try-put' })).toMatchObject({
      value: { generation: 1, change: 'created' },
    });
    expect([world.record('a'), world.alarms()]).toEqual([undefined, []]);
  });

  test('is refused for another generation, and to create what is there', () => {
    world.apply('a', hourly);
    expect(code(world.apply('a', { ...hourly, keep: 1 }, { ifGeneration: 7 }))).toBe(
      'generation-stale',
    );
    expect(code(world.apply('a', { ...hourly, keep: 1 }, { mode: 'create' }))).toBe(
      'schedule-exists',
    );
    expect(code(world.apply('b', hourly, { ifGeneration: 1 }))).toBe('generation-stale');
  });
});

describe('to pause and resume', () => {
  test('the same again changes nothing', () => {
    world.apply('a', hourly);
    expect(world.ask(schedulePause, 'a')).toMatchObject({ value: { generation: 2 } });
    expect(world.ask(schedulePause, 'a')).toMatchObject({ value: { generation: 2 } });
    expect(world.ask(scheduleResume, 'a')).toMatchObject({ value: { generation: 3 } });
    expect(world.alarms()).toEqual(['a']);
  });
});

describe('to trigger', () => {
  test('runs now, also what is paused, and leaves the plan alone', () => {
    world.apply('a', { ...hourly, paused: true });
    const answer = world.ask(scheduleTrigger, 'a');
    const workload = runName('a', world.now);
    expect(answer).toMatchObject({ value: { generation: 1, workload } });
    world.pass(1_000);
    expect(world.workloads()).toEqual([workload]);
    expect(world.record('a')?.handled).toBeUndefined();
    expect(world.results('a')).toEqual(['started']);
  });

  test('the same ask again fires once', () => {
    world.apply('a', { ...hourly, overlap: 'allow' });
    const first = world.ask(scheduleTrigger, 'a', {}, 'T1');
    world.pass(5_000);
    expect(world.ask(scheduleTrigger, 'a', {}, 'T1')).toEqual(first);
    world.pass(5_000);
    expect(world.workloads()).toHaveLength(1);
  });

  test('two in a second are two runs', () => {
    world.apply('a', { ...hourly, overlap: 'allow' });
    for (let time = 0; time < 2; time++) {
      world.ask(scheduleTrigger, 'a');
      world.pass(50);
    }
    expect(world.workloads()).toHaveLength(2);
  });

  test('in the second of a firing by plan that is yet to come is a run of its own', () => {
    const at = world.now + 10_800;
    world.apply('a', { when: { at: new Date(at).toISOString() }, overlap: 'allow' });
    world.pass(10_300);
    const workload = runName('a', at + 1_000);
    expect(world.ask(scheduleTrigger, 'a')).toMatchObject({ value: { workload } });
    world.pass(5_000);
    expect([...world.workloads()].sort()).toEqual([runName('a', at), workload]);
  });

  test('of every second still runs', () => {
    world.apply('a', { when: { every: '1s' }, overlap: 'allow' });
    expect(world.ask(scheduleTrigger, 'a').ok).toBe(true);
  });

  test('is refused while a run is under way that must not be overlapped', () => {
    world.apply('a', hourly);
    world.ask(scheduleTrigger, 'a');
    world.pass(1_000);
    expect(code(world.ask(scheduleTrigger, 'a'))).toBe('schedule-running');
    world.finish(world.workloads()[0] as string);
    expect(world.ask(scheduleTrigger, 'a').ok).toBe(true);
  });
});

describe('to delete', () => {
  test('takes record and alarm away and leaves the runs', () => {
    world.apply('a', hourly);
    world.ask(scheduleTrigger, 'a');
    world.pass(1_000);
    expect(world.ask(scheduleDelete, 'a')).toEqual({ ok: true, value: { runs: 1 } });
    expect([world.record('a'), world.alarms()]).toEqual([undefined, []]);
    world.pass(60_000);
    expect(world.workloads()).toHaveLength(1);
    expect(world.told()).toContain('a deleted');
  });

  test('is refused at another generation', () => {
    world.apply('a', hourly);
    expect(code(world.ask(scheduleDelete, 'a', { ifGeneration: 2 }))).toBe('generation-stale');
  });
});

test.each([scheduleDelete, schedulePause, scheduleResume, scheduleTrigger])(
  'what is not there is refused: $name',
  (contract) => expect(code(world.ask(contract, 'nothing'))).toBe('schedule-not-found'),
);
