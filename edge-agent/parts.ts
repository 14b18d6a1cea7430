/**
 * The parts of an instance: its program, and its sidecars if its spec has any. Each is a run of a
 * driver with a name of its own: `<tenant>.<instance>`, and `<tenant>.<instance>.<sidecar>`.
 */
import { featuresOf, type SidecarSpec, type Spec } from '../subjects/index.ts';
import type { StartInput } from './jobs.ts';

/** Name of a sidecar of an instance: no name of an instance has its third token. */
export function sidecarPart(instance: string, sidecar: string): string {
  return `${instance}.${sidecar}`;
}

/** Whose part it is: `<tenant>.<instance>`. */
export function instanceOf(part: string): string {
  const [tenant = '', instance = ''] = part.split('.');
  return `${tenant}.${instance}`;
}

/** What the spec says of a sidecar; undefined: it has none of this name. */
export function sidecarIn(
  { spec }: { readonly spec: Pick<Spec, 'sidecars'> },
  name: string,
): SidecarSpec | undefined {
  return spec.sidecars?.find((each) => each.name === name);
}

/**
 * What a driver runs: the spec as it is for the program; for a sidecar the same with what is its own,
 * and without what is the program's alone. Throws when the spec has no such sidecar.
 */
export function programOf({ spec: assigned, sidecar }: Pick<StartInput, 'spec' | 'sidecar'>): Spec {
  const { spec } = assigned;
  if (sidecar === undefined) return spec;
  const own = sidecarIn(assigned, sidecar);
  if (!own) throw new Error(`cannot be started: its spec has no sidecar ${sidecar}`);
  const { command, environment, files, resources, limits, grace } = own;
  const {
    init: _init,
    mounts: _mounts,
    directory: _directory,
    sidecars: _sidecars,
    ...shared
  } = spec;
  return {
    ...shared,
    ...{ command, environment, files, limits, grace },
    ...{ image: own.image ?? spec.image, resources: { ...resources, disk: 0 } },
  };
}

/** Whether its parts are several: they then share what one alone would have to itself. */
export function hasSidecars({ spec }: Pick<StartInput, 'spec'>): boolean {
  return (spec.spec.sidecars ?? []).length > 0;
}

/** Whether it is asked anything again and again. */
export function hasProbes({ spec, sidecar }: Pick<StartInput, 'spec' | 'sidecar'>): boolean {
  if (sidecar === undefined) return featuresOf(spec.spec).includes('probes');
  return featuresOf({ probes: sidecarIn(spec, sidecar)?.probes }).includes('probes');
}
