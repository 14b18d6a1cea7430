/** Capacity and use are millicores and bytes, whatever a machine has and lacks. */
import { statfs } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Machine } from '../../../edge-agent/machine.ts';
import { capacityOf, hasBattery, Meter } from '../../../edge-agent/measure.ts';
import { amounts, nodeSnapshot } from '../../../subjects/index.ts';

const GIB = 2 ** 30;

/** A machine that says what it is told to say. */
function machine(of: Partial<Machine> = {}): Machine {
  const traffic = { name: 'eth0', receivedBytes: 0, sentBytes: 0 };
  return {
    availableMemory: async () => GIB,
    traffic: async () => traffic,
    battery: async () => undefined,
    ...of,
  };
}

afterEach(() => vi.restoreAllMocks());

describe('capacity', () => {
  test('is all processors, nine tenths of the memory, the free disk of the folder', async () => {
    const capacity = await capacityOf('/');
    expect(capacity.cpuMilli).toBe(cpus().length * 1_000);
    expect(capacity.memoryBytes).toBe(Math.floor(totalmem() * 0.9));
    const { bavail, bsize } = await statfs('/');
    // Others write meanwhile.
    expect(Math.abs(capacity.diskBytes - bavail * bsize)).toBeLessThan(GIB);
    expect(amounts.safeParse(capacity).success).toBe(true);
  });

  test('is no disk where none is known', async () => {
    expect((await capacityOf('/not/there')).diskBytes).toBe(0);
  });
});

describe('use', () => {
  test('is in millicores and bytes, as the contract wants it', async () => {
    const use = await new Meter('/', machine()).measure();
    expect(use.cpuMilli).toBeLessThanOrEqual(cpus().length * 1_000);
    expect(use.memoryBytes).toBe(totalmem() - GIB);
    expect(use.diskBytes).toBeGreaterThan(0);
    expect(use.agentMemoryBytes).toBeGreaterThan(1_000_000);
    const snapshot = { ...use, at: 1, instances: 0, applied: 0 };
    expect(nodeSnapshot.schema.safeParse(snapshot).error).toBeUndefined();
  });

  test('of the processors is what they did since the last time', async () => {
    const meter = new Meter('/', machine());
    const until = performance.now() + 50;
    while (performance.now() < until);
    expect((await meter.measure()).cpuMilli).toBeGreaterThan(0);
  });

  test('of the network is what went by since the last time', async () => {
    const said = [
      { name: 'eth0', receivedBytes: 1_000, sentBytes: 500 },
      { name: 'eth0', receivedBytes: 3_000, sentBytes: 510 },
      { name: 'eth0', receivedBytes: 0, sentBytes: 0 },
      { name: 'wlan0', receivedBytes: 9_000_000, sentBytes: 9_000_000 },
      undefined,
    ];
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    const meter = new Meter('/', machine({ traffic: async () => said.shift() }));
    const rates = async () => {
      const { receivedBytesPerSecond, sentBytesPerSecond } = await meter.measure();
      now += 2_000;
      return [receivedBytesPerSecond, sentBytesPerSecond];
    };
    expect(await rates()).toEqual([0, 0]);
    expect(await rates()).toEqual([1_000, 5]);
    // Counters began anew; another interface; none.
    expect(await rates()).toEqual([0, 0]);
    expect(await rates()).toEqual([0, 0]);
    expect(await rates()).toEqual([0, 0]);
  });

  test('of memory is never negative, and known everywhere', async () => {
    const more = machine({ availableMemory: async () => totalmem() + GIB });
    expect((await new Meter('/', more).measure()).memoryBytes).toBe(0);
    const none = machine({ availableMemory: async () => undefined });
    expect((await new Meter('/', none).measure()).memoryBytes).toBeGreaterThan(0);
  });

  test('that changes slowly is measured less often', async () => {
    const battery = vi.fn(async () => undefined);
    const meter = new Meter('/', machine({ battery }));
    await meter.measure();
    await meter.measure();
    expect(battery).toHaveBeenCalledTimes(1);
  });
});

test('a battery is told of where there is one', async () => {
  const without = await new Meter('/', machine()).measure();
  expect('battery' in without).toBe(false);
  expect(await hasBattery(machine())).toBe(false);
  const charged = machine({ battery: async () => ({ charge: 0.8, isCharging: true }) });
  expect((await new Meter('/', charged).measure()).battery).toEqual({
    ...{ charge: 0.8, isCharging: true },
  });
  expect(await hasBattery(charged)).toBe(true);
});

test.runIf(process.platform === 'linux')('this machine says what it has', async () => {
  const { thisMachine } = await import('../../../edge-agent/machine.ts');
  const available = await thisMachine.availableMemory();
  expect(available).toBeGreaterThan(0);
  expect(available).toBeLessThanOrEqual(totalmem());
});
