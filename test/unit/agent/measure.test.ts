/** Capacity and use are millicores and bytes, whatever a machine has and lacks. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { amounts, nodeSnapshot } from '../../../subjects/index.ts';

const machine = vi.hoisted(() => ({
  cpu: vi.fn(),
  mem: vi.fn(),
  fsSize: vi.fn(),
  battery: vi.fn(),
  currentLoad: vi.fn(),
  networkStats: vi.fn(),
}));
vi.mock('systeminformation', () => ({ default: machine }));
const { capacityOf, hasBattery, Meter } = await import('../../../edge-agent/measure.ts');

const GIB = 2 ** 30;
const noBattery = { hasBattery: false, percent: 0, isCharging: false };

beforeEach(() => {
  vi.clearAllMocks();
  machine.cpu.mockResolvedValue({ cores: 4 });
  machine.mem.mockResolvedValue({ total: 8 * GIB, available: 6 * GIB });
  machine.fsSize.mockResolvedValue([
    { mount: '/', used: 10, available: 100 },
    { mount: '/data', used: 20, available: 200 },
    { mount: '/database', used: 30, available: 300 },
  ]);
  machine.battery.mockResolvedValue(noBattery);
  machine.currentLoad.mockResolvedValue({ currentLoad: 25, cpus: [1, 2, 3, 4] });
  machine.networkStats.mockResolvedValue([
    { rx_sec: 10.4, tx_sec: 1 },
    { rx_sec: 20, tx_sec: null },
  ]);
});

describe('capacity', () => {
  test('is all processors, nine tenths of the memory, the free disk of the folder', async () => {
    const capacity = await capacityOf('/srv/agent');
    expect(capacity).toEqual({
      ...{ cpuMilli: 4_000, memoryBytes: Math.floor(7.2 * GIB), diskBytes: 100 },
    });
    expect(amounts.safeParse(capacity).success).toBe(true);
  });

  test.each([
    ['/data', 200],
    ['/data/agent', 200],
    ['/database/agent', 300],
    ['/databank', 100],
    ['/', 100],
  ])('of disk is that of the file system that holds %s', async (folder, diskBytes) => {
    expect((await capacityOf(folder)).diskBytes).toBe(diskBytes);
  });

  test('is at least one processor, and no disk where none is known', async () => {
    machine.cpu.mockResolvedValue({ cores: 0 });
    machine.fsSize.mockResolvedValue([]);
    expect(await capacityOf('/x')).toMatchObject({ cpuMilli: 1_000, diskBytes: 0 });
  });
});

describe('use', () => {
  test('is in millicores and bytes, as the contract wants it', async () => {
    const use = await new Meter('/data/agent').measure();
    expect(use).toMatchObject({
      ...{ cpuMilli: 1_000, memoryBytes: 2 * GIB, diskBytes: 20 },
      ...{ receivedBytesPerSecond: 30, sentBytesPerSecond: 1 },
    });
    expect(use.agentMemoryBytes).toBeGreaterThan(1_000_000);
    const snapshot = { ...use, at: 1, instances: 0, applied: 0 };
    expect(nodeSnapshot.schema.safeParse(snapshot).error).toBeUndefined();
  });

  test('is never negative, also where counters began anew', async () => {
    machine.mem.mockResolvedValue({ total: GIB, available: 2 * GIB });
    machine.networkStats.mockResolvedValue([{ rx_sec: -5, tx_sec: -5 }]);
    expect(await new Meter('/').measure()).toMatchObject({
      ...{ memoryBytes: 0, receivedBytesPerSecond: 0, sentBytesPerSecond: 0 },
    });
  });

  test('of what is dear is measured less often', async () => {
    const meter = new Meter('/');
    await meter.measure();
    await meter.measure();
    expect(machine.fsSize).toHaveBeenCalledTimes(1);
    expect(machine.battery).toHaveBeenCalledTimes(1);
    expect(machine.currentLoad).toHaveBeenCalledTimes(2);
  });
});

describe('a battery', () => {
  test('that is not there is not told of', async () => {
    const use = await new Meter('/').measure();
    expect('battery' in use).toBe(false);
    expect(await hasBattery()).toBe(false);
  });

  test.each([
    [80, true, 0.8],
    [0, false, 0],
    [104, true, 1],
    [-1, false, 0],
  ])('at %i %%, charging %s', async (percent, isCharging, charge) => {
    machine.battery.mockResolvedValue({ hasBattery: true, percent, isCharging });
    expect((await new Meter('/').measure()).battery).toEqual({ charge, isCharging });
    expect(await hasBattery()).toBe(true);
  });
});
