/** Features: what a spec may need of an agent beyond the first protocol. */
import type { z } from 'zod';
import type { DeviceCounts } from './devices.ts';
import type { PortSpec } from './ports.ts';
import { type PreStop, probeNames, type probesSpec } from './probes.ts';
import type { SidecarSpec } from './sidecars.ts';
import type { VolumeSpec } from './volumes.ts';

/**
 * All there are. An agent that would ignore one is not given a spec that needs it: drivers say what
 * they heed (node.ts), and schedulers look. `memory-volumes`: those of a size, in memory.
 */
export const features = [
  'probes',
  'pre-stop',
  'init',
  'files',
  'volumes',
  'memory-volumes',
  'mounts',
  'fixed-ports',
  'udp',
  'network-none',
  'sidecars',
  'devices',
  'disk-limit',
  'bandwidth-limit',
  'iops-limit',
] as const;
export type Feature = (typeof features)[number];

/** What these functions need to know of a spec. */
interface Featured {
  readonly probes?: z.infer<typeof probesSpec> | undefined;
  readonly preStop?: PreStop | undefined;
  readonly init?: readonly unknown[] | undefined;
  readonly files?: readonly unknown[] | undefined;
  readonly volumes?: readonly VolumeSpec[] | undefined;
  readonly mounts?: readonly unknown[] | undefined;
  readonly ports?: readonly PortSpec[] | undefined;
  readonly network?: string | undefined;
  readonly sidecars?: readonly SidecarSpec[] | undefined;
  readonly resources?: { readonly devices?: DeviceCounts | undefined };
  readonly limits?: {
    readonly disk?: number | string | undefined;
    readonly bandwidth?: number | string | undefined;
    readonly iops?: string | undefined;
  };
}

/** What of a spec an agent must heed: one that does not may not have it. */
export function featuresOf(spec: Featured): readonly Feature[] {
  const { probes, preStop, init = [], files = [], volumes = [], mounts = [], ports = [] } = spec;
  const { sidecars = [] } = spec;
  const needed: Readonly<Record<Feature, boolean>> = {
    probes: probeNames.some((name) => probes?.[name] !== undefined),
    'pre-stop': preStop !== undefined,
    init: init.length > 0,
    files: files.length > 0,
    volumes: volumes.length > 0,
    'memory-volumes': volumes.some(({ medium }) => medium === 'memory'),
    mounts: mounts.length > 0,
    'fixed-ports': ports.some(({ host }) => host !== undefined),
    udp: ports.some(({ protocol }) => protocol === 'udp'),
    'network-none': spec.network === 'none',
    sidecars: sidecars.length > 0,
    devices: Object.keys(spec.resources?.devices ?? {}).length > 0,
    'disk-limit': spec.limits?.disk !== undefined,
    'bandwidth-limit': spec.limits?.bandwidth !== undefined,
    'iops-limit': spec.limits?.iops !== undefined,
  };
  return features.filter((feature) => needed[feature]);
}
