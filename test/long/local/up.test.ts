/** `make up` and `make down`: whatever was before, one fabric runs, or none and nothing of it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '../../../nats/start.ts';
import { listener, Place } from '../../support/fabric-folder.ts';
import { eventually } from '../../support/ports.ts';

let place: Place;

beforeEach(async () => {
  place = await Place.make();
});
afterEach(async () => {
  await place[Symbol.asyncDispose]();
});

const hello =
  'apiVersion: shoal/v1\nkind: service\nmetadata: {name: hello}\nspec: {count: 2, command: [sleep, "600"]}\n';
const instances = async (): Promise<readonly { pid: number; phase: string }[]> =>
  JSON.parse((await place.shoal('get instances -o json')).out).items;
const pids = async () => (await instances()).map((each) => each.pid).sort();
const ready = () =>
  eventually(
    async () => (await instances()).filter((each) => each.phase === 'ready').length === 2,
    20_000,
    'two ready instances',
  );

test('down without up is fine, with whatever stands in the folder', async () => {
  const none = { code: 0, out: 'no fabric is running\n', err: '' };
  expect(await place.run('down')).toEqual(none);
  for (const record of ['', '{', '{"pid":1}', `{"pid":${process.pid}}`]) {
    await writeFile(join(place.folder, 'fabric.json'), record);
    expect(await place.run('down', { STATE: place.folder })).toEqual(none);
  }
});

test('twice is once: the second tells of the first, and starts nothing', async () => {
  const port = String(await freePort());
  const demos = { SHOAL_TRY_IT_NOW: 'pool', SERVER_PORT: port };
  const first = await place.run('up', demos);
  expect(first).toMatchObject({ code: 0, err: '' });
  expect(first.out).toContain(`  demos    http://127.0.0.1:${port}   (Try It Now's API)\n`);
  expect(first.out).toMatch(/^fabric ready: nats-server \d+\.\d+\.\d+, 2 nodes\n {2}API/);
  const keeper = await place.keeper();
  const before = await place.processes();
  const second = await place.run('up');
  expect(second).toMatchObject({ code: 0, err: '' });
  expect(second.out).toBe(first.out.replace(/^.*\n/, 'a fabric is running already\n'));
  expect(await place.keeper()).toBe(keeper);
  expect(await place.processes()).toEqual(before);
  expect(await place.run('down')).toEqual({ code: 0, out: 'fabric stopped\n', err: '' });
  expect(await place.processes()).toEqual([]);
});

test('twice at once is once, too', async () => {
  const ended = await Promise.all([place.run('up'), place.run('up')]);
  expect(ended.map(({ code, err }) => ({ code, err }))).toEqual(
    Array(2).fill({ code: 0, err: '' }),
  );
  expect(ended.map(({ out }) => out.split('\n')[0]?.split(':')[0]).sort()).toEqual([
    'a fabric is running already',
    'fabric ready',
  ]);
});

test('another folder with the same ports is refused, and the first goes on', async () => {
  await place.run('up');
  await place.shoal('apply -f -', hello);
  await ready();
  const before = await pids();
  const other = await place.run('up', { STATE: join(place.folder, 'other') });
  expect(other).toMatchObject({ code: 78, out: '' });
  expect(other.err).toMatch(
    /^shoal: fabric did not start: shoal-local: port \d+ on 127\.0\.0\.1 is in use; stop what listens there or set SHOAL_NATS_PORT to another one \(log: .*\)\n$/,
  );
  expect(await pids()).toEqual(before);
});

test.each(['SHOAL_NATS_PORT', 'SHOAL_MONITOR_PORT', 'SHOAL_GATEWAY_PORT', 'SHOAL_INGRESS_PORT'])(
  'a port in use is named with what chooses another: %s',
  async (setting) => {
    const port = await freePort();
    await using _ = await listener(port);
    const { code, err } = await place.run('up', { [setting]: String(port) });
    expect(code).toBe(78);
    expect(err).toContain(
      `port ${port} on 127.0.0.1 is in use; stop what listens there or set ${setting} to another one`,
    );
    expect(err.trim()).not.toContain('\n');
    expect(await place.processes()).toEqual([]);
  },
);

test('after its keeper was killed, up takes over and what ran goes on', async () => {
  await place.run('up');
  await place.shoal('apply -f -', hello);
  await ready();
  const before = await pids();
  process.kill(await place.keeper(), 'SIGKILL');
  expect(await place.run('up')).toMatchObject({ code: 0, err: '' });
  await ready();
  expect(await pids()).toEqual(before);
  expect(await place.run('down')).toMatchObject({ code: 0, out: 'fabric stopped\n' });
  expect(await place.processes()).toEqual([]);
});

test('after everything was killed, as by a loss of power, what was wanted is back', async () => {
  await place.run('up');
  await place.shoal('apply -f -', hello);
  await ready();
  for (const pid of await place.processes()) process.kill(pid, 'SIGKILL');
  await eventually(async () => (await place.processes()).length === 0);
  expect(await place.run('up')).toMatchObject({ code: 0, err: '' });
  await ready();
});

test('down after its keeper was killed ends what is left', async () => {
  await place.run('up');
  await place.shoal('apply -f -', hello);
  await ready();
  process.kill(await place.keeper(), 'SIGKILL');
  const { code, out } = await place.run('down');
  expect([code, out]).toEqual([
    0,
    'its keeper was gone; ended agent-n1, agent-n2, control, gateway, nats\n',
  ]);
  expect(await place.processes()).toEqual([]);
});

test('with two copies whoever calls is heard when either is killed, and what runs goes on', async () => {
  const up = await place.run('up', { COPIES: '2' });
  expect(up).toMatchObject({ code: 0, err: '' });
  await place.shoal('apply -f -', hello);
  await ready();
  const before = await pids();
  const controls = await place.programs('actors/main.js');
  expect(controls).toHaveLength(2);
  for (const pid of controls) {
    process.kill(pid, 'SIGKILL');
    await eventually(async () => (await place.shoal('scale hello 2')).code === 0, 20_000);
    await eventually(async () => (await place.programs('actors/main.js')).length === 2, 20_000);
  }
  expect(await pids()).toEqual(before);
  expect(await place.run('down')).toMatchObject({ code: 0, out: 'fabric stopped\n' });
  expect(await place.processes()).toEqual([]);
});

/**
 * The first of so many ports in a row that are free, and not among those the place has for others:
 * each server's follow those of the one before.
 */
async function freeRow(count: number): Promise<number> {
  const others = new Set(Object.values(place.environment).map(Number));
  for (;;) {
    const first = await freePort();
    const ports = Array.from({ length: count }, (_, index) => first + index);
    if (ports.some((each) => others.has(each))) continue;
    const tried = await Promise.allSettled(ports.map(listener));
    const open = tried.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    for (const each of open) await each[Symbol.asyncDispose]();
    if (open.length === count) return first;
  }
}

test('with three servers one that is killed is started again, and what runs goes on', async () => {
  const nats = await freeRow(9);
  const up = await place.run('up', {
    ...{ SERVERS: '3', SHOAL_NATS_PORT: `${nats}` },
    ...{ SHOAL_MONITOR_PORT: `${nats + 3}`, SHOAL_CLUSTER_PORT: `${nats + 6}` },
  });
  expect(up).toMatchObject({ code: 0, err: '' });
  expect(up.out).toMatch(/^fabric ready: 3 servers of nats-server \d+\.\d+\.\d+, 2 nodes\n/);
  expect(up.out).toContain('durability server: ');
  await place.shoal('apply -f -', hello);
  await ready();
  const before = await pids();
  const servers = await place.programs('nats-server');
  expect(servers).toHaveLength(3);
  process.kill(servers[0] as number, 'SIGKILL');
  await eventually(
    async () => (await place.shoal('scale hello 2')).code === 0,
    40_000,
    'an answer',
  );
  await eventually(async () => (await place.programs('nats-server')).length === 3, 20_000);
  await ready();
  expect(await pids()).toEqual(before);
  expect(await place.run('down')).toMatchObject({ code: 0, out: 'fabric stopped\n' });
  expect(await place.processes()).toEqual([]);
});

describe('while it starts', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it, and all it started', async (signal) => {
    const up = place.start('up');
    await eventually(async () => {
      const log = join(place.state, 'logs/control.log');
      return (await readFile(log, 'utf8').catch(() => '')).length > 0;
    });
    up.child.kill(signal);
    const { code, err } = await up.end();
    expect(code).toBe(signal === 'SIGINT' ? 130 : 143);
    expect(err).toContain(`shoal: stopped by ${signal}; nothing is left running\n`);
    expect(err).not.toMatch(/^\s+at /m);
    expect(await place.processes()).toEqual([]);
    expect(await place.run('up')).toMatchObject({ code: 0 });
  });

  test('down ends it, and up says so in one sentence', async () => {
    const up = place.start('up');
    await eventually(() => place.keeper().then(Boolean, () => false));
    expect(await place.run('down')).toMatchObject({ code: 0, out: 'fabric stopped\n' });
    const { code, err } = await up.end();
    expect(code).toBe(78);
    expect(err).toMatch(/^shoal: fabric did not start: .*\n$/);
    expect(await place.processes()).toEqual([]);
  });
});
