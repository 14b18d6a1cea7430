/** What Linux writes of itself, as it wrote it on machines there are. */
import { describe, expect, test } from 'vitest';
import { availableIn, batteryIn, defaultInterface, trafficIn } from '../../../edge-agent/proc.ts';

test('memory that can still be had, in bytes', () => {
  const meminfo = 'MemTotal:       24604364 kB\nMemFree:  100 kB\nMemAvailable:   22837400 kB\n';
  expect(availableIn(meminfo)).toBe(22_837_400 * 1024);
  expect(availableIn('MemFree: 100 kB\n')).toBeUndefined();
  expect(availableIn('')).toBeUndefined();
});

describe('the interface of the default route', () => {
  const head = 'Iface\tDestination\tGateway\tFlags\n';

  test('is that of IPv4', () => {
    const routes = `${head}br0\t000011AC\t0\t1\neth1\t00000000\t0102A8C0\t3\n`;
    expect(defaultInterface(routes)).toBe('eth1');
    expect(defaultInterface(head)).toBeUndefined();
    expect(defaultInterface('')).toBeUndefined();
  });

  test('is that of IPv6 where there is no other', () => {
    const zero = '0'.repeat(32);
    const rest = `${zero} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003`;
    const routes6 = [
      `fe800000000000000000000000000000 40 ${rest}     eth0`,
      `${zero} 00 ${rest}       lo`,
      `${zero} 00 ${rest}     wlan0`,
    ].join('\n');
    expect(defaultInterface(head, routes6)).toBe('wlan0');
    expect(defaultInterface(`${head}eth1\t00000000\t0102A8C0\t3\n`, routes6)).toBe('eth1');
    expect(defaultInterface(head, '')).toBeUndefined();
  });
});

describe('what an interface carried', () => {
  const devices = [
    'Inter-|   Receive                                                |  Transmit',
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop',
    '    lo: 2038404 100    0    0    0     0          0         0  2038404     100    0    0    0',
    'veth1a2b:  10 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0',
    '  eth0:2675316042 3000    0    0    0     0          0         0  8717404    4000    0    0',
  ].join('\n');

  test('is counted both ways, also where no space parts name and number', () => {
    const eth0 = { name: 'eth0', receivedBytes: 2_675_316_042, sentBytes: 8_717_404 };
    expect(trafficIn(devices, 'eth0')).toEqual(eth0);
    expect(trafficIn(devices, 'lo')?.sentBytes).toBe(2_038_404);
  });

  test.each([
    ['one that is not there', devices, 'eth1'],
    ['a part of a name', devices, 'eth'],
    ['half a line', 'eth0: 1 2 3', 'eth0'],
    ['nothing', '', 'eth0'],
  ])('is unknown of %s', (_what, text, name) => {
    expect(trafficIn(text, name)).toBeUndefined();
  });
});

describe('a battery', () => {
  const uevent = (of: Record<string, string>): string =>
    Object.entries(of)
      .map(([key, value]) => `POWER_SUPPLY_${key}=${value}`)
      .join('\n');
  const laptop = { NAME: 'BAT0', TYPE: 'Battery', STATUS: 'Discharging', CAPACITY: '80' };

  test.each([
    ['discharging', laptop, { charge: 0.8, isCharging: false }],
    ['charging', { ...laptop, STATUS: 'Charging' }, { charge: 0.8, isCharging: true }],
    ['full', { ...laptop, STATUS: 'Full', CAPACITY: '100' }, { charge: 1, isCharging: true }],
    ['beyond full', { ...laptop, CAPACITY: '104' }, { charge: 1, isCharging: false }],
    [
      'without a share',
      { TYPE: 'Battery', ENERGY_FULL: '50000', ENERGY_NOW: '10000' },
      { charge: 0.2, isCharging: false },
    ],
  ])('that is %s', (_what, of, expected) => {
    expect(batteryIn(uevent(of))).toEqual(expected);
  });

  test.each([
    ['a charger', { TYPE: 'Mains', ONLINE: '1' }],
    ['that of a mouse', { ...laptop, SCOPE: 'Device' }],
    ['one that says nothing', { TYPE: 'Battery' }],
    ['nothing', {}],
  ])('is not %s', (_what, of) => {
    expect(batteryIn(uevent(of))).toBeUndefined();
  });
});
