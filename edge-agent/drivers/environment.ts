/** What Shoal itself tells an instance in its environment, whichever driver runs it. */
import type { StartInput } from '../jobs.ts';
import { programOf } from '../parts.ts';
import type { GivenDevices } from './devices.ts';

/** PORT, PORT_<NAME>, SHOAL_DEVICE_<NAME> and SHOAL_*, then the spec's own variables, which count before them. */
export function shoalVariables(
  input: StartInput,
  of: {
    readonly node: string;
    readonly ports: Readonly<Record<string, number>>;
    readonly devices?: GivenDevices | undefined;
  },
): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [name, port] of Object.entries(of.ports)) {
    variables['PORT'] ??= String(port);
    variables[`PORT_${name.toUpperCase().replaceAll('-', '_')}`] = String(port);
  }
  for (const [name, paths] of Object.entries(of.devices ?? {})) {
    const word = name
      .replace(/^\//, '')
      .toUpperCase()
      .replaceAll(/[^A-Z0-9]/g, '_');
    variables[`SHOAL_DEVICE_${word}`] = paths.join(',');
  }
  return {
    ...variables,
    SHOAL_TENANT: input.tenant,
    SHOAL_WORKLOAD: input.workload,
    SHOAL_INSTANCE: input.instance,
    SHOAL_NODE: of.node,
    SHOAL_EPOCH: String(input.epoch),
    SHOAL_ATTEMPT: String(input.attempt),
    ...(input.sidecar === undefined ? {} : { SHOAL_SIDECAR: input.sidecar }),
    ...programOf(input).environment,
  };
}
