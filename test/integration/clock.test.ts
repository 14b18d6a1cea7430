/**
 * Control plane and agent on a real server, and their clocks are set forward by an hour, then back
 * by two: nobody is declared, nothing expires, nothing hangs, and it is said once.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startControl } from '../../actors/main.ts';
import { ask } from '../../actors/runtime/ask.ts';
import { type Log, silentLog } from '../../actors/runtime/log.ts';
import { type BusProcess, joinBus, viewsCurrent } from '../../actors/runtime/nats/process.ts';
import { systemClock } from '../../actors/runtime/nats/system-clock.ts';
import type { View } from '../../actors/runtime/view.ts';
import { startAgent } from '../../edge-agent/main.ts';
import {
  instanceRecord,
  leaseRecord,
  nodeRecord,
  nodeState,
  observedRecord,
  scheduleApply,
  scheduleRecord,
  workloadApply,
  workloadRecord,
} from '../../subjects/index.ts';
import { type NatsFixture, natsFixture } from '../support/nats.ts';
import { eventually } from '../support/ports.ts';
import { specOf } from '../support/scheduling.ts';
import { SettableClock } from '../support/settable-clock.ts';
import { job, service } from '../support/specs.ts';

const HOUR = 3_600_000;

describe('a clock that is set', () => {
  const clocks = { c: new SettableClock(systemClock), n1: new SettableClock(systemClock) };
  const told: string[] = [];
  const log: Log = {
    ...silentLog,
    warn: (message) => void (/was set/.test(message) && told.push(message)),
  };
  const states = new Set<string>();
  const firings = new Set<number>();
  const stops: (() => Promise<void>)[] = [];
  let nats: NatsFixture;
  let bus: BusProcess;
  let observed: View<typeof observedRecord>;
  let workloads: View<typeof workloadRecord>;
  let instances: View<typeof instanceRecord>;
  let leases: View<typeof leaseRecord>;

  beforeAll(async () => {
    nats = await natsFixture([
      { role: 'control', name: 'c' },
      { role: 'agent', name: 'n1' },
      { role: 'operator', name: 'o' },
    ]);
    const of = (user: string) => ({
      ...{ SHOAL_NATS: nats.url, SHOAL_SEED: join(nats.folder, 'keys', `${user}.nk`) },
    });
    const environment = { ...of('control-c'), SHOAL_COPY: 'c' };
    stops.push(await startControl(log, environment, () => undefined, clocks.c));
    const state = join(nats.folder, 'agent');
    const device = { SHOAL_NODE: 'n1', SHOAL_STATE: state, SHOAL_ON_STOP: 'end' };
    const agent = { ...of('agent-n1'), ...device };
    stops.push(await startAgent(log, () => undefined, agent, clocks.n1));
    const seedFile = of('operator-o').SHOAL_SEED;
    const identity = { role: 'operator', name: 'o' } as const;
    bus = await joinBus({ servers: [nats.url], seedFile }, identity, { log: silentLog });
    bus.views.follow(nodeRecord, {}, ({ after }) => void (after && states.add(nodeState(after))));
    bus.views.follow(scheduleRecord, {}, ({ after }) => void firings.add(after?.handled ?? 0));
    observed = bus.views.follow(observedRecord);
    workloads = bus.views.follow(workloadRecord);
    instances = bus.views.follow(instanceRecord);
    leases = bus.views.follow(leaseRecord);
    await viewsCurrent(bus.views);
    await eventually(() => states.has('ready'), 10_000, 'a ready node');
  });
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
    await bus?.connection.close();
    await nats?.[Symbol.asyncDispose]();
  });

  const apply = async (workload: string, wanted: ReturnType<typeof service>) => {
    const tokens = { tenant: 'default', workload };
    const { answer } = await ask(bus.ports, workloadApply, tokens, { wanted, mode: 'put' });
    expect(answer).toMatchObject({ ok: true });
  };
  const ready = () => [...observed.entries()].filter(({ value }) => value.isReady);
  const pids = () => ready().map(({ value }) => value.pid);
  const fences = () => [...leases.entries()].map(({ value }) => `${value.actor} ${value.fence}`);

  test('ends, delays and declares nothing', async () => {
    await apply('web', service(1, { command: ['sleep', '600'] }));
    await apply('sums', job(1, { command: ['sleep', '600'], deadline: '10m' }));
    const tokens = { tenant: 'default', schedule: 'often' };
    const action = { scale: { workload: 'web', count: 1 } };
    const wanted = { labels: {}, spec: specOf({ when: { every: '1s' }, action }) };
    await ask(bus.ports, scheduleApply, tokens, { wanted, mode: 'put' });
    await eventually(() => ready().length === 2 && firings.size > 2, 20_000, 'all to run');
    states.clear();
    const before = { pids: pids(), fences: fences() };
    for (const setMs of [HOUR, -HOUR]) {
      clocks.c.setMs = setMs;
      clocks.n1.setMs = setMs;
      firings.clear();
      const until = performance.now() + 8_000;
      await eventually(() => performance.now() > until, 10_000, 'some beats, looks and firings');
      expect([...states]).toEqual([]);
      expect({ pids: pids(), fences: fences() }).toEqual(before);
      expect([...workloads.entries()].map(({ value }) => value.outcome)).toEqual([
        ...[undefined, undefined],
      ]);
      expect([...instances.entries()].map(({ value }) => value.epoch)).toEqual([1, 1]);
      // Neither an hour's worth, nor none.
      expect(firings.size).toBeGreaterThanOrEqual(3);
      expect(firings.size).toBeLessThanOrEqual(12);
    }
    // What is new is placed, and what dies is restarted, by clocks that are wrong.
    await apply('late', service(1, { command: ['sleep', '600'] }));
    await eventually(() => ready().length === 3, 10_000, 'the new one');
    const [victim = 0] = pids();
    process.kill(victim, 'SIGKILL');
    await eventually(() => ready().length === 3 && !pids().includes(victim), 10_000, 'the next');
    expect(told.map((each) => /set (.*?);/.exec(each)?.[1]).sort()).toEqual([
      ...['back by 7200 s', 'back by 7200 s', 'forward by 3600 s', 'forward by 3600 s'],
    ]);
  });
});
