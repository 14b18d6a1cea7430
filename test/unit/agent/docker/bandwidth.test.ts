/** A limit of bandwidth in the words of tc, the ends it is set at, and whose networks are here. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { limitContainer } from '../../../../edge-agent/drivers/docker/bandwidth.ts';
import {
  endsOf,
  type Link,
  queueOf,
} from '../../../../edge-agent/drivers/docker/bandwidth-shape.ts';
import { createOptions } from '../../../../edge-agent/drivers/docker/container.ts';
import type { Inspected } from '../../../../edge-agent/drivers/docker/engine.ts';
import { outOfReach } from '../../../../edge-agent/drivers/docker/engine-place.ts';
import { offering } from '../../../../edge-agent/drivers/offers.ts';
import { bits, wantedSchema } from '../../../../subjects/index.ts';
import { startInput } from '../../../integration/agent/driver-fixture.ts';

test('a bucket holds what comes between two interrupts of the slowest clock, and two packets at least', () => {
  expect(queueOf(8_000_000, 1_500).join(' ')).toBe('tbf rate 8000000bit burst 10000b latency 70ms');
  expect(queueOf(8_000, 1_500)).toContain('3000b');
  expect(queueOf(1_000_000, 9_000)).toContain('18000b');
  // The kernel counts a bucket in 32 bits.
  expect(Number.parseInt(queueOf(bits('1000G'), 1_500)[4] ?? '', 10)).toBeLessThan(2 ** 32);
});

describe('the ends of interfaces', () => {
  const link = (ifindex: number, ifname: string, more: Partial<Link> = {}): Link => ({
    ...{ ifindex, ifname, mtu: 1_500, flags: ['BROADCAST', 'UP', 'LOWER_UP'] },
    ...more,
  });
  const lo = link(1, 'lo', { flags: ['LOOPBACK', 'UP'], mtu: 65_536 });
  const tunnel = link(2, 'tunl0', { flags: ['NOARP'] });
  const eth0 = link(3, 'eth0', { link_index: 70 });
  const outside = [
    // Of another network, and of another interface.
    link(70, 'veth70', { link_index: 5 }),
    link(71, 'veth71', { link_index: 3 }),
  ];

  test('are told of all that is up, but for what it says to itself', () => {
    const pair = link(70, 'veth70', { link_index: 3 });
    const second = link(4, 'eth1', { link_index: 71, mtu: 9_000 });
    expect(endsOf([lo, tunnel, eth0], [pair])).toEqual([
      { inside: 'eth0', mtu: 1_500, outside: 'veth70' },
    ]);
    expect(
      endsOf([lo, eth0, second], [pair, link(71, 'veth71', { link_index: 4 })]).map(
        (each) => each.outside,
      ),
    ).toEqual(['veth70', 'veth71']);
    expect(endsOf([lo, tunnel], [pair])).toEqual([]);
  });

  test('of an interface that has none here, it is said so', () => {
    expect(() => endsOf([lo, eth0], outside)).toThrow(
      'its interface eth0 has no other end on this machine',
    );
    const tap = link(3, 'tap0');
    expect(() => endsOf([tap], [link(70, 'veth70')])).toThrow(
      'its interface tap0 has no other end',
    );
  });
});

test('only what an engine on the same machine, and run by root, has can be limited', () => {
  const machine = { hostname: 'n1', kernel: '6.1.0' };
  const info = { Name: 'n1', KernelVersion: '6.1.0', SecurityOptions: ['name=seccomp,profile=x'] };
  expect(outOfReach(info, machine)).toBeUndefined();
  expect(outOfReach({ ...info, SecurityOptions: null }, machine)).toBeUndefined();
  expect(outOfReach({ ...info, Name: 'vm' }, machine)).toMatch(/another machine/);
  expect(outOfReach({ ...info, KernelVersion: '5.15.0' }, machine)).toMatch(/another machine/);
  expect(outOfReach({}, machine)).toMatch(/another machine/);
  const rootless = { ...info, SecurityOptions: ['name=seccomp', 'name=rootless'] };
  expect(outOfReach(rootless, machine)).toMatch(/without root/);
});

test('a driver that lacks it says why, and that it enforces nothing of it', () => {
  const of = { version: '1', enforces: ['cpu'], notEnforced: {} };
  expect(offering(of, {})).toMatchObject({ enforces: ['cpu', 'disk', 'bandwidth', 'iops'] });
  const without = offering(of, { 'bandwidth-limit': 'no tc' });
  expect(without).toMatchObject({
    enforces: ['cpu', 'disk', 'iops'],
    notEnforced: { 'bandwidth-limit': 'no tc' },
  });
  expect(without.heeds).not.toContain('bandwidth-limit');
});

test('a process that is gone before it is limited is none that could not be, even while its engine says it runs', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  let asked = 0;
  const inspect = async () => ({ State: { Pid: ++asked > 3 ? 0 : child.pid } }) as Inspected;
  await limitContainer(
    { inspect },
    'c',
    startInput({
      ...{ driver: 'docker', image: 'app:1', command: ['true'], limits: { bandwidth: '8M' } },
    }),
  );
  expect(asked).toBe(4);
});

test('a container with a limit has no right to send past its queue', () => {
  const options = (limits: object) =>
    createOptions({
      ...{ agent: 'n1', node: 'n1', address: '127.0.0.1', ports: {}, mounts: [] },
      input: startInput({ driver: 'docker', image: 'app:1', command: ['true'], limits }),
    });
  expect(options({ bandwidth: '8M' }).HostConfig?.CapDrop).toEqual(['NET_RAW']);
  expect(options({}).HostConfig?.CapDrop).toBeUndefined();
});

test('a limit is of containers, and neither too low nor too high for the kernel', () => {
  const faults = (spec: object) =>
    wantedSchema
      .safeParse({ kind: 'job', spec: { command: ['work'], ...spec } })
      .error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
  const docker = { driver: 'docker', image: 'app:1' };
  expect(faults({ ...docker, limits: { bandwidth: '8M' } })).toBeUndefined();
  expect(faults({ ...docker, limits: { bandwidth: '8k' } })).toBeUndefined();
  expect(faults({ ...docker, limits: { bandwidth: 7_999 } })).toEqual([
    'spec.limits.bandwidth at least 8k',
  ]);
  expect(faults({ ...docker, limits: { bandwidth: '1001G' } })).toEqual([
    'spec.limits.bandwidth at most 1000G',
  ]);
  expect(faults({ limits: { bandwidth: '8M' } })).toEqual([
    'spec.limits.bandwidth a limit of bandwidth is only for driver docker',
  ]);
});
