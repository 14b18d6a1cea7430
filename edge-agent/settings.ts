/** The agent's settings, from its environment. */
import { existsSync } from 'node:fs';
import { homedir, networkInterfaces } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { StartError } from '../actors/runtime/start-error.ts';
import {
  type AllowedMount,
  type Amounts,
  allowedMount,
  bits,
  bitsQuantity,
  bytes,
  bytesQuantity,
  cpuMilli,
  cpuQuantity,
  type IopsClass,
  iopsClasses,
  labelSet,
  MOUNTS_MAX,
  type NodeClass,
  nodeClass,
  nodeId,
} from '../subjects/index.ts';
import { devicesIn } from './device-setting.ts';
import type { DeviceSlot } from './drivers/devices.ts';
import { IMAGE_LIMITS, type ImageLimits } from './drivers/docker/image-choice.ts';
import { DEFAULT_PORTS, type PortRange } from './drivers/ports.ts';

export interface AgentSettings {
  /** `SHOAL_NODE`; default: what the host is called. */
  readonly node: string | undefined;
  /** `SHOAL_CLASS`: steady, gateway or mobile; default: mobile with a battery, else steady. */
  readonly class: NodeClass | undefined;
  /** `SHOAL_LABELS`: `zone=garage,disk=fast`. */
  readonly labels: Readonly<Record<string, string>>;
  /** `SHOAL_STATE`: folder of the agent; default `.shoal/agent`. */
  readonly state: string;
  /** `SHOAL_ROOT`: relative directories of specs are below it; default: the current folder. */
  readonly root: string;
  /** `SHOAL_ADDRESS`: where instances can be reached; default: found out. */
  readonly address: string;
  /** `SHOAL_CAPACITY`: `cpu=2,memory=1Gi,disk=10Gi,bandwidth=100M`; what is left out is measured. */
  readonly capacity: Partial<Amounts>;
  /** `SHOAL_DEVICES` (device-setting.ts): `gpu=/dev/nvidia0,/dev/ttyUSB0`, or `off`. */
  readonly devices: readonly DeviceSlot[];
  /** `SHOAL_IOPS`: class of the disk, low to premium; default: what the kernel tells of it. */
  readonly iops: IopsClass | undefined;
  /** `SHOAL_PORTS`: `20000-29999`. */
  readonly ports: PortRange;
  /** `SHOAL_ON_STOP`: what runs is left alone (`leave`, the default) or ended (`end`). */
  readonly onStop: 'leave' | 'end';
  /**
   * `SHOAL_DRIVERS`: what instances are run with here, of `process`, `docker` and `memory`; default:
   * `process,docker`. Instances of `memory` do nothing, and end with their agent.
   */
  readonly drivers: readonly DriverName[];
  /**
   * `SHOAL_DOCKER`: path of the socket of a Docker engine, or `off`; default: the usual one, where
   * it is. Undefined: this agent has no Docker driver.
   */
  readonly docker: string | undefined;
  /** `SHOAL_DOCKER_CONFIG`: folder of registry credentials; default: that of `docker login`. */
  readonly dockerConfig: string;
  /**
   * `SHOAL_MOUNTS`: folders of this machine that containers may have, with all below them, as
   * `/srv/models,/srv/data:rw`; read-only unless it says otherwise. Default: none.
   */
  readonly mounts: readonly AllowedMount[];
  /**
   * `SHOAL_IMAGES`: above the first percent of the engine's disk in use, pulled images that nobody
   * uses go until the second, as `85-80`, the default; `keep`: they never do.
   */
  readonly imageLimits: ImageLimits | undefined;
}

const driverNames = ['process', 'docker', 'memory'] as const;
type DriverName = (typeof driverNames)[number];

/** Where a Docker engine listens unless told otherwise. */
const DOCKER_SOCKET = '/var/run/docker.sock';

export function agentSettings(
  environment: NodeJS.ProcessEnv,
  servers: readonly string[],
): AgentSettings {
  const text = (name: string): string | undefined => environment[name] || undefined;
  return {
    node: checked('SHOAL_NODE', nodeId.optional(), text('SHOAL_NODE')),
    class: checked('SHOAL_CLASS', nodeClass.optional(), text('SHOAL_CLASS')),
    labels: checked('SHOAL_LABELS', labelSet, pairs('SHOAL_LABELS', text('SHOAL_LABELS'))),
    state: resolve(text('SHOAL_STATE') ?? '.shoal/agent'),
    root: resolve(text('SHOAL_ROOT') ?? '.'),
    address: text('SHOAL_ADDRESS') ?? ownAddress(servers),
    capacity: capacityIn(text('SHOAL_CAPACITY')),
    devices: devicesIn(text('SHOAL_DEVICES')),
    iops: checked('SHOAL_IOPS', z.enum(iopsClasses).optional(), text('SHOAL_IOPS')),
    ports: portsIn(text('SHOAL_PORTS')),
    onStop: checked('SHOAL_ON_STOP', z.enum(['leave', 'end']), text('SHOAL_ON_STOP') ?? 'leave'),
    drivers: checked(
      'SHOAL_DRIVERS',
      z.array(z.enum(driverNames)).min(1),
      (text('SHOAL_DRIVERS') ?? 'process,docker').split(',').map((each) => each.trim()),
    ),
    docker: dockerIn(text('SHOAL_DOCKER')),
    dockerConfig: resolve(
      text('SHOAL_DOCKER_CONFIG') ??
        text('DOCKER_CONFIG') ??
        join(text('HOME') ?? homedir(), '.docker'),
    ),
    mounts: mountsIn(text('SHOAL_MOUNTS')),
    imageLimits: imageLimitsIn(text('SHOAL_IMAGES')),
  };
}

function checked<T>(name: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new StartError(
    `${name} is not valid: ${parsed.error.issues[0]?.message ?? ''}; correct it`,
  );
}

function pairs(name: string, text: string | undefined): Record<string, string> {
  const found: Record<string, string> = {};
  for (const pair of (text ?? '').split(',').filter(Boolean)) {
    const at = pair.indexOf('=');
    if (at < 1) throw new StartError(`${name}: ${pair} is not of the form key=value; correct it`);
    found[pair.slice(0, at).trim()] = pair.slice(at + 1).trim();
  }
  return found;
}

const capacitySchema = z.strictObject({
  cpu: cpuQuantity.optional(),
  memory: bytesQuantity.optional(),
  disk: bytesQuantity.optional(),
  bandwidth: bitsQuantity.optional(),
});

function capacityIn(text: string | undefined): Partial<Amounts> {
  const { cpu, memory, disk, bandwidth } = checked(
    'SHOAL_CAPACITY',
    capacitySchema,
    pairs('SHOAL_CAPACITY', text),
  );
  return {
    ...(cpu === undefined ? {} : { cpuMilli: cpuMilli(cpu) }),
    ...(memory === undefined ? {} : { memoryBytes: bytes(memory) }),
    ...(disk === undefined ? {} : { diskBytes: bytes(disk) }),
    ...(bandwidth === undefined ? {} : { bandwidthBps: bits(bandwidth) }),
  };
}

function portsIn(text: string | undefined): PortRange {
  if (text === undefined) return DEFAULT_PORTS;
  const found = /^(\d{1,5})-(\d{1,5})$/.exec(text);
  const [from, to] = [Number(found?.[1]), Number(found?.[2])];
  if (!found || from < 1 || to > 65_535 || from > to) {
    throw new StartError(`SHOAL_PORTS is ${text}; give a range such as 20000-29999`);
  }
  return { from, to };
}

function mountsIn(text: string | undefined): readonly AllowedMount[] {
  const written = (text ?? '').split(',').filter(Boolean);
  const found = written.map((each) => {
    const [, path = '', how] = /^(.*?)(?::(ro|rw))?$/.exec(each.trim()) ?? [];
    return { path, readOnly: how !== 'rw' };
  });
  return checked('SHOAL_MOUNTS', z.array(allowedMount).max(MOUNTS_MAX), found);
}

function imageLimitsIn(text: string | undefined): ImageLimits | undefined {
  if (text === undefined) return IMAGE_LIMITS;
  if (text === 'keep') return undefined;
  const found = /^(\d{1,3})-(\d{1,3})$/.exec(text);
  const [highPercent, lowPercent] = [Number(found?.[1]), Number(found?.[2])];
  if (!found || highPercent > 100 || lowPercent > highPercent) {
    throw new StartError(`SHOAL_IMAGES is ${text}; give two percents such as 85-80, or keep`);
  }
  return { highPercent, lowPercent };
}

function dockerIn(text: string | undefined): string | undefined {
  if (text === 'off') return undefined;
  if (text === undefined) return existsSync(DOCKER_SOCKET) ? DOCKER_SOCKET : undefined;
  const path = text.replace(/^unix:\/\//, '');
  if (isAbsolute(path)) return path;
  throw new StartError(
    `SHOAL_DOCKER is ${text}, which is neither the path of a socket nor off; correct it`,
  );
}

/** Loopback where the bus is on loopback; else this machine's first address on a network. */
function ownAddress(servers: readonly string[]): string {
  if (servers.every((each) => /(^|\/|@)(127\.|localhost|\[::1\])/.test(each))) return '127.0.0.1';
  for (const addresses of Object.values(networkInterfaces())) {
    for (const each of addresses ?? []) {
      if (each.family === 'IPv4' && !each.internal) return each.address;
    }
  }
  return '127.0.0.1';
}
