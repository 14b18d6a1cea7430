/**
 * The control plane: its actors in one process. Any number of such processes may run.
 *
 * Settings: SHOAL_NATS, SHOAL_SEED (see busSettings); SHOAL_COPY name of this copy, default one
 * made up; SHOAL_REPLICAS 1 or 3; SHOAL_METRICS_PORT port of `/metrics` on loopback, none by
 * default; SHOAL_LOG.
 */
import { pathToFileURL } from 'node:url';
import { dead } from './dead/actor.ts';
import { membership } from './membership/actor.ts';
import type { Actor } from './runtime/actor.ts';
import { Host } from './runtime/host.ts';
import type { Log } from './runtime/log.ts';
import { serveMetrics } from './runtime/metrics.ts';
import {
  busSettings,
  drainHosts,
  joinBus,
  serveHost,
  viewsCurrent,
} from './runtime/nats/process.ts';
import { ensureStreams } from './runtime/nats/streams.ts';
import { FAULT_EXIT, runProgram } from './runtime/program.ts';
import { StartError } from './runtime/start-error.ts';
import { otelTracing } from './runtime/tracing.ts';
import { VERSION } from './runtime/version.ts';
import { scheduler } from './scheduler/actor.ts';
import { workload } from './workload/actor.ts';

/** Every actor of the control plane. */
export const actors = (): Actor[] =>
  [membership(), scheduler(), workload(), dead()] as unknown as Actor[];

/** Starts a control plane; the returned function stops it in order. */
export async function startControl(
  log: Log,
  environment: NodeJS.ProcessEnv = process.env,
  end: (code: number) => void = () => undefined,
): Promise<() => Promise<void>> {
  const name = environment['SHOAL_COPY'] || 'control';
  const replicas = replicasIn(environment);
  const bus = await joinBus(busSettings(environment), { role: 'control', name }, { log });
  const changed = await ensureStreams(bus.connection, { replicas });
  const copy = `${name}-${bus.ports.newId().slice(-8)}`;
  const tracing = otelTracing();
  const escalate = (reason: string): void => {
    log.error('too many faults; the control plane begins anew', { reason });
    end(FAULT_EXIT);
  };
  const hosts = actors().map(
    (actor) =>
      new Host(actor, { ports: bus.ports, views: bus.views, copy, log, tracing, escalate }),
  );
  await viewsCurrent(bus.views);
  for (const host of hosts) {
    host.start();
    serveHost(bus.connection, host, { version: VERSION, id: copy });
  }
  // Who asks from now on is heard: by this copy, or by the one that acts.
  await Promise.all(hosts.map((host) => new Promise<void>((done) => host.whenSettled(done))));
  const closeMetrics = await serveMetrics(hosts, environment['SHOAL_METRICS_PORT']);
  await bus.connection.flush();
  const streams = changed.length > 0 ? `; set up ${changed.join(', ')}` : '';
  log.info(`control plane ready, ${replicas} replica(s) of each stream${streams}`, { id: copy });
  return async () => {
    await closeMetrics();
    await drainHosts(hosts, bus);
  };
}

function replicasIn(environment: NodeJS.ProcessEnv): 1 | 3 {
  const text = environment['SHOAL_REPLICAS'] || '1';
  if (text === '1' || text === '3') return text === '1' ? 1 : 3;
  throw new StartError(`SHOAL_REPLICAS is ${text}; set it to 1, or to 3 on three servers`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runProgram('shoal-control', (log, end) => startControl(log, process.env, end));
}
