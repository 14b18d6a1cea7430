/** Firings, over hours of simulated time: each is handled once, and what came of it is written. */
import { beforeEach, describe, expect, test } from 'vitest';
import { seededRandom } from '../../../actors/runtime/ids.ts';
import type { Link } from '../../../actors/runtime/memory/connection.ts';
import {
  encode,
  runName,
  scheduleFire,
  schedulePause,
  scheduleRecord,
  scheduleResume,
  workloadRecord,
} from '../../../subjects/index.ts';
import { Scheduling } from '../../support/scheduling.ts';

const MINUTE = 60_000;
let world: Scheduling;
beforeEach(() => {
  world = new Scheduling();
});
const inMs = (ms: number) => new Date(world.now + ms).toISOString();

describe('once', () => {
  test('a job is run at its time, not before, and once', () => {
    const firing = world.now + 10_000;
    world.apply('one', { when: { at: inMs(10_000) } });
    world.pass(9_900);
    expect(world.workloads()).toEqual([]);
    world.pass(500);
    expect(world.workloads()).toEqual([runName('one', firing)]);
    world.pass(10 * MINUTE);
    expect(world.results('one')).toEqual(['started']);
    expect(world.record('one')).toMatchObject({
      handled: firing,
      history: [{ firing, workload: runName('one', firing) }],
    });
    expect(world.record('one')?.pending).toBeUndefined();
    expect(world.alarms()).toEqual([]);
    expect(world.told()).toEqual(['one created', 'one started']);
  });

  test('a workload is scaled', () => {
    world.addService('web');
    const scale = { workload: 'web', count: 4 };
    world.apply('up', { when: { at: inMs(1_000) }, action: { scale } });
    world.pass(2_000);
    expect(world.workload('web')?.spec.count).toBe(4);
    expect(world.record('up')?.last).toMatchObject({ verb: 'scaled', message: 'web to 4' });
  });

  test('what the workload actor refuses is the outcome, with code and reason', () => {
    const scale = { workload: 'nobody', count: 4 };
    world.apply('up', { when: { at: inMs(1_000) }, action: { scale } });
    world.pass(2_000);
    expect(world.results('up')).toEqual(['refused']);
    expect(world.record('up')?.last.message).toMatch(/^workload-not-found: /);
  });

  test('a name that somebody else has is not taken for a run', () => {
    const name = runName('one', world.now + 5_000);
    world.addService(name);
    world.apply('one', { when: { at: inMs(5_000) } });
    world.pass(6_000);
    expect(world.results('one')).toEqual(['refused']);
    expect(world.workload(name)?.kind).toBe('service');
  });
});

describe('again and again', () => {
  test('each firing has its run; K finished ones are kept', () => {
    const begun = world.now;
    world.apply('often', { when: { every: '1m' }, keep: 2, overlap: 'skip' });
    for (let round = 1; round <= 5; round++) {
      world.pass(MINUTE);
      world.pass(500);
      world.finish(runName('often', begun + round * MINUTE));
    }
    world.pass(10_000);
    expect(world.results('often')).toEqual(Array(5).fill('started'));
    expect(world.workloads()).toEqual([
      ...[runName('often', begun + 4 * MINUTE), runName('often', begun + 5 * MINUTE)],
    ]);
  });

  test('cron fires at the moments its zone’s clocks show', () => {
    world.apply('daily', {
      ...{ when: { cron: '*/25 6 * * *', timeZone: 'Asia/Kolkata' }, overlap: 'allow' },
    });
    world.pass(2 * 3_600_000);
    const firings = world.record('daily')?.history.map((each) => each.firing);
    expect(firings).toEqual(
      ['2026-01-01T01:20:00Z', '2026-01-01T00:55:00Z', '2026-01-01T00:30:00Z'].map(Date.parse),
    );
  });

  test('while a run is under way, `skip` leaves firings out and says why', () => {
    world.apply('slow', { when: { every: '10s' } });
    world.pass(35_000);
    expect(world.results('slow')).toEqual(['started', 'skipped', 'skipped']);
    expect(world.record('slow')?.last.message).toMatch(/^slow-\d+-\d+ is not over$/);
    expect(world.workloads()).toHaveLength(1);
  });

  test('`allow` lets runs overlap, `replace` deletes the earlier one', () => {
    world.apply('many', { when: { every: '10s' }, overlap: 'allow' });
    world.apply('last', { when: { every: '10s' }, overlap: 'replace' });
    world.pass(25_000);
    const names = (of: string) => world.workloads().filter((each) => each.includes(of));
    expect(names('many')).toHaveLength(2);
    expect(names('last').filter((each) => !each.startsWith('-'))).toHaveLength(1);
    expect(world.results('last')).toEqual(['started', 'started']);
  });
});

describe('a pause', () => {
  test('keeps it from firing; what would have come is not made up for', () => {
    world.apply('often', { when: { every: '10s' }, overlap: 'allow' });
    world.pass(15_000);
    world.ask(schedulePause, 'often');
    expect(world.alarms()).toEqual([]);
    world.pass(MINUTE);
    expect(world.results('often')).toEqual(['started']);
    expect(world.ask(scheduleResume, 'often')).toMatchObject({ value: { generation: 3 } });
    const resumed = world.now;
    world.pass(15_000);
    expect(world.results('often')).toEqual(['started', 'started']);
    const firing = world.record('often')?.handled ?? 0;
    expect(Math.abs(firing - resumed - 10_000)).toBeLessThan(10);
  });
});

describe('what was missed', () => {
  const away = (spec: object) => {
    world.apply('daily', { when: { every: '1h' }, overlap: 'allow', ...spec });
    world.pass(30 * MINUTE);
    world.crash();
    world.pass(200 * MINUTE);
    world.start();
    world.pass(1_000);
  };

  test('is made up for once, by the last one, and the others are told', () => {
    away({});
    expect(world.results('daily')).toEqual(['missed', 'started']);
    expect(world.workloads()).toHaveLength(1);
  });

  test('is left out when it is later than it may start', () => {
    away({ startWithin: '20m' });
    expect(world.results('daily')).toEqual(['missed', 'missed']);
    expect(world.record('daily')?.last.message).toBe('later than 20m');
    expect(world.workloads()).toEqual([]);
    world.pass(15 * MINUTE);
    expect(world.results('daily').at(-1)).toBe('started');
  });
});

describe('alarms', () => {
  const fire = (generation: number, firing: number): void => {
    world.bench.server.set({
      waits: 'shoal.schedule.default.other',
      message: {
        ...{ subject: 'shoal.fire.default.one', headers: {} },
        body: encode(scheduleFire, { generation, firing }),
      },
      at: 0,
    });
    world.pass(1_000);
  };

  test('that come again, late, or of an earlier generation change nothing', () => {
    const firing = world.now + 5_000;
    world.apply('one', { when: { at: inMs(5_000) }, overlap: 'allow' });
    world.pass(6_000);
    const done = world.record('one');
    for (let again = 0; again < 3; again++) fire(1, firing);
    expect(world.record('one')).toEqual(done);
    world.apply('one', { when: { at: inMs(3_600_000) }, overlap: 'allow' });
    fire(1, world.now + 3_600_000);
    expect(world.workloads()).toHaveLength(1);
  });

  test('count by the bus’s clock where that is ahead of ours', () => {
    world.apply('one', { when: { at: inMs(5_000) } });
    world.pass(4_000);
    fire(1, world.record('one')?.spec.when.at ? Date.parse(inMs(1_000)) : 0);
    expect(world.results('one')).toEqual(['started']);
  });

  test('that are lost are set again by the sweep, and strays are taken back', () => {
    world.apply('one', { when: { at: inMs(5 * MINUTE) } });
    world.apply('two', { when: { at: inMs(5 * MINUTE) } });
    world.bench.server.cancel('shoal.schedule.default.one');
    world.bench.store(scheduleRecord, { tenant: 'default', schedule: 'two' }, null);
    expect(world.alarms()).toEqual(['two']);
    world.pass(16_000);
    expect(world.alarms()).toEqual(['one']);
  });

  test('that never go off are not needed: the sweep finds what is due', () => {
    world.apply('one', { when: { at: inMs(1_000) } });
    world.bench.server.cancel('shoal.schedule.default.one');
    world.pass(20_000);
    expect(world.results('one')).toEqual(['started']);
  });
});

test('a firing that nobody answers is asked for until it is; the next one waits for that', () => {
  const begun = world.now;
  world.apply('often', { when: { every: '20s' }, overlap: 'allow' });
  world.stopWorkloads();
  world.pass(65_000);
  expect(world.record('often')).toMatchObject({ handled: begun + 20_000, history: [] });
  world.startWorkloads();
  world.pass(10_000);
  const history = world.record('often')?.history.map((each) => [each.firing - begun, each.result]);
  expect(history).toEqual([
    ...[
      [60_000, 'started'],
      [40_000, 'missed'],
      [20_000, 'started'],
    ],
  ]);
});

test('a firing that nobody answers at all is given up, with the reason', () => {
  world.apply('once', { when: { at: inMs(1_000) }, startWithin: '1m' });
  world.stopWorkloads();
  world.pass(2 * MINUTE);
  expect(world.results('once')).toEqual(['refused']);
  expect(world.record('once')?.last.message).toMatch(/^actor-unavailable: /);
});

describe('a control plane that dies', () => {
  test.each([0, 1, 2, 3, 5, 8])(
    '%i calls into a firing leaves one run and one outcome',
    (calls) => {
      const firing = world.now + 5_000;
      world.apply('one', { when: { at: inMs(5_000) } });
      world.bench.clock.advanceTo(firing - 1);
      for (let call = 0; call < calls * 4; call++) world.bench.clock.step();
      world.crash();
      world.pass(2_000);
      world.start();
      world.pass(MINUTE);
      expect(world.workloads()).toEqual([runName('one', firing)]);
      expect(world.results('one')).toEqual(['started']);
    },
  );
});

test('a run that is over and forgotten before its answer came is not made a second time', () => {
  const firing = world.now + 5_000;
  const name = runName('one', firing);
  world.apply('one', { when: { at: inMs(5_000) } });
  world.bench.clock.runUntil(() => world.workload(name) !== undefined, MINUTE, 'the run');
  world.crash();
  expect(world.results('one')).toEqual([]);
  world.finish(name);
  world.bench.store(workloadRecord, { tenant: 'default', workload: name }, null);
  world.start();
  world.pass(MINUTE);
  expect(world.workloads()).toEqual([]);
  expect(world.results('one')).toEqual(['started']);
});

test.each([1, 2, 3])(
  'with every message doubled and some lost, each firing has one outcome (%i)',
  (seed) => {
    const random = seededRandom(seed);
    const link: Link = {
      isUp: true,
      transfer: () => (random() < 0.05 ? undefined : 1 + random() * 20),
      copies: () => 2,
    };
    world = new Scheduling(link);
    world.addService('web');
    const names = Array.from({ length: 40 }, (_, index) => `s${index}`);
    for (const [index, name] of names.entries()) {
      const apply = () =>
        world.apply(name, {
          ...{ when: { at: new Date(1_767_229_200_000).toISOString() }, overlap: 'allow' },
          ...(index % 2 ? { action: { scale: { workload: 'web', count: 2 } } } : {}),
        });
      while (!apply().ok) world.pass(100);
    }
    world.bench.clock.advanceTo(1_767_229_200_000 + 10 * MINUTE);
    for (const [index, name] of names.entries()) {
      expect([name, world.results(name)]).toEqual([name, [index % 2 ? 'scaled' : 'started']]);
    }
    expect(world.workloads()).toHaveLength(21);
  },
);

test('thousands due at once are handled, no more asks at a time than there is room for', () => {
  world.addService('web');
  const when = { at: inMs(600_000) };
  for (let index = 0; index < 2_000; index++) {
    world.apply(`s${index}`, { when, action: { scale: { workload: 'web', count: 2 } } });
  }
  world.pass(660_000);
  for (let index = 0; index < 2_000; index++) {
    expect([index, world.results(`s${index}`)]).toEqual([index, ['scaled']]);
  }
});
