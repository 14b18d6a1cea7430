/** What a limit of bandwidth does to containers of an engine of some make, measured. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Log } from '../../../actors/runtime/log.ts';
import { endsOf, linksTold } from '../../../edge-agent/drivers/docker/bandwidth-shape.ts';
import type { Driver } from '../../../edge-agent/drivers/driver.ts';
import type { InstanceReport, StartInput } from '../../../edge-agent/jobs.ts';
import type { ContainerEngine } from '../../support/container-engine.ts';
import { eventually } from '../../support/ports.ts';
import { startInput } from '../agent/driver-fixture.ts';

const call = promisify(execFile);

/** At 8 Mbit/s they take four seconds; what a bucket holds at first is a hundredth of one. */
const MOVED_BYTES = 4_000_000;
const LIMIT = '8M';
/** Half of what they take at the limit. */
const AT_LEAST_MS = 2_000;

/** Answers with so many bytes, and with how many it was sent. */
const SERVER = [
  ...['busybox nc -ll -p 8080 -e head -c', String(MOVED_BYTES), '/dev/zero &'],
  'exec busybox nc -ll -p 8081 -e wc -c',
].join(' ');
/** What gives as much to whoever connects. */
const GIVE = `-e head -c ${MOVED_BYTES} /dev/zero`;
const PORTS = [
  { name: 'gives', container: 8080 },
  { name: 'takes', container: 8081 },
];

/** An engine, and a driver on it. */
export interface OnEngine {
  engine(): ContainerEngine;
  open(state: string, log: Log): Promise<Driver>;
  readonly spec: object;
  /** Name of a run's container, of an instance. */
  container(name: string, run: number): string;
}

/** Tests in the present suite. Each leaves nothing in its engine, and no queue on the machine. */
export function limitsBandwidth(of: OnEngine): void {
  let state: string;
  let driver: Driver;
  let reports: InstanceReport[];
  const warned: string[] = [];
  const nothing = (): void => undefined;
  const log: Log = {
    debug: nothing,
    info: nothing,
    error: nothing,
    warn: (text) => warned.push(text),
  };
  const report = (each: InstanceReport): void => void reports.push(each);
  const told = (name: string, kind: InstanceReport['kind']) =>
    reports.find((each) => each.name === name && each.kind === kind);
  const has = (name: string, kind: InstanceReport['kind']) =>
    eventually(() => told(name, kind) !== undefined, 20_000, `${name} to be ${kind}`);

  beforeEach(async () => {
    state = await mkdtemp(join(tmpdir(), 'shoal-driver-'));
    reports = [];
    warned.length = 0;
    driver = await of.open(state, log);
  });
  afterEach(async () => {
    await driver.endAll(0);
    driver.leave();
    await rm(state, { recursive: true, force: true, maxRetries: 5 });
    expect(await of.engine().remains()).toEqual([]);
  });

  const input = (name: string, more: object): StartInput => ({
    ...startInput({ ...of.spec, ...more }),
    name,
  });
  const inspect = (name: string) =>
    of.engine().client.getContainer(of.container(name, 1)).inspect();
  const within = async (name: string): Promise<readonly string[]> => {
    const { State: how } = await inspect(name);
    return ['-t', String(how.Pid), '-n', '--'];
  };
  /** Names of both ends of its only interface. */
  const ends = async (name: string) => {
    const list = ['-j', 'link', 'show'];
    const [inside, outside] = await Promise.all([
      call('nsenter', [...(await within(name)), 'ip', ...list]),
      call('ip', list),
    ]);
    const [its] = [inside, outside].map(({ stdout }) => linksTold.parse(JSON.parse(stdout)));
    const all = endsOf(its ?? [], linksTold.parse(JSON.parse(outside.stdout)));
    expect(all).toHaveLength(1);
    return all[0] as (typeof all)[number];
  };
  /** Bits a second that each end lets through; undefined: whatever comes. */
  const rates = async (name: string) => {
    const { inside, outside } = await ends(name);
    const show = (dev: string) => ['-j', 'qdisc', 'show', 'dev', dev];
    const shown = await Promise.all([
      call('nsenter', [...(await within(name)), 'tc', ...show(inside)]),
      call('tc', show(outside)),
    ]);
    return shown.map(({ stdout }) => {
      const all = JSON.parse(stdout) as { kind: string; options: { rate?: number } }[];
      const bytes = all.find(({ kind }) => kind === 'tbf')?.options.rate;
      return bytes && bytes * 8;
    });
  };
  const isLimited = async (name: string): Promise<boolean> =>
    String(await rates(name)) === '8000000,8000000';
  const portOf = (name: string, port: string): number => {
    const started = told(name, 'started');
    return started?.kind === 'started' ? (started.ports[port] ?? 0) : 0;
  };

  test('what is limited sends and gets no more in its time, and what is not does', async () => {
    const [limited, free] = ['default.limited-1', 'default.free-1'];
    const command = ['sh', '-c', SERVER];
    driver.start(input(limited, { command, ports: PORTS, limits: { bandwidth: LIMIT } }), report);
    driver.start(input(free, { command, ports: PORTS }), report);
    await Promise.all([has(limited, 'ready'), has(free, 'ready')]);
    expect(await rates(limited)).toEqual([8_000_000, 8_000_000]);
    expect(await rates(free)).toEqual([undefined, undefined]);
    for (const moved of [gotFrom, sentTo]) {
      const port = moved === gotFrom ? 'gives' : 'takes';
      const withoutMs = await moved(portOf(free, port));
      const withinMs = await moved(portOf(limited, port));
      expect(withinMs).toBeGreaterThan(AT_LEAST_MS);
      expect(withoutMs).toBeLessThan(AT_LEAST_MS);
    }
    // Neither the one right nor the other: a program cannot undo its limit, nor pass it by.
    const { outside } = await ends(limited);
    const status = await driver.exec({
      ...{ name: limited, run: 1, timeoutMs: 5_000 },
      command: ['busybox', 'grep', 'CapBnd', '/proc/1/status'],
    });
    const printed = 'output' in status ? status.output : '';
    const rights = BigInt(`0x${/\s([0-9a-f]{16})/.exec(printed)?.[1]}`);
    const [NET_ADMIN, NET_RAW] = [1n << 12n, 1n << 13n];
    expect(rights & (NET_ADMIN | NET_RAW)).toBe(0n);
    driver.stop({ name: limited, run: 1, graceMs: 0 }, report);
    await has(limited, 'exited');
    await driver.settled();
    const { stdout } = await call('tc', ['-j', 'qdisc', 'show']);
    const left = JSON.parse(stdout) as { dev: string }[];
    expect(left.map(({ dev }) => dev)).not.toContain(outside);
  });

  test('what comes before a program is limited as it is', async () => {
    const name = 'default.w-1';
    const step = ['sh', '-c', 'while ! [ -e /tmp/go ]; do sleep 0.05; done'];
    const more = { init: [{ command: step }], grace: '100ms', limits: { bandwidth: LIMIT } };
    driver.start(input(name, { command: ['true'], ...more }), report);
    const box = of.engine().client.getContainer(`${of.container(name, 1)}-init-0`);
    const queues = async (): Promise<string> => {
      const found = await box.inspect().catch(() => undefined);
      if (!found?.State.Pid) return '';
      const its = ['-t', String(found.State.Pid), '-n', '--', 'tc', 'qdisc'];
      return (await call('nsenter', its)).stdout;
    };
    await eventually(async () => / tbf .* rate 8Mbit/.test(await queues()), 20_000, 'the limit');
    driver.stop({ name, run: 1, graceMs: 0 }, report);
    await has(name, 'exited');
  });

  test('without network there is nothing to limit', async () => {
    const name = 'default.w-1';
    const more = { command: ['true'], network: 'none', limits: { bandwidth: LIMIT } };
    driver.start(input(name, more), report);
    await has(name, 'exited');
    expect(told(name, 'exited')).toMatchObject({ exitCode: 0 });
  });

  test('what cannot be limited does not run, and the reason is told', async () => {
    const name = 'default.w-1';
    const { PATH } = process.env;
    try {
      process.env['PATH'] = state;
      const more = { command: ['sleep', '300'], limits: { bandwidth: LIMIT } };
      driver.start(input(name, more), report);
      await has(name, 'exited');
    } finally {
      process.env['PATH'] = PATH;
    }
    expect(reports.map(({ kind }) => kind)).toEqual(['exited']);
    expect(told(name, 'exited')).toMatchObject({
      message: expect.stringMatching(
        /^its bandwidth cannot be limited: there is no \w+ on the agent/,
      ),
    });
    await driver.settled();
    expect(await of.engine().remains()).toEqual([]);
  });

  test('an agent that finds a container without its limit sets it, and one that cannot says so and tries again', async () => {
    const name = 'default.w-1';
    const more = { command: ['sleep', '300'], limits: { bandwidth: LIMIT } };
    driver.start(input(name, more), report);
    await has(name, 'started');
    const { inside, outside } = await ends(name);
    // What an agent that was left has begun may set it once more.
    const isUnlimited = async (): Promise<boolean> => {
      const remove = [...(await within(name)), 'tc', 'qdisc', 'del', 'dev', inside, 'root'];
      await call('nsenter', remove).catch(() => undefined);
      await call('tc', ['qdisc', 'del', 'dev', outside, 'root']).catch(() => undefined);
      return (await rates(name)).every((rate) => rate === undefined);
    };
    const unlimit = () => eventually(isUnlimited, 20_000, 'no limit');
    driver.leave();
    await unlimit();
    driver = await of.open(state, log);
    expect(await driver.found(report)).toMatchObject([{ name, run: 1 }]);
    expect(await rates(name)).toEqual([8_000_000, 8_000_000]);
    expect(warned).toEqual([]);
    driver.leave();
    await unlimit();
    driver = await of.open(state, log);
    const { PATH } = process.env;
    try {
      process.env['PATH'] = state;
      expect(await driver.found(report)).toMatchObject([{ name, run: 1 }]);
    } finally {
      process.env['PATH'] = PATH;
    }
    expect(warned).toEqual([expect.stringMatching(/^its bandwidth cannot be limited: /)]);
    // As an agent asks every few seconds.
    await driver.list(report);
    await eventually(() => isLimited(name), 20_000, 'its limit');
    expect(warned).toHaveLength(1);
    expect(told(name, 'exited')).toBeUndefined();
  });

  test('the parts of an instance share its limit, whichever is started again', async () => {
    const [name, side] = ['default.w-1', 'default.w-1.side'];
    const command = ['sh', '-c', `busybox nc -ll -p 8080 ${GIVE}`];
    const beside = ['sh', '-c', `busybox nc -ll -p 8090 ${GIVE}`];
    const more = {
      ...{ command, limits: { bandwidth: LIMIT } },
      ports: [
        { name: 'one', container: 8080 },
        { name: 'other', container: 8090 },
      ],
      sidecars: [{ name: 'side', command: beside, grace: '100ms' }],
    };
    const program = input(name, more);
    const sidecar = { ...program, name: side, sidecar: 'side' };
    driver.start(sidecar, report);
    await has(side, 'started');
    driver.start(program, report);
    await has(name, 'ready');
    const both = async (): Promise<number> => {
      const began = performance.now();
      await Promise.all(['one', 'other'].map((port) => gotFrom(portOf(name, port))));
      return performance.now() - began;
    };
    // Each alone would be through after half of that.
    expect(await both()).toBeGreaterThan(3 * AT_LEAST_MS);
    expect(await rates(name)).toEqual([8_000_000, 8_000_000]);
    driver.stop({ name: side, run: 1, graceMs: 0 }, report);
    await has(side, 'exited');
    await driver.settled();
    expect(await rates(name)).toEqual([8_000_000, 8_000_000]);
    driver.start({ ...sidecar, run: 2 }, report);
    await eventually(
      () => reports.some((each) => each.name === side && each.run === 2 && each.kind === 'ready'),
      20_000,
      'the sidecar again',
    );
    expect(await both()).toBeGreaterThan(3 * AT_LEAST_MS);
    driver.stop({ name, run: 1, graceMs: 0 }, report);
    driver.stop({ name: side, run: 2, graceMs: 0 }, report);
    await has(name, 'exited');
  });

  test('an agent that began while the engine was away limits what it finds when that is back', async () => {
    const name = 'default.w-1';
    const more = { command: ['sleep', '300'], limits: { bandwidth: LIMIT } };
    driver.start(input(name, more), report);
    await has(name, 'started');
    const at = await ends(name);
    const { State: how } = await inspect(name);
    driver.leave();
    const inside = ['-t', String(how.Pid), '-n', '--', 'tc', 'qdisc', 'del', 'dev', at.inside];
    await call('nsenter', [...inside, 'root']);
    await call('tc', ['qdisc', 'del', 'dev', at.outside, 'root']);
    await of.engine().kill('SIGKILL');
    driver = await of.open(state, log);
    expect(await driver.found(report)).toMatchObject([{ name, run: 1 }]);
    await of.engine().start();
    const isSoLimited = async (): Promise<boolean> => {
      // As an agent asks every few seconds: an engine that is just back may take too long at first.
      await driver.list(report).catch(() => undefined);
      return isLimited(name);
    };
    await eventually(isSoLimited, 30_000, 'its limit');
    expect(told(name, 'exited')).toBeUndefined();
  });

  test('it is offered where it can be done, and otherwise it is said why not', async () => {
    const offer = await driver.offer();
    expect(offer?.enforces).toContain('bandwidth');
    expect(offer?.heeds).toContain('bandwidth-limit');
    const { PATH } = process.env;
    driver.leave();
    try {
      process.env['PATH'] = state;
      driver = await of.open(state, log);
    } finally {
      process.env['PATH'] = PATH;
    }
    const without = await driver.offer();
    expect(without?.enforces).not.toContain('bandwidth');
    expect(without?.heeds).not.toContain('bandwidth-limit');
    expect(without?.notEnforced).toMatchObject({
      'bandwidth-limit': "it cannot be tried: there is no nsenter on the agent's PATH",
    });
  });
}

/** Takes all that a container sends; how long that took, in milliseconds. */
async function gotFrom(port: number): Promise<number> {
  const began = performance.now();
  let got = 0;
  for await (const chunk of connect(port, '127.0.0.1')) got += chunk.length;
  expect(got).toBe(MOVED_BYTES);
  return performance.now() - began;
}

/** Sends as much to a container, until that says that it has it; how long that took, in milliseconds. */
async function sentTo(port: number): Promise<number> {
  const began = performance.now();
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.end(Buffer.alloc(MOVED_BYTES));
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  expect(Number(answer)).toBe(MOVED_BYTES);
  return performance.now() - began;
}
