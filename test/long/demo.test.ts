/** `make demo`, cut short: it says what failed and where the logs are, and stops all it started. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '../../nats/start.ts';
import { listener, Place } from '../support/fabric-folder.ts';

let place: Place;
beforeEach(async () => {
  place = await Place.makeForDemo();
});
afterEach(async () => {
  expect(await place.processes()).toEqual([]);
  await place[Symbol.asyncDispose]();
});

const logs = () => `logs: ${join(place.state, 'demo/logs')}\n`;
const isStack = /^\s+at .*:\d+/m;

test('goes through, says each step, and leaves nothing running', async () => {
  const { code, out, err } = await place.run('demo');
  expect([code, err]).toEqual([0, '']);
  expect(out.split('\n').filter((line) => !/^ +\d+\.\ds {2}\S/.test(line))).toEqual(['']);
  expect(out).toMatch(/replacement of hello-\w+ ready on n\d, \d\.\d s after the kill/);
});

describe('a signal', () => {
  test.each([
    ['SIGINT', /nats-server/, 130],
    ['SIGTERM', /bus ready/, 143],
    ['SIGINT', /control plane ready/, 130],
    ['SIGHUP', /nodes ready/, 129],
    ['SIGINT', /applied/, 130],
    ['SIGINT', /killed node/, 130],
  ] as const)('%s after %s stops everything', async (signal, after, expected) => {
    const demo = place.start('demo');
    await demo.says(after);
    demo.child.kill(signal);
    // Who is impatient changes nothing.
    demo.child.kill(signal);
    const { code, err } = await demo.end();
    expect(code).toBe(expected);
    expect(err).toMatch(new RegExp(`^failed to .*: interrupted by ${signal}\n`));
    expect(err).not.toMatch(isStack);
    if (!/nats-server/.test(after.source)) expect(err.endsWith('stopped everything\n')).toBe(true);
  });

  test('that cannot be caught leaves what the next demo ends', async () => {
    const demo = place.start('demo');
    await demo.says(/nodes ready/);
    demo.child.kill('SIGKILL');
    await demo.end();
    expect((await place.processes()).length).toBeGreaterThan(4);
    expect(await place.run('demo')).toMatchObject({ code: 0, err: '' });
  });
});

test.each(['nats', 'control', 'gateway', 'agent-n2'])('%s dies by itself', async (name) => {
  const demo = place.start('demo');
  await demo.says(/nodes ready/);
  const pid = Number(await readFile(join(place.state, 'demo/run', name), 'utf8'));
  process.kill(pid, 'SIGKILL');
  const { code, err } = await demo.end();
  expect(code).toBe(1);
  expect(err).toMatch(new RegExp(`^failed to .*: ${name} ended by SIGKILL by itself\n`));
  expect(err.endsWith(`${logs()}stopped everything\n`)).toBe(true);
});

test.each(['SHOAL_NATS_PORT', 'SHOAL_INGRESS_PORT'])('a port is taken: %s', async (setting) => {
  const port = await freePort();
  await using _ = await listener(port);
  const { code, err } = await place.run('demo', { [setting]: String(port) });
  expect([code, err]).toEqual([
    1,
    `failed to start the bus: port ${port} on 127.0.0.1 is in use; stop what listens there or set ${setting} to another one\n${logs()}stopped everything\n`,
  ]);
});

test('a workload that never gets ready is named, with what is known of it', async () => {
  const { code, err } = await place.run('demo', { PATH: '' });
  expect(code).toBe(1);
  expect(err).toMatch(
    /^failed to wait for service and job: no 3 ready instances of hello within \d+ s; hello-\w+ is \S+: .*there is no node on PATH/,
  );
  expect(err.endsWith(`${logs()}stopped everything\n`)).toBe(true);
});

test('a reader that has seen enough ends it', async () => {
  const demo = place.start('demo');
  await demo.says(/nats-server/);
  demo.child.stdout?.destroy();
  const { code, err } = await demo.end();
  expect(code).toBe(1);
  expect(err).toMatch(/nobody reads what it says\n/);
  expect(err).not.toMatch(isStack);
});

test('a second one in the same folder is refused, and the first goes on', async () => {
  const first = place.start('demo');
  await first.says(/bus ready/);
  const { code, err } = await place.run('demo');
  expect(code).toBe(1);
  expect(err).toMatch(
    /^failed to prepare a folder: a fabric runs in this folder already \(pid \d+\); stop it first, or set STATE to another folder\n$/,
  );
  expect(await first.end()).toMatchObject({ code: 0, err: '' });
});
