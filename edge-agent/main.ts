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
import { otelTracing } from '../actors/runtime/tracing.ts';
import { VERSION } from '../actors/runtime/version.ts';
import { agent } from './actor.ts';
import type { Driver } from './drivers/driver.ts';
import { Drivers } from './drivers/drivers.ts';
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
  const drivers = await openDrivers(settings, identity, log);
  const joined = await joinBus(
    bus,
    { role: 'agent', name: node },
    {
      ...{ log, clock, fanout: keysOf(node) },
    },
  );
  const shipper = new LogShipper(node, joined.ports.bus, log);
  const shell = agentShell({
    ...{ settings, identity, drivers, shipper, bus: joined, log },
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
  log: Log,
): Promise<Drivers> {
  const { state, root, address, docker } = settings;
  const ports = new Ports(settings.ports);
  // Two fabrics on one machine may each have a node of this name.
  const agent = `${node}-${identity.slice(0, 8)}`;
  const all: [Driver, ...Driver[]] = [
    await ProcessDriver.open({ node, cgroups: agent, state, root, address, ports }, log),
  ];
  if (docker !== undefined) {
    const { DockerDriver } = await import('./drivers/docker/driver.ts');
    const { dockerConfig: credentials, mounts, imageLimits } = settings;
    const own = { node, agent, state, address, socket: docker, credentials };
    all.push(await DockerDriver.open({ ...own, mounts, imageLimits }, ports, log));
  }
  return new Drivers(all, (driver, error) =>
    log.warn('a driver cannot say what runs', { actor: driver, error }),
  );
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runProgram('shoal-agent', (log, end) => startAgent(log, end));
}
