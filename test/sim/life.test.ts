/** One fault at a time, in a calm world: the stories of design §7 that need no second copy. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  eventNoticed,
  instanceRecord,
  ledgerRecord,
  nodeCordon,
  nodeRecord,
  nodeState,
  nodeUncordon,
  observedRecord,
  phaseOf,
  workloadApply,
  workloadDelete,
  workloadRecord,
  workloadScale,
} from '../../subjects/index.ts';
import { job, service } from '../support/specs.ts';
import { World } from './world.ts';

describe('one world', () => {
  let world: World;
  beforeEach(() => {
    world = new World(7);
    world.startControl();
    for (const id of ['n1', 'n2', 'n3']) world.addMachine(id);
    world.run(() => states().every((state) => state === 'ready'), 5_000, 'three ready nodes');
  });
  afterEach(() => {
    expect(world.checkers.violations).toEqual([]);
    for (const process of world.processes.values()) {
      for (const { actor, counters } of process.hosts) {
        const { faults, malformed, abandoned } = counters;
        expect({ actor: actor.name, faults, malformed, abandoned }).toEqual({
          ...{ actor: actor.name, faults: 0, malformed: 0, abandoned: 0 },
        });
      }
    }
    expect(world.checkers.checks).toBeGreaterThan(0);
  });

  const states = () =>
    ['n1', 'n2', 'n3'].map((node) => {
      const found = world.all(nodeRecord).find((each) => each.node === node);
      return found && nodeState(found);
    });
  const phases = (name: string) =>
    world
      .all(instanceRecord)
      .filter((each) => each.workload === name)
      .map((each) =>
        phaseOf(
          each,
          world
            .all(observedRecord)
            .find((one) => one.instance === each.instance && one.node === each.node),
          world
            .all(nodeRecord)
            .filter((one) => one.node === each.node)
            .map(nodeState)[0],
        ),
      );
  const ready = (name: string) => phases(name).filter((phase) => phase === 'ready').length;
  const running = () =>
    [...world.machines.values()].flatMap((each) => each.running().map((one) => one.input.instance));
  const name = (workload: string) => ({ tenant: 'default', workload });
  const apply = (workload: string, wanted: ReturnType<typeof service>) =>
    world.answer(workloadApply, name(workload), { wanted, mode: 'put' });

  test('a service comes up, one instance on each node', () => {
    expect(apply('web', service(3))).toMatchObject({ ok: true, value: { change: 'created' } });
    world.run(() => ready('web') === 3, 5_000, 'three ready instances');
    expect(new Set(world.all(instanceRecord).map((each) => each.node)).size).toBe(3);
    expect(new Set(running()).size).toBe(3);
  });

  test('the same spec again changes nothing', () => {
    apply('web', service(2));
    world.run(() => ready('web') === 2, 5_000, 'two ready');
    expect(apply('web', service(2))).toMatchObject({
      value: { generation: 1, change: 'unchanged' },
    });
    world.clock.advance(2_000);
    expect([...world.machines.values()].reduce((sum, each) => sum + each.starts, 0)).toBe(2);
  });

  test('scaling up and down reaches the count, and deleting leaves nothing', () => {
    apply('web', service(2));
    world.run(() => ready('web') === 2, 5_000, 'two ready');
    world.answer(workloadScale, name('web'), { count: 7 });
    world.run(() => ready('web') === 7, 5_000, 'seven ready');
    world.answer(workloadScale, name('web'), { count: 1 });
    world.run(() => ready('web') === 1 && running().length === 1, 5_000, 'one ready');
    world.answer(workloadDelete, name('web'), {});
    world.run(() => world.all(workloadRecord).length === 0, 5_000, 'gone');
    world.clock.advance(1_000);
    expect(running()).toEqual([]);
    expect(world.all(instanceRecord)).toEqual([]);
    expect(world.all(observedRecord)).toEqual([]);
    expect(world.all(ledgerRecord).map((each) => each.entries)).toEqual([{}, {}, {}]);
    const specs = [...world.server.stored('shoal')].filter((each) => each.key.includes('.spec.'));
    expect(specs.filter((each) => each.body !== null)).toEqual([]);
  });

  test('an instance that dies is started again on its node', () => {
    apply('web', service(1));
    world.run(() => ready('web') === 1, 5_000, 'ready');
    const [machine] = [...world.machines.values()].filter((each) => each.running().length > 0);
    const [process] = machine?.running() ?? [];
    machine?.kill(process?.input.name ?? '');
    world.run(() => ready('web') === 0, 1_000, 'noticed');
    world.run(() => ready('web') === 1, 1_000, 'back');
    expect(machine?.running()).toHaveLength(1);
  });

  test('an instance that keeps failing is tried elsewhere, with back-off', () => {
    const wanted = service(1, {
      command: ['fail', '10'],
      restart: { policy: 'always', attempts: 1, window: '1m' },
    });
    apply('bad', wanted);
    const nodes = new Set<string | undefined>();
    world.run(
      () => {
        for (const each of world.all(instanceRecord)) nodes.add(each.node);
        nodes.delete(undefined);
        return nodes.size === 3;
      },
      20_000,
      'tried on three nodes',
    );
    const [instance] = world.all(instanceRecord);
    expect(instance?.avoid.length).toBeGreaterThanOrEqual(2);
    expect(instance?.epoch).toBe(instance?.attempt);
  });

  test('an agent that dies and comes back restarts nothing', () => {
    apply('web', service(3));
    world.run(() => ready('web') === 3, 5_000, 'ready');
    const before = running().sort();
    world.crash('n1');
    world.run(() => states()[0] === 'suspect', 500, 'suspect at once');
    world.clock.advance(1_500);
    world.startAgent('n1');
    world.run(() => states()[0] === 'ready', 3_000, 'back');
    world.clock.advance(5_000);
    expect(running().sort()).toEqual(before);
    expect([...world.machines.values()].map((each) => each.starts)).toEqual([1, 1, 1]);
    expect(ready('web')).toBe(3);
  });

  test('an instance that died while its agent was away is started again', () => {
    apply('web', service(3));
    world.run(() => ready('web') === 3, 5_000, 'ready');
    const machine = world.machines.get('n2');
    world.crash('n2');
    machine?.kill(machine.running()[0]?.input.name ?? '');
    world.clock.advance(500);
    world.startAgent('n2');
    world.run(() => ready('web') === 3 && running().length === 3, 5_000, 'back');
    expect(machine?.starts).toBe(2);
  });

  test('a node that dies is noticed in time and its work comes back elsewhere', () => {
    apply('web', service(3));
    world.run(() => ready('web') === 3, 5_000, 'ready');
    const diedAt = world.clock.now();
    world.crashMachine('n3');
    world.run(() => states()[2] === 'offline', 3_500, 'offline');
    world.run(() => ready('web') === 3, 1_000, 'replaced');
    expect(world.clock.now() - diedAt).toBeLessThan(4_500);
    expect(running()).toHaveLength(3);
    world.bootMachine('n3');
    world.run(() => states()[2] === 'ready', 3_000, 'back');
    world.clock.advance(3_000);
    expect(running()).toHaveLength(3);
  });

  test('a node that comes back with its work finds it replaced, and stops it', () => {
    apply('web', service(3));
    world.run(() => ready('web') === 3, 5_000, 'ready');
    world.crash('n1');
    world.run(() => states()[0] === 'offline' && ready('web') === 3, 6_000, 'replaced');
    expect(running()).toHaveLength(4);
    world.startAgent('n1');
    world.run(() => running().length === 3, 3_000, 'the old one stopped');
    world.clock.advance(2_000);
    expect(ready('web')).toBe(3);
  });

  test('the control plane dies and starts again: nothing acknowledged is lost', () => {
    const answer = apply('web', service(5));
    expect(answer.ok).toBe(true);
    world.crash('control');
    world.clock.advance(10_000);
    world.startControl();
    world.run(() => ready('web') === 5, 10_000, 'five ready');
    expect(states()).toEqual(['ready', 'ready', 'ready']);
    world.crash('control');
    world.clock.advance(10_000);
    const before = [...world.machines.values()].map((each) => each.starts);
    world.startControl();
    world.clock.advance(10_000);
    expect([...world.machines.values()].map((each) => each.starts)).toEqual(before);
  });

  test('a job runs to its end, counts its retries, and says so', () => {
    apply('sums', job(4, { command: ['work', '300'] }));
    const outcome = (of: string) =>
      world.all(workloadRecord).find((each) => each.name === of)?.outcome;
    world.run(() => outcome('sums') !== undefined, 10_000, 'ended');
    expect(outcome('sums')).toMatchObject({ result: 'succeeded' });
    world.clock.advance(1_000);
    expect(running()).toEqual([]);
    expect(world.all(ledgerRecord).map((each) => each.entries)).toEqual([{}, {}, {}]);
    apply('fails', job(1, { command: ['fail', '50'], retries: 2 }));
    world.run(() => outcome('fails') !== undefined, 30_000, 'failed');
    expect(outcome('fails')).toMatchObject({ result: 'failed' });
    const [instance] = world.all(instanceRecord).filter((each) => each.workload === 'fails');
    expect(instance).toMatchObject({ attempt: 3, outcome: { result: 'failed', exitCode: 1 } });
  });

  test('a job past its deadline fails and is stopped', () => {
    apply('slow', job(2, { command: ['serve'], deadline: '5s' }));
    world.run(() => ready('slow') === 2, 3_000, 'runs');
    world.run(
      () => world.all(workloadRecord)[0]?.outcome?.result === 'failed' && running().length === 0,
      8_000,
      'stopped at the deadline',
    );
    expect(world.all(workloadRecord)[0]?.outcome?.message).toContain('deadline');
  });

  test('what fits nowhere waits with its reason and is placed when there is room', () => {
    apply('big', service(4, { resources: { cpu: '800m' } }));
    world.run(() => ready('big') === 3, 5_000, 'three fit');
    world.clock.advance(1_000);
    const parked = world.all(instanceRecord).filter((each) => each.parked);
    expect(parked).toHaveLength(1);
    expect(parked[0]?.parked?.removed).toEqual({ resources: 3 });
    expect(world.server.items).toBe(0);
    world.addMachine('n4');
    world.run(() => ready('big') === 4, 5_000, 'room appeared');
    expect(world.all(instanceRecord).filter((each) => each.parked)).toEqual([]);
  });

  test('a spec no node could hold is refused, with counts; so is an unknown driver', () => {
    const big = apply('big', service(1, { resources: { memory: '64Gi' } }));
    expect(big).toMatchObject({ ok: false, refusal: { code: 'spec-unplaceable' } });
    expect(JSON.stringify(big)).toContain('3 by resources');
    const odd = apply('odd', service(1, { driver: 'lxd' }));
    expect(odd).toMatchObject({ ok: false, refusal: { code: 'driver-unknown' } });
    expect(world.all(workloadRecord)).toEqual([]);
  });

  test('a cordoned node keeps its work and gets no more', () => {
    apply('web', service(3));
    world.run(() => ready('web') === 3, 5_000, 'ready');
    world.answer(nodeCordon, { node: 'n1' }, { reason: 'test' });
    world.answer(workloadScale, name('web'), { count: 9 });
    world.run(() => ready('web') === 9, 5_000, 'nine ready');
    expect(world.machines.get('n1')?.running()).toHaveLength(1);
    expect(world.answer(nodeUncordon, { node: 'n1' }, {})).toMatchObject({
      value: { state: 'ready' },
    });
  });

  test('a new generation replaces the instances one after another', () => {
    apply('web', service(3));
    world.run(() => ready('web') === 3, 5_000, 'ready');
    apply('web', service(3, { environment: { VERSION: '2' } }));
    let least = 3;
    world.run(
      () => {
        least = Math.min(least, ready('web'));
        const current = world.all(instanceRecord).filter((each) => !each.outcome);
        return (
          current.length === 3 &&
          current.every((each) => each.generation === 2) &&
          ready('web') === 3
        );
      },
      20_000,
      'all of generation 2',
    );
    expect(least).toBeGreaterThanOrEqual(3);
    world.clock.advance(1_000);
    expect(running()).toHaveLength(3);
  });

  test('what happens is told once', () => {
    apply('web', service(1));
    world.run(() => ready('web') === 1, 5_000, 'ready');
    world.clock.advance(100);
    const subjects = world.server
      .appended(eventNoticed.stream as 'EVENTS')
      .map((each) => each.subject);
    const about = (verb: string) => subjects.filter((each) => each.endsWith(`.${verb}`)).length;
    expect(about('joined')).toBe(3);
    expect(about('created')).toBe(1);
    expect(about('placed')).toBe(1);
    expect(
      subjects.filter((each) => each.includes('.instance.')).map((each) => each.split('.').at(-1)),
    ).toEqual(['started', 'ready']);
  });
});
