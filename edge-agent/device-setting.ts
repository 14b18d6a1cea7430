/** The devices an agent offers: those its operator names, and what may be shared without harm. */
import { accessSync, constants } from 'node:fs';
import { StartError } from '../actors/runtime/start-error.ts';
import { DEVICE_COUNT_MAX, deviceName } from '../subjects/index.ts';
import type { DeviceSlot } from './drivers/devices.ts';

/**
 * Devices that any number of programs use side by side: found by themselves where this user may open
 * them. Given away so often that it is no limit, as Kubernetes' device plugin for KVM does.
 */
const SHARED = ['/dev/kvm'] as const;

const FORM = 'name=/dev/a+/dev/b, /dev/a or /dev/a:4';

/**
 * `SHOAL_DEVICES` read: `gpu=/dev/nvidia0,gpu=/dev/nvidia1+/dev/nvidiactl` are two of one name, each for
 * one run at a time; `/dev/ttyUSB0` one under its own name, `/dev/fuse:8` the same for eight runs at
 * a time. `off`: none, not even what is found. Throws StartError for anything else.
 */
export function devicesIn(text: string | undefined): readonly DeviceSlot[] {
  if (text === 'off') return [];
  const named = (text ?? '')
    .split(',')
    .filter(Boolean)
    .flatMap((each) => slotsOf(each.trim()));
  const found = SHARED.filter((path) => !named.some(({ name }) => name === path) && mayOpen(path));
  return [...named, ...found.flatMap((path) => slots(path, [path], DEVICE_COUNT_MAX))];
}

function slotsOf(text: string): readonly DeviceSlot[] {
  const [, name, files, file, times] =
    /^(?:([^/=][^=]*)=(\S+)|(\/[^:]+)(?::(\d{1,4}))?)$/.exec(text) ?? [];
  const paths = files?.split('+') ?? (file === undefined ? [] : [file]);
  const count = Number(times ?? 1);
  const isValid =
    paths.length > 0 &&
    paths.every((path) => path.startsWith('/dev/') && deviceName.safeParse(path).success) &&
    (name === undefined || deviceName.safeParse(name).success) &&
    count >= 1 &&
    count <= DEVICE_COUNT_MAX;
  if (!isValid)
    throw new StartError(`SHOAL_DEVICES: ${text} is not of the form ${FORM}; correct it`);
  return slots(name ?? (paths[0] as string), paths, count);
}

function slots(name: string, paths: readonly string[], count: number): readonly DeviceSlot[] {
  return Array.from({ length: count }, () => ({ name, paths }));
}

function mayOpen(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
