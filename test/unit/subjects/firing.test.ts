/** Which firings are due: a function of what was written and the time. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  dueFirings,
  type FiringPlan,
  firingAfter,
  nextFiring,
  runName,
  runOf,
  type When,
  whenSchema,
} from '../../../subjects/index.ts';

const START = Date.parse('2027-01-01T00:00:00Z');
const plan = (when: When, more: Partial<FiringPlan> = {}): FiringPlan => ({
  ...{ when, since: START, handled: undefined },
  ...more,
});
const at = '2027-01-01T08:00:00Z';

describe('once', () => {
  test('a moment is due from then on until it is handled, however late', () => {
    const moment = Date.parse(at);
    expect(nextFiring(plan({ at }))).toBe(moment);
    expect(dueFirings(plan({ at }), moment - 1)).toBeUndefined();
    expect(dueFirings(plan({ at }), moment + 1e10)).toEqual({ first: moment, last: moment });
    expect(nextFiring(plan({ at }, { handled: moment }))).toBeUndefined();
  });

  test('a moment before the schedule was written is due, too', () => {
    const past = '2026-01-01T00:00:00Z';
    expect(dueFirings(plan({ at: past }), START)?.last).toBe(Date.parse(past));
  });
});

describe('again and again', () => {
  test('a span counts from when it was written, not from the last firing', () => {
    expect(nextFiring(plan({ every: '30s' }))).toBe(START + 30_000);
    const late = plan({ every: '30s' }, { handled: START + 30_000 });
    expect(nextFiring(late)).toBe(START + 60_000);
    expect(dueFirings(late, START + 125_000)).toEqual({
      ...{ first: START + 60_000, last: START + 120_000 },
    });
  });

  test('firings before a pause ended do not count', () => {
    const resumed = plan({ cron: '0 * * * *' }, { since: START + 90 * 60_000, handled: START });
    expect(nextFiring(resumed)).toBe(START + 120 * 60_000);
  });

  test('of many that are due, first and last are what one finds by counting', () => {
    const whens = fc.constantFrom<When>(
      { every: '7s' },
      { cron: '*/13 * * * * *' },
      { cron: '0 */3 * * * *', timeZone: 'Asia/Kathmandu' },
      { cron: '5,50 1-20 0-1 * * *', timeZone: 'Europe/Berlin' },
    );
    fc.assert(
      fc.property(whens, fc.nat(3_600_000), fc.nat(3_600_000), (when, handled, passed) => {
        const of = plan(when, { handled: START + handled });
        const now = START + handled + passed;
        const all: number[] = [];
        for (let next = nextFiring(of); next !== undefined && next <= now; ) {
          all.push(next);
          next = firingAfter(when, START, next);
        }
        const due = dueFirings(of, now);
        expect(due).toEqual(all.length === 0 ? undefined : { first: all[0], last: all.at(-1) });
      }),
      { numRuns: 300 },
    );
  });
});

describe('what a person may write', () => {
  test.each([
    [{ at }],
    [{ every: '1s' }],
    [{ cron: '*/5 * * * *' }],
    [{ cron: '0 */5 * * * *', timeZone: 'Europe/Berlin' }],
  ])('%j', (when) => expect(whenSchema.safeParse(when).error).toBeUndefined());

  test.each([
    [{}, 'needs one of at, every, cron'],
    [{ at, every: '1s' }, 'needs one of at, every, cron'],
    [{ every: '900ms' }, 'at least 1s'],
    [{ every: '1s', timeZone: 'UTC' }, 'only cron takes a timeZone'],
    [{ cron: '* *' }, 'not a cron expression: five or six fields, not 2'],
    [{ cron: '* * * * *', timeZone: 'Mars' }, 'the name of a time zone, e.g. Europe/Berlin'],
    [{ at: 'noon' }, 'a moment (RFC 3339): 2027-01-31T08:00:00Z'],
  ])('not %j: %s', (when, message) => {
    expect(whenSchema.safeParse(when).error?.issues.map((each) => each.message)).toContain(message);
  });
});

describe('a run', () => {
  const labels = { 'shoal/schedule': 'nightly' };

  test('is known by its name and its label together', () => {
    const name = runName('nightly', Date.parse('2027-11-30T03:04:05.678Z'));
    expect(name).toBe('nightly-20271130-030405');
    expect(runOf({ name, kind: 'job', labels })).toEqual({
      ...{ schedule: 'nightly', firing: Date.parse('2027-11-30T03:04:05Z') },
    });
  });

  test.each([
    [{ name: 'nightly-20271130-030405', kind: 'job', labels: {} }],
    [{ name: 'nightly-20271130-030405', kind: 'service', labels }],
    [{ name: 'nightly-mine', kind: 'job', labels }],
    [{ name: 'other-20271130-030405', kind: 'job', labels }],
  ] as const)('%j is somebody’s own', (of) => expect(runOf(of)).toBeUndefined());
});
