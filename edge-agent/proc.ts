/** What Linux writes into its files about itself (proc(5), sysfs-class-power), as values. */
import type { Snapshot } from '../subjects/index.ts';

/** What an interface has received and sent since it is there. */
export interface Traffic {
  readonly name: string;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** Memory that programs can get without others being swapped out, in bytes (/proc/meminfo, since Linux 3.14). */
export function availableIn(meminfo: string): number | undefined {
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

/**
 * The interface of the default route: of IPv4 (/proc/net/route), else of IPv6 (/proc/net/ipv6_route);
 * undefined: there is none.
 */
export function defaultInterface(routes: string, routes6 = ''): string | undefined {
  for (const line of routes.split('\n').slice(1)) {
    const [name, destination] = line.split('\t');
    if (destination === '00000000') return name;
  }
  for (const line of routes6.split('\n')) {
    const columns = line.split(/\s+/);
    const name = columns[9];
    // Addresses without a route are thrown away by one to `lo`.
    if (columns[0] === '0'.repeat(32) && columns[1] === '00' && name !== 'lo') return name;
  }
  return undefined;
}

/** What an interface carried (/proc/net/dev); undefined: it is not there. */
export function trafficIn(devices: string, name: string): Traffic | undefined {
  for (const line of devices.split('\n')) {
    const [device, counts] = line.split(':');
    if (device?.trim() !== name || counts === undefined) continue;
    // Eight columns of what came in, eight of what went out; bytes are the first of each.
    const columns = counts.trim().split(/\s+/).map(Number);
    const [receivedBytes = Number.NaN, sentBytes = Number.NaN] = [columns[0], columns[8]];
    if (Number.isNaN(receivedBytes) || Number.isNaN(sentBytes)) return undefined;
    return { name, receivedBytes, sentBytes };
  }
  return undefined;
}

/**
 * The machine's battery (the `uevent` of a power supply); undefined: that is none, or one of a mouse or
 * the like.
 */
export function batteryIn(uevent: string): Snapshot['battery'] {
  const of = new Map(
    uevent.split('\n').map((line) => {
      const [key = '', value = ''] = line.split('=');
      return [key.replace('POWER_SUPPLY_', ''), value] as const;
    }),
  );
  if (of.get('TYPE') !== 'Battery' || of.get('SCOPE') === 'Device') return undefined;
  const full = Number(of.get('ENERGY_FULL') ?? of.get('CHARGE_FULL'));
  const left = Number(of.get('ENERGY_NOW') ?? of.get('CHARGE_NOW'));
  const percent = Number(of.get('CAPACITY') ?? (100 * left) / full);
  if (Number.isNaN(percent)) return undefined;
  const charge = Math.min(1, Math.max(0, percent / 100));
  // One that is full hangs on its charger, too.
  return { charge, isCharging: ['Charging', 'Full'].includes(of.get('STATUS') ?? '') };
}
