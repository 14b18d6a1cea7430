/**
 * The agent of one node. Settings: settings.ts, and SHOAL_NATS, SHOAL_SEED, SHOAL_LOG.
 *
 * It may die at any time: what runs goes on without it and is taken over by the next one.
 */
import { pathToFileURL } from 'node:url';
import { watchClock } from '../actors/runtime/clock-set.ts';
import { Host } from '../actors/runtime/host.ts';
import type { Log } from '../actors/runtime/log.ts';
import {
  busSettings,
  drainHosts,
  joinBus,
  serveHost,
  viewsCurrent,
} from '../actors/runtime/nats/process.ts';
import { systemClock } from '../actors/runtime/nats/system-clock.ts';
import type { Clock } from '../actors/runtime/ports.ts';
import { FAULT_EXIT, runProgram } from '../actors/runtime/program.ts';
import { StartError } from '../actors/runtime/start-error.ts';
import { otelTracing } from '../actors/runtime/tracing.ts';
import { VERSION } from '../actors/runtime/version.ts';
import { agent } from './actor.ts';
import { Devices } from './drivers/devices.ts';
import type { Driver } from './drivers/driver.ts';
import { Drivers } from './drivers/drivers.ts';
import { Given } from './drivers/given.ts';
import { Ports } from './drivers/ports.ts';
import { ProcessDriver } from './drivers/process/driver.ts';
import { type NodeIdentity, nodeIdentity } from './identity.ts';
import { keysOf } from './keys.ts';
import { LogShipper } from './logs/shipper.ts';
import { type AgentSettings, agentSettings } from './settings.ts';
import { agentShell } from './shell.ts';

/** Longest grace when an agent ends what it runs because it is stopped itself. */
const GRACE_MS_MAX = 5_000;

/** Starts an agent; the returned function stops it and leaves what runs alone. */
export async function startAgent(
  log: Log,
  end: (code: number) => void,
  environment: NodeJS.ProcessEnv = process.env,
  clock: Clock = systemClock,
): Promise<() => Promise<void>> {
  const bus = busSettings(environment);
  const settings = agentSettings(environment, bus.servers);
  const identity = await nodeIdentity(settings.state, settings.node);
  const { node } = identity;
  const devices = new Devices(settings.devices);
  const given = new Given(new Ports(settings.ports), devices);
  const drivers = await openDrivers(settings, identity, given, log);
  const joined = await joinBus(
    bus,
    { role: 'agent', name: node },
    {
      ...{ log, clock, fanout: keysOf(node) },
    },
  );
  const shipper = new LogShipper(node, joined.ports.bus, log);
  const shell = agentShell({
    ...{ settings, identity, drivers, devices, given, shipper, bus: joined, log },
    giveUp: (reason) => {
      log.error(`this agent may not speak for node ${node}`, { node, reason });
      end(78);
    },
  });
  const host = new Host(agent(node), {
    ...{ ports: joined.ports, views: joined.views, log, jobs: shell.jobs },
    tracing: otelTracing(),
    writesLetters: false,
    escalate: (reason) => {
      log.error('too many faults; this agent begins anew', { node, reason });
      end(FAULT_EXIT);
    },
    copy: `${node}-${joined.ports.newId().slice(-8)}`,
  });
  await viewsCurrent(joined.views);
  host.start();
  serveHost(joined.connection, host, { version: VERSION, id: node, byIdOnly: true });
  log.info('agent ready', { node, path: settings.state });
  const unwatch = watchClock(joined.ports.clock, log);
  return async () => {
    unwatch();
    await shell.close();
    if (settings.onStop === 'end') await drivers.endAll(GRACE_MS_MAX);
    await drainHosts([host as unknown as Host], joined);
    drivers.leave();
    await shipper.close();
  };
}

/** What this agent runs instances with; an engine's driver is loaded where there is the engine. */
async function openDrivers(
  settings: AgentSettings,
  { node, identity }: NodeIdentity,
  given: Given,
  log: Log,
): Promise<Drivers> {
  const { state, root, address, docker, drivers } = settings;
  // Two fabrics on one machine may each have a node of this name.
  const agent = `${node}-${identity.slice(0, 8)}`;
  const all: Driver[] = [];
  if (drivers.includes('process')) {
    const own = { node, cgroups: agent, state, root, address, given };
    all.push(await ProcessDriver.open(own, log));
  }
  if (docker !== undefined && drivers.includes('docker')) {
    const { DockerDriver } = await import('./drivers/docker/driver.ts');
    const { dockerConfig: credentials, mounts, imageLimits } = settings;
    const own = { node, agent, state, address, socket: docker, credentials };
    all.push(await DockerDriver.open({ ...own, mounts, imageLimits }, given, log));
  }
  if (drivers.includes('memory')) {
    const { MemoryDriver } = await import('./drivers/memory/driver.ts');
    all.push(await MemoryDriver.open({ state, address, given }, new Map(), log));
  }
  const [first, ...others] = all;
  if (!first) {
    throw new StartError(
      'SHOAL_DRIVERS names only docker, and there is no engine; set SHOAL_DOCKER',
    );
  }
  return new Drivers([first, ...others], (driver, error) =>
    log.warn('a driver cannot say what runs', { actor: driver, error }),
  );
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runProgram('shoal-agent', (log, end) => startAgent(log, end));
}
