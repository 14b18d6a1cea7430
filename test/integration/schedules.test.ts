/** Schedules on a real nats-server, with control planes and the server killed in between. */
import { jetstreamManager } from '@nats-io/jetstream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { scheduleFire, waitingAddress } from '../../subjects/index.ts';
import { eventually } from '../support/ports.ts';
import { Fabric, service } from './gateway/fabric.ts';

let fabric: Fabric;
beforeEach(async () => {
  fabric = await Fabric.start(1);
});
afterEach(() => fabric?.[Symbol.asyncDispose]());

const soon = (ms: number) => new Date(Date.now() + ms).toISOString();
const scale = { scale: { workload: 'web', count: 2 } };
const job = { run: { command: ['work', '100'], resources: { cpu: '10m', memory: '1Mi' } } };

const put = (name: string, spec: object) =>
  fabric.call('PUT', `schedules/${name}`, {
    body: { apiVersion: 'shoal/v1', kind: 'schedule', metadata: { name }, spec },
  });
const resultsOf = async (name: string): Promise<string[]> =>
  ((await fabric.get(`schedules/${name}`)).body.history as { result: string }[])
    .map((each) => each.result)
    .toReversed();
const until = (name: string, results: readonly string[], withinMs = 30_000) =>
  eventually(
    async () => JSON.stringify(await resultsOf(name)) === JSON.stringify(results),
    withinMs,
    `${name} to have ${results}`,
  );

describe('a fabric', () => {
  test('runs a job at its time, once, and again and again; pauses and triggers', async () => {
    expect((await put('once', { when: { at: soon(800) }, action: job })).status).toBe(201);
    expect(
      (await put('often', { when: { every: '1s' }, overlap: 'allow', action: job })).status,
    ).toBe(201);
    expect((await put('never', { when: { at: soon(1_500) }, action: job })).status).toBe(201);
    expect((await fabric.call('DELETE', 'schedules/never')).status).toBe(200);
    await until('once', ['started']);
    await eventually(async () => (await resultsOf('often')).length >= 3, 20_000, 'three firings');
    expect((await fabric.call('POST', 'schedules/often/pause')).status).toBe(200);
    const [run] = (await fabric.get('schedules/once')).body.history;
    await fabric.until(run.workload, 'succeeded');
    const answer = await fabric.call('POST', 'schedules/once/trigger');
    expect([answer.status, answer.body.name]).toEqual([202, 'once']);
    await until('once', ['started', 'started']);
    const { items } = (await fabric.get('workloads')).body;
    const names = (items as { name: string }[]).map((each) => each.name);
    expect(names.filter((name) => name.startsWith('never'))).toEqual([]);
    expect((await fabric.get('schedules/often')).body).toMatchObject({ state: 'paused' });
    expect((await fabric.get('schedules/never')).body.code).toBe('schedule-not-found');
  });

  test('whose server is killed fires what was due meanwhile and what is due later, once', async () => {
    await fabric.put('web', service('web', { count: 1 }));
    const [early, late] = [soon(2_000), soon(8_000)];
    for (let index = 0; index < 20; index++) {
      await put(`early-${index}`, { when: { at: early }, action: scale });
      await put(`late-${index}`, { when: { at: late }, action: scale });
    }
    await fabric.nats.kill('SIGKILL');
    await eventually(() => Date.now() > Date.parse(early) + 500, 5_000);
    await fabric.nats.restart('SIGKILL');
    for (let index = 0; index < 20; index++) {
      await until(`early-${index}`, ['scaled']);
      await until(`late-${index}`, ['scaled']);
    }
  });

  test('whose control plane is away makes up for what it missed, or leaves it out', async () => {
    await fabric.put('web', service('web', { count: 1 }));
    await put('made-up', { when: { at: soon(1_000) }, action: scale });
    await put('left-out', { when: { at: soon(1_000) }, startWithin: '1s', action: scale });
    await fabric.stopControl();
    const back = Date.now() + 4_000;
    await eventually(() => Date.now() > back, 6_000);
    await fabric.startControl();
    await until('made-up', ['scaled']);
    await until('left-out', ['missed']);
  });

  test('sets an alarm again that was lost from the stream', async () => {
    await fabric.put('web', service('web', { count: 1 }));
    await put('far', { when: { at: soon(3_600_000) }, action: scale });
    const waits = waitingAddress(scheduleFire, { tenant: 'default', schedule: 'far' });
    const connection = await fabric.nats.connect({ role: 'control', name: 'c' });
    const waiting = async (): Promise<number> => {
      const manager = await jetstreamManager(connection, { checkAPI: false });
      const { state } = await manager.streams.info('SCHEDULE', { subjects_filter: waits });
      return Object.keys(state.subjects ?? {}).length;
    };
    expect(await waiting()).toBe(1);
    const filter = JSON.stringify({ filter: waits });
    await connection.request('$JS.API.STREAM.PURGE.SCHEDULE', filter);
    expect(await waiting()).toBe(0);
    await eventually(async () => (await waiting()) === 1, 25_000, 'the alarm');
  });
});
