/** The store does not grow with what has been: hundreds of short lives leave nothing behind. */
import { expect, test } from 'vitest';
import { keyLimits } from '../../actors/retention/keys.ts';
import {
  instanceRecord,
  tenantRetain,
  workloadApply,
  workloadRecord,
} from '../../subjects/index.ts';
import { job } from '../support/specs.ts';
import { World } from './world.ts';

const MINUTE = 60_000;
const SEASONS = 3;
const JOBS = 120;
const tokens = { tenant: 'default' };

/** Markers and leftovers may go after a minute here. */
const soon = { ...keyLimits, markerAgeMs: MINUTE, youngMs: MINUTE, leftoverMs: MINUTE };

/** Everything that is kept anywhere. */
function size(world: World) {
  const keys = [...world.server.stored('shoal'), ...world.server.stored('shoal-observed')];
  return {
    values: keys.filter((each) => each.body !== null).length,
    markers: keys.filter((each) => each.body === null).length,
    events: world.server.appended('EVENTS').length,
    decisions: world.server.appended('DECISIONS').length,
  };
}

/** Hundreds of jobs run to their ends, ten at a time; then time passes. */
function season(world: World, number: number): void {
  for (let first = 0; first < JOBS; first += 10) {
    for (let n = first; n < first + 10; n++) {
      const workload = `job-${number}-${n}`;
      const wanted = job(1, { resources: { cpu: '10m', memory: '1Mi' } });
      world.answer(workloadApply, { ...tokens, workload }, { wanted, mode: 'put' });
    }
    // Looking at all of them at each step of the clock would take most of the test's time.
    const isDone = (): boolean => world.all(workloadRecord).every((each) => each.outcome);
    for (let seconds = 0; !isDone() && seconds < 60; seconds++) world.clock.advance(1_000);
    expect(isDone()).toBe(true);
  }
  world.clock.advance(23 * MINUTE);
}

test('three seasons of many jobs leave as much as one', () => {
  const world = new World(7, { keyLimits: soon });
  world.startControl();
  for (const id of ['n1', 'n2']) world.addMachine(id);
  // Until every actor acts.
  world.clock.advance(5_000);
  const limits = { count: 50, age: '1m' };
  const all = { instances: limits, jobs: limits, events: limits, decisions: limits };
  expect(world.answer(tenantRetain, tokens, { retention: all }).ok).toBe(true);
  let [first, last] = [size(world), size(world)];
  for (let number = 0; number < SEASONS; number++) {
    season(world, number);
    last = size(world);
    if (number === 0) first = last;
  }
  expect(last).toEqual(first);
  expect(world.all(instanceRecord)).toEqual([]);
  expect(world.all(workloadRecord)).toEqual([]);
  // Nodes, ledgers, leases and the tenant; no marker, and only the fabric's own events.
  expect(last.values).toBeLessThanOrEqual(12);
  expect(last.markers).toBe(0);
  expect(last.events).toBeLessThanOrEqual(10);
  expect(last.decisions).toBe(0);
  expect(world.checkers.violations).toEqual([]);
}, 300_000);
