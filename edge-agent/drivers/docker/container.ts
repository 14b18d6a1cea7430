/** What a container is made of: a start put into the engine's words, and its end put into ours. */
import type Docker from 'dockerode';
import { z } from 'zod';
import { bytes, cpuMilli, nodePortOf, type Spec } from '../../../subjects/index.ts';
import type { StartInput } from '../../jobs.ts';
import { programOf } from '../../parts.ts';
import type { GivenDevices } from '../devices.ts';
import { shoalVariables } from '../environment.ts';
import { endOf } from '../exit-code.ts';
import type { Kept } from '../run-folder.ts';
import type { Inspected } from './engine.ts';

/**
 * Labels of every container an agent makes: whose it is, and which run of which part of an instance;
 * of one that holds a network (group-network.ts) whose that is, and that it does.
 */
export const LABELS = {
  ...{ agent: 'shoal.agent', name: 'shoal.name', run: 'shoal.run' },
  ...{ holder: 'shoal.holder', role: 'shoal.role' },
} as const;

/** How the labels begin that are an agent's: a workload's own are never these. */
const OWN = 'shoal.';

/** The engine's own default period of a CPU limit, in microseconds. */
const PERIOD_US = 100_000;
/** The kernel takes no quota below a millisecond. */
const QUOTA_US_MIN = 1_000;
/** Fewest shares the kernel takes; 1024 are one CPU. */
const SHARES_MIN = 2;
/** The engine takes no memory limit below 6 MiB. */
const MEMORY_BYTES_MIN = 6 * 2 ** 20;
/**
 * Most output the engine keeps of a container, as two files of half of it: as much as the agent
 * keeps unsent of a process (logs/output-reader.ts).
 */
const LOG_FILE_SIZE = '32m';

/** Name of a run's container: the same for whoever makes it, so it is never made twice. */
export function containerName(agent: string, of: { readonly name: string; readonly run: number }) {
  return `shoal-${agent}-${of.name}-${of.run}`;
}

/** Port a program listens on in its container, by name: the spec's, else the one outside. */
function innerPorts(
  input: StartInput,
  ports: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  if (input.spec.kind !== 'service') return {};
  return Object.fromEntries(
    input.spec.spec.ports.map(({ name, container }) => [name, container ?? ports[name] ?? 0]),
  );
}

/** What of its ports is reached from outside, and whether it has a network at all. */
export function networkOf(
  input: StartInput,
  { address, ports }: Pick<Kept, 'address' | 'ports'>,
): Required<Pick<Docker.ContainerCreateOptions, 'ExposedPorts' | 'HostConfig'>> {
  const { spec } = input.spec;
  const inner = innerPorts(input, ports);
  const published: Record<string, { HostIp: string; HostPort: string }[]> = {};
  // What is reached over loopback is published nowhere else.
  const HostIp = address.startsWith('127.') ? address : '0.0.0.0';
  for (const each of 'ports' in spec ? spec.ports : []) {
    const within = nodePortOf(inner[each.name] ?? 0, each);
    const HostPort = String(ports[each.name]);
    published[within] = [...(published[within] ?? []), { HostIp, HostPort }];
  }
  return {
    ExposedPorts: Object.fromEntries(Object.keys(published).map((port) => [port, {}])),
    HostConfig: {
      PortBindings: published,
      // Not a bridge without ports: from there it could still call out.
      ...(spec.network === 'none' ? { NetworkMode: 'none' } : {}),
    },
  };
}

/** What the engine is asked to make. */
export function createOptions(of: {
  readonly agent: string;
  readonly node: string;
  readonly input: StartInput;
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly devices?: GivenDevices | undefined;
  /** What of this machine it finds where. */
  readonly mounts: readonly Docker.MountSettings[];
  /** The container whose network it has; undefined: it has its own. */
  readonly network?: string | undefined;
  /** What keeps it within its disk operations. */
  readonly io?: Docker.HostConfig | undefined;
}): Docker.ContainerCreateOptions {
  const { agent, node, input, ports, devices, mounts, network, io } = of;
  const program = programOf(input);
  const environment = shoalVariables(input, { node, ports: innerPorts(input, ports), devices });
  const { ExposedPorts, HostConfig } =
    network === undefined
      ? networkOf(input, of)
      : { ExposedPorts: {}, HostConfig: { NetworkMode: `container:${network}` } };
  return {
    name: containerName(agent, input),
    Image: program.image ?? '',
    // The command as it is, whatever the image would run by itself.
    Entrypoint: [...program.command],
    Cmd: [],
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    ...(program.directory === undefined ? {} : { WorkingDir: program.directory }),
    // The image's health check would cost a process every few seconds, and nobody asks for its outcome.
    Healthcheck: { Test: ['NONE'] },
    Labels: {
      ...labelsOf(input),
      ...{ [LABELS.agent]: agent, [LABELS.name]: input.name, [LABELS.run]: String(input.run) },
      'shoal.tenant': input.tenant,
      'shoal.workload': input.workload,
      'shoal.instance': input.instance,
    },
    ExposedPorts,
    Tty: false,
    OpenStdin: false,
    HostConfig: {
      ...HostConfig,
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': LOG_FILE_SIZE, 'max-file': '2' } },
      // With this right a program may send past the queue of its interface (PACKET_QDISC_BYPASS, packet(7)).
      ...(input.spec.spec.limits.bandwidth === undefined ? {} : { CapDrop: ['NET_RAW'] }),
      ...(mounts.length === 0 ? {} : { Mounts: [...mounts] }),
      ...(devices === undefined ? {} : { Devices: devicesOf(devices) }),
      ...limitsOf(program),
      ...io,
    },
  };
}

/** The labels of its workload, as they are. One that begins like an agent's own would make it another thing. */
function labelsOf({ spec: { labels = {} } }: StartInput): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !name.startsWith(OWN)));
}

/** Under its own path, to be read and written; not to be made again under another one. */
function devicesOf(given: GivenDevices): Docker.DeviceMapping[] {
  const paths = [...new Set(Object.values(given).flat())];
  return paths.map((path) => ({
    ...{ PathOnHost: path, PathInContainer: path, CgroupPermissions: 'rw' },
  }));
}

function limitsOf(spec: Spec): Docker.HostConfig {
  const booked = cpuMilli(spec.resources.cpu);
  const memory = bytes(spec.limits.memory ?? spec.resources.memory);
  const Memory = memory === 0 ? 0 : Math.max(MEMORY_BYTES_MIN, memory);
  return {
    CpuShares: Math.max(SHARES_MIN, Math.round((booked * 1024) / 1000)),
    ...(spec.limits.cpu === undefined
      ? {}
      : {
          CpuPeriod: PERIOD_US,
          CpuQuota: Math.max(
            QUOTA_US_MIN,
            Math.round((cpuMilli(spec.limits.cpu) * PERIOD_US) / 1000),
          ),
        }),
    // Memory and swap together: no swap.
    ...(Memory === 0 ? {} : { Memory, MemorySwap: Memory }),
    ...(spec.limits.pids === undefined ? {} : { PidsLimit: spec.limits.pids }),
  };
}

/** How a run ended. */
export interface End {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly message: string | undefined;
  /** Nothing of it was tried: its engine could not be asked. */
  readonly isUntried?: true | undefined;
}

/** Whether a container was made, and has not run: somebody may have asked its engine to start it. */
export function isUnstarted(container: Inspected | null): boolean {
  return container?.State.Status === 'created';
}

/** The end of a container that does not run; undefined: it runs. */
export function endIn(container: Inspected): End | undefined {
  const unknown = { exitCode: undefined, signal: undefined };
  if (!container) return { ...unknown, message: 'its container is gone' };
  const { State: state } = container;
  if (state.Running) return undefined;
  if (isUnstarted(container)) {
    const why = state.Error || 'its agent ended before';
    return { ...unknown, message: `was not started: ${why}` };
  }
  const end = endOf(String(state.ExitCode));
  if (!state.OOMKilled) return { ...end, message: undefined };
  return { ...end, message: 'ended by the kernel: more memory than its limit' };
}

const endSchema = z.object({
  exitCode: z.number().optional(),
  signal: z.string().optional(),
  message: z.string().optional(),
  isUntried: z.literal(true).optional(),
});

/** The end that was written down of a run; undefined: none was. */
export function keptEnd(text: string | undefined): End | undefined {
  if (text === undefined) return undefined;
  try {
    const { exitCode, signal, message, isUntried } = endSchema.parse(JSON.parse(text));
    return { exitCode, signal, message, ...(isUntried ? { isUntried } : {}) };
  } catch {
    return { exitCode: undefined, signal: undefined, message: 'nobody knows how it ended' };
  }
}
