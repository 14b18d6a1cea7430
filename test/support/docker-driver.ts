/** The Docker driver as tests open it: as an agent would, on an engine of theirs. */
import { join } from 'node:path';
import { type Log, silentLog } from '../../actors/runtime/log.ts';
import { Devices } from '../../edge-agent/drivers/devices.ts';
import { DockerDriver } from '../../edge-agent/drivers/docker/driver.ts';
import type { DockerSettings } from '../../edge-agent/drivers/docker/settings.ts';
import { Given } from '../../edge-agent/drivers/given.ts';
import { Ports } from '../../edge-agent/drivers/ports.ts';

/** How many ports a driver of a test gives away. */
const PORTS = 1_000;

export interface DriverOfTest
  extends Pick<DockerSettings, 'agent' | 'state' | 'socket'>,
    Partial<Pick<DockerSettings, 'credentials' | 'mounts' | 'registrySilentMs'>> {
  /** The first port it gives away, or who does; like no other's that runs at the same time. */
  readonly ports: number | ConstructorParameters<typeof Given>[0];
  /** Default: none. */
  readonly devices?: ConstructorParameters<typeof Devices>[0];
  readonly log?: Log;
}

/** Opens one over a folder, on node n1; its credentials are in `credentials` of that folder. */
export function openDockerDriver(of: DriverOfTest): Promise<DockerDriver> {
  const { ports, devices = [], log = silentLog, ...settings } = of;
  const given =
    typeof ports === 'number' ? new Ports({ from: ports, to: ports + PORTS - 1 }) : ports;
  return DockerDriver.open(
    {
      ...{ node: 'n1', address: '127.0.0.1', mounts: [], imageLimits: undefined },
      credentials: join(of.state, 'credentials'),
      ...settings,
    },
    new Given(given, new Devices(devices)),
    log,
  );
}
