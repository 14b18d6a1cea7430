/** Schedules on a real nats-server, with control planes and the server killed in between. */
import { jetstreamManager } from '@nats-io/jetstream';
import { describe, expect, test as plain } from 'vitest';
import { scheduleFire, waitingAddress } from '../../subjects/index.ts';
import { eventually } from '../support/ports.ts';
import { Fabric, service } from './gateway/fabric.ts';

/** One starts after the other: a login that takes too long is refused. */
let started: Promise<unknown> = Promise.resolve();

/** A fabric of its own for each test: they wait for moments, so they do at the same time. */
const test = plain.extend<{ readonly fabric: Fabric }>({
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads here what it depends on
  fabric: async ({}, use) => {
    const starting = started.then(() => Fabric.start(1));
    started = starting.catch(() => undefined);
    await using fabric = await starting;
    await use(fabric);
  },
});

const soon = (ms: number) => new Date(Date.now() + ms).toISOString();
const scale = { scale: { workload: 'web', count: 2 } };
const job = { run: { command: ['work', '100'], resources: { cpu: '10m', memory: '1Mi' } } };

const put = (fabric: Fabric, name: string, spec: object) =>
  fabric.call('PUT', `schedules/${name}`, {
    body: { apiVersion: 'shoal/v1', kind: 'schedule', metadata: { name }, spec },
  });
const resultsOf = async (fabric: Fabric, name: string): Promise<string[]> =>
  ((await fabric.get(`schedules/${name}`)).body.history as { result: string }[])
    .map((each) => each.result)
    .toReversed();
const until = (fabric: Fabric, name: string, results: readonly string[], withinMs = 30_000) =>
  eventually(
    async () => JSON.stringify(await resultsOf(fabric, name)) === JSON.stringify(results),
    withinMs,
    `${name} to have ${results}`,
  );

describe.concurrent('a fabric', () => {
  test('runs a job at its time, once, and again and again; pauses and triggers', async ({
    fabric,
  }) => {
    const once = { when: { at: soon(2_000) }, action: job };
    expect((await put(fabric, 'once', once)).status).toBe(201);
    expect(
      (await put(fabric, 'often', { when: { every: '1s' }, overlap: 'allow', action: job })).status,
    ).toBe(201);
    const at = soon(4_000);
    expect((await put(fabric, 'never', { when: { at }, action: job })).status).toBe(201);
    expect((await fabric.call('DELETE', 'schedules/never')).status).toBe(200);
    await until(fabric, 'once', ['started']);
    await eventually(
      async () => (await resultsOf(fabric, 'often')).length >= 3,
      20_000,
      'three firings',
    );
    expect((await fabric.call('POST', 'schedules/often/pause')).status).toBe(200);
    const [run] = (await fabric.get('schedules/once')).body.history;
    await fabric.until(run.workload, 'succeeded');
    const answer = await fabric.call('POST', 'schedules/once/trigger');
    expect([answer.status, answer.body.name]).toEqual([202, 'once']);
    await until(fabric, 'once', ['started', 'started']);
    await eventually(() => Date.now() > Date.parse(at) + 500, 5_000);
    const { items } = (await fabric.get('workloads')).body;
    const names = (items as { name: string }[]).map((each) => each.name);
    expect(names.filter((name) => name.startsWith('never'))).toEqual([]);
    expect((await fabric.get('schedules/often')).body).toMatchObject({ state: 'paused' });
    expect((await fabric.get('schedules/never')).body.code).toBe('schedule-not-found');
  });

  test('whose server is killed fires what was due meanwhile and what is due later, once', async ({
    fabric,
  }) => {
    await fabric.put('web', service('web', { count: 1 }));
    let early = soon(0);
    for (let index = 0; index < 20; index++) {
      early = soon(2_000);
      for (const [name, at] of [
        [`early-${index}`, early],
        [`late-${index}`, soon(8_000)],
      ] as const) {
        expect((await put(fabric, name, { when: { at }, action: scale })).status).toBe(201);
      }
    }
    await fabric.nats.kill('SIGKILL');
    await eventually(() => Date.now() > Date.parse(early) + 500, 5_000);
    await fabric.nats.restart('SIGKILL');
    for (let index = 0; index < 20; index++) {
      await until(fabric, `early-${index}`, ['scaled']);
      await until(fabric, `late-${index}`, ['scaled']);
    }
  });

  test('whose control plane is away makes up for what it missed, or leaves it out', async ({
    fabric,
  }) => {
    await fabric.put('web', service('web', { count: 1 }));
    // Far enough that it is away by then, on a machine with much to do.
    const at = soon(12_000);
    await put(fabric, 'made-up', { when: { at }, action: scale });
    await put(fabric, 'left-out', { when: { at }, startWithin: '1s', action: scale });
    await fabric.stopControl();
    const back = Date.parse(at) + 3_000;
    await eventually(() => Date.now() > back, 20_000);
    await fabric.startControl();
    await until(fabric, 'made-up', ['scaled']);
    await until(fabric, 'left-out', ['missed']);
  });

  test('sets an alarm again that was lost from the stream', async ({ fabric }) => {
    await fabric.put('web', service('web', { count: 1 }));
    await put(fabric, 'far', { when: { at: soon(3_600_000) }, action: scale });
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
