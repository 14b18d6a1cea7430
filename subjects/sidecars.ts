/**
 * Sidecars: programs beside an instance's own, placed and booked together with it, started before it
 * and ended after it. docs/decisions/0028-a-sidecar-is-a-run-of-its-own.md.
 */
import { z } from 'zod';
import { FILES_BYTES_MAX, fileFaults, filesSpec } from './files.ts';
import type { PortSpec } from './ports.ts';
import { probeFaults, probesSpec } from './probes.ts';
import {
  bookedSizes,
  imageName,
  pidsLimit,
  programCommand,
  sizeLimits,
  variables,
} from './program.ts';
import { bytes, cpuMilli, spanMs, spanQuantity } from './quantity.ts';
import type { VolumeSpec } from './volumes.ts';

/** Most sidecars of a spec: what a node sees of each is told with the instance. */
export const SIDECARS_MAX = 8;
/** Longest grace of one, in milliseconds: they end one after another, after the program. */
const GRACE_MS_MAX = 600_000;

/** Name of a sidecar: a token of subjects, and part of the names of folders and containers. */
export const sidecarName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/, 'lower-case letters, digits and dashes, 1 to 32');

const sidecarSpec = z.strictObject({
  name: sidecarName.describe('Its name, like no other of the spec'),
  image: imageName.optional().describe("What its container is made of; default: the program's"),
  command: programCommand,
  environment: variables,
  files: filesSpec.optional(),
  resources: z
    .strictObject(bookedSizes)
    .prefault({})
    .describe('What is booked for it, beside what is booked for the program'),
  limits: z
    .strictObject({
      ...sizeLimits,
      pids: pidsLimit,
    })
    .prefault({}),
  probes: probesSpec
    .optional()
    .describe(
      'Asked like those of a service: what comes after it waits for its startup probe, and the instance is ready only while its readiness probe passes',
    ),
  restart: z
    .strictObject({
      attempts: z.number().int().min(0).max(100).default(5),
      window: spanQuantity.default('10m'),
    })
    .prefault({})
    .describe(
      'It is restarted whenever it ends; more often within the window ends the instance. While the program of a job runs there is no limit',
    ),
  grace: spanQuantity
    .refine((span) => spanMs(span) <= GRACE_MS_MAX, 'at most 10m')
    .default('10s')
    .describe('From SIGTERM to SIGKILL, at most 10m'),
});
export type SidecarSpec = z.infer<typeof sidecarSpec>;

export const sidecarsSpec = z
  .array(sidecarSpec)
  .max(SIDECARS_MAX)
  .describe(
    'Programs that run beside the instance, on its node: with its volumes, and with its network. Started before it, one after another, each once the one before is up; ended after it, the last one first',
  );

/** What of a spec these functions need to know. */
interface Grouped {
  readonly driver: string;
  readonly files?: z.infer<typeof filesSpec> | undefined;
  readonly volumes?: readonly VolumeSpec[] | undefined;
  readonly ports?: readonly Pick<PortSpec, 'name' | 'protocol'>[];
  readonly sidecars?: readonly SidecarSpec[] | undefined;
}

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What is booked for the sidecars of a spec, all together. */
export function sidecarAmounts({ sidecars = [] }: Pick<Grouped, 'sidecars'>): {
  readonly cpuMilli: number;
  readonly memoryBytes: number;
} {
  let amounts = { cpuMilli: 0, memoryBytes: 0 };
  for (const { resources } of sidecars) {
    amounts = {
      cpuMilli: amounts.cpuMilli + cpuMilli(resources.cpu),
      memoryBytes: amounts.memoryBytes + bytes(resources.memory),
    };
  }
  return amounts;
}

/** What is wrong with the sidecars of a spec; judged where a spec is asked for. */
export function sidecarFaults(spec: Grouped): readonly Fault[] {
  const { driver, sidecars = [], ports = [] } = spec;
  const faults: Fault[] = [];
  const names = new Set<string>();
  for (const [index, sidecar] of sidecars.entries()) {
    const { name, image, limits, files, probes, grace } = sidecar;
    const own: Fault[] = [];
    if (names.has(name)) {
      own.push({ path: ['name'], message: 'each sidecar needs a name of its own' });
    }
    names.add(name);
    if (driver === 'process' && image !== undefined) {
      own.push({ path: ['image'], message: 'image is only for driver docker' });
    }
    if (driver === 'process' && limits.pids !== undefined) {
      const message = 'a limit of processes is only for driver docker';
      own.push({ path: ['limits', 'pids'], message });
    }
    own.push(...fileFaults(files), ...probeFaults({ ports, probes, grace }));
    faults.push(...own.map((each) => ({ ...each, path: ['sidecars', index, ...each.path] })));
  }
  return [...faults, ...pathFaults(spec), ...sizeFaults(spec)];
}

/** Processes of an instance share its folder; containers its volumes, and have their files apart. */
function pathFaults({ driver, files = [], volumes = [], sidecars = [] }: Grouped): Fault[] {
  const faults: Fault[] = [];
  const shared = new Set(volumes.map(({ path }) => path));
  if (driver === 'process') for (const { path } of files) shared.add(path);
  for (const [index, sidecar] of sidecars.entries()) {
    const taken = driver === 'process' ? shared : new Set(shared);
    for (const [number, { path }] of (sidecar.files ?? []).entries()) {
      const at = ['sidecars', index, 'files', number, 'path'];
      if (taken.has(path)) faults.push({ path: at, message: `${path} is there already` });
      taken.add(path);
      if (driver === 'docker' && !path.startsWith('/')) {
        faults.push({ path: at, message: 'in a container a path is absolute' });
      }
      if (driver === 'process' && path.startsWith('/')) {
        const message = "of a process a path is below the instance's folder: leave out the first /";
        faults.push({ path: at, message });
      }
    }
  }
  return faults;
}

/** They all must fit into the record of their workload. */
function sizeFaults({ files = [], sidecars = [] }: Grouped): Fault[] {
  const all = [...files, ...sidecars.flatMap((each) => each.files ?? [])];
  const size = new TextEncoder().encode(JSON.stringify(all)).length;
  if (sidecars.length === 0 || size <= FILES_BYTES_MAX) return [];
  const message = `the files of program and sidecars take ${size} bytes, of ${FILES_BYTES_MAX}`;
  return [{ path: ['sidecars'], message }];
}
