/**
 * Devices: parts of a node that are counted, not measured. A device has the name its node's operator
 * gives it (`gpu`), or is a file below `/dev` (`/dev/kvm`).
 */
import { z } from 'zod';

/** Most devices a spec may name, and most a node may offer: with their names they must fit into a join. */
const DEVICES_MAX = 32;
/** Most of one device: as many as a node gives away of one that all may share (edge-agent/device-setting.ts). */
export const DEVICE_COUNT_MAX = 1_000;

/** A name of one's own, or a file below /dev. */
export const deviceName = z
  .string()
  .regex(
    /^([a-z][a-z0-9-]{0,31}|\/dev(\/[A-Za-z0-9_][\w.@:-]{0,47}){1,3})$/,
    'a name like gpu, or a device file like /dev/kvm',
  );

const names = (of: object): boolean => Object.keys(of).length <= DEVICES_MAX;

/** What an instance asks for: how many of each. */
export const askedDevices = z
  .record(deviceName, z.number().int().min(1).max(DEVICE_COUNT_MAX))
  .refine(names, `at most ${DEVICES_MAX} devices`)
  .describe('Devices of the node, each with how many, e.g. {gpu: 1} or {/dev/kvm: 1}');

/** How many there are of each, or are booked. Tolerant: what a later agent names is no error. */
export const deviceCounts = z.record(z.string().max(160), z.number().int().min(0));
export type DeviceCounts = z.infer<typeof deviceCounts>;
