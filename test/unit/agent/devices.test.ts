/** A device is given to as many runs as there are of it, whatever agent gave it first. */
import { describe, expect, test } from 'vitest';
import { devicesIn } from '../../../edge-agent/device-setting.ts';
import { type DeviceSlot, Devices } from '../../../edge-agent/drivers/devices.ts';
import { Given } from '../../../edge-agent/drivers/given.ts';
import { DEVICE_COUNT_MAX } from '../../../subjects/index.ts';
import { startInput } from '../../integration/agent/driver-conformance.ts';

/** Files that are devices on every machine. */
const [A, B] = ['/dev/null', '/dev/zero'];
const slot = (name: string, ...paths: string[]): DeviceSlot => ({ name, paths });
const asks = (devices: Record<string, number>, run = 1) =>
  startInput({ command: ['run'], resources: { devices } }, run);

describe('devices', () => {
  test('are given one each, told with their files, until there are none', () => {
    const devices = new Devices([slot('gpu', A, B), slot('gpu', B), slot('tap', A)]);
    expect(devices.offered()).toEqual({ gpu: 2, tap: 1 });
    expect(devices.take(asks({ gpu: 1 }))).toEqual({ gpu: [A, B] });
    expect(() => devices.take(asks({ tap: 1, gpu: 2 }, 2))).toThrow(
      'cannot be started: of device gpu 1 of 2 free, 2 asked',
    );
    // Of what it did not get all, it has nothing.
    expect(devices.take(asks({ tap: 1, gpu: 1 }, 3))).toEqual({ tap: [A], gpu: [B] });
  });

  test('are free again when their run is over, and only those of that run', () => {
    const devices = new Devices([slot('gpu', A), slot('gpu', B)]);
    devices.take(asks({ gpu: 1 }));
    devices.take(asks({ gpu: 1 }, 2));
    devices.release(asks({ gpu: 1 }));
    expect(devices.take(asks({ gpu: 1 }, 3))).toEqual({ gpu: [A] });
    expect(() => devices.take(asks({ gpu: 1 }, 4))).toThrow('0 of 2 free');
  });

  test('stay with a run that an earlier agent gave them to, the same ones', () => {
    const devices = new Devices([slot('gpu', A), slot('gpu', B)]);
    devices.keep(asks({ gpu: 1 }), { gpu: [B] });
    expect(devices.take(asks({ gpu: 1 }, 2))).toEqual({ gpu: [A] });
    expect(() => devices.take(asks({ gpu: 1 }, 3))).toThrow('0 of 2 free');
  });

  test('that many may share are given that often, and kept as often as they were asked for', () => {
    const devices = new Devices([slot(A, A), slot(A, A), slot(A, A)]);
    devices.keep(asks({ [A]: 2 }), { [A]: [A] });
    expect(devices.take(asks({ [A]: 1 }, 2))).toEqual({ [A]: [A] });
    expect(() => devices.take(asks({ [A]: 1 }, 3))).toThrow('0 of 3 free');
  });

  test('that are not there are not offered and not given', () => {
    const devices = new Devices([slot('gpu', '/dev/no-such-device'), slot('file', '/etc/passwd')]);
    expect(devices.offered()).toEqual({});
    expect(() => devices.take(asks({ gpu: 1 }))).toThrow('of device gpu none there, 1 asked');
  });

  test('are the program’s: its sidecars are given none', () => {
    const devices = new Devices([slot('gpu', A)]);
    expect(devices.take({ ...asks({ gpu: 1 }), sidecar: 'proxy' })).toEqual({});
    expect(devices.take(asks({ gpu: 1 }))).toEqual({ gpu: [A] });
  });

  test('are free again where a port was not to be had', async () => {
    const devices = new Devices([slot('gpu', A)]);
    const none = {
      take: () => Promise.reject(new Error('no port')),
      keep: () => 0,
      forget: () => 0,
      release: () => 0,
    };
    await expect(new Given(none, devices).take(asks({ gpu: 1 }))).rejects.toThrow('no port');
    expect(devices.take(asks({ gpu: 1 }, 2))).toEqual({ gpu: [A] });
  });
});

describe('SHOAL_DEVICES', () => {
  const named = (text: string) => devicesIn(text).filter(({ name }) => name !== '/dev/kvm');

  test.each([
    ['gpu=/dev/a', [slot('gpu', '/dev/a')]],
    ['gpu=/dev/a, gpu=/dev/b+/dev/c', [slot('gpu', '/dev/a'), slot('gpu', '/dev/b', '/dev/c')]],
    ['/dev/net/tun', [slot('/dev/net/tun', '/dev/net/tun')]],
    ['/dev/fuse:2', [slot('/dev/fuse', '/dev/fuse'), slot('/dev/fuse', '/dev/fuse')]],
    ['off', []],
  ])('%s', (text, expected) => {
    expect(named(text)).toEqual(expected);
  });

  test.each([
    ['gpu', 'gpu'],
    ['GPU=/dev/a', 'GPU=/dev/a'],
    ['gpu=/etc/passwd', 'passwd'],
    ['gpu=/dev/../etc/passwd', 'passwd'],
    ['/dev/a:0', '/dev/a:0'],
    [`/dev/a:${DEVICE_COUNT_MAX + 1}`, '/dev/a'],
    ['/srv/data', '/srv/data'],
  ])('%s is refused with the form', (text, told) => {
    expect(() => devicesIn(text)).toThrow(/is not of the form name=\/dev\/a/);
    expect(() => devicesIn(text)).toThrow(told);
  });

  test('what is named is not found once more by itself', () => {
    const kvm = devicesIn('/dev/kvm:3');
    expect(kvm).toHaveLength(3);
    expect(devicesIn('off')).toEqual([]);
  });
});
