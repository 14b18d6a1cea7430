/**
 * The control plane: its actors in one process. Any number of such processes may run.
 *
 * Settings: SHOAL_NATS, SHOAL_SEED (see busSettings); SHOAL_COPY name of this copy, default one
 * made up; DURABILITY and SERVERS (see durabilityIn); SHOAL_METRICS_PORT port of `/metrics`,
 * none by default, on SHOAL_METRICS_HOST, by default loopback; SHOAL_LOG.
 */
import { pathToFileURL } from 'node:url';
import type { Durability } from '../subjects/durability.ts';
import { buckets } from '../subjects/index.ts';
import { inboxPrefix } from '../subjects/permissions.ts';
import { streamConfigs } from '../subjects/streams.ts';
import { claim } from './claim/actor.ts';
import { dead } from './dead/actor.ts';
import { deadJobs } from './dead/shell.ts';
import { discovery } from './discovery/actor.ts';
import { membership } from './membership/actor.ts';
import { pool } from './pool/actor.ts';
import { quota } from './quota/actor.ts';
import { retention } from './retention/actor.ts';
import { retentionJobs } from './retention/shell.ts';
import type { Actor } from './runtime/actor.ts';
import { watchClock } from './runtime/clock-set.ts';
import { durabilityIn } from './runtime/durability-setting.ts';
import { fenced } from './runtime/fenced.ts';
import { endWhenHung } from './runtime/hang-watch.ts';
import { Holders } from './runtime/holders.ts';
import { Host } from './runtime/host.ts';
import type { Log } from './runtime/log.ts';
import { serveMetrics } from './runtime/metrics.ts';
import { checkApart } from './runtime/nats/ask-services.ts';
import { durabilityInForce } from './runtime/nats/in-force.ts';
import { natsKeeper } from './runtime/nats/keeper.ts';
import {
  type BusProcess,
  busSettings,
  drainHosts,
  joinBus,
  serveHost,
  viewsCurrent,
} from './runtime/nats/process.ts';
import { sendPulses } from './runtime/nats/pulse.ts';
import { ensureStreams } from './runtime/nats/streams.ts';
import { systemClock } from './runtime/nats/system-clock.ts';
import type { Clock } from './runtime/ports.ts';
import { FAULT_EXIT, runProgram } from './runtime/program.ts';
import { listenForRecording } from './runtime/recording/listen.ts';
import { timedJobs } from './runtime/timed-jobs.ts';
import { otelTracing } from './runtime/tracing.ts';
import { tellUnknownKeys } from './runtime/unknown-keys.ts';
import { UnreadableLetters } from './runtime/unreadable-letters.ts';
import { VERSION } from './runtime/version.ts';
import { schedule } from './schedule/actor.ts';
import { scheduler } from './scheduler/actor.ts';
import { workload } from './workload/actor.ts';

/** Every actor of the control plane. */
export const actors = (): Actor[] =>
  [
    membership(),
    scheduler(),
    workload(),
    discovery(),
    schedule(),
    pool(),
    claim(),
    quota(),
    dead(),
    retention(),
  ] as unknown as Actor[];

/** Starts a control plane; the returned function stops it in order. */
export async function startControl(
  log: Log,
  environment: NodeJS.ProcessEnv = process.env,
  end: (code: number) => void = () => undefined,
  clock: Clock = systemClock,
): Promise<() => Promise<void>> {
  const name = environment['SHOAL_COPY'] || 'control';
  const durability = durabilityIn(environment);
  const identity = { role: 'control', name } as const;
  const bus = await joinBus(busSettings(environment), identity, { log, clock });
  // Before anything is changed: streams too belong to whoever runs already.
  await checkApart(bus.connection, 'this one');
  // Before anything that waits for the store: whoever listens is not to think that all are gone.
  const { servers } = durability;
  if (servers > 1) sendPulses(bus.connection, servers, inboxPrefix(identity));
  // One that was started without its settings must not take copies away from those that run.
  const copies = { replicas: durability.replicas, isLeast: !environment['DURABILITY'] };
  const changed = await ensureStreams(bus.connection, copies, (reason) =>
    log.warn('waiting for the servers', { reason }),
  );
  const copy = `${name}-${bus.ports.newId().slice(-8)}`;
  const tracing = otelTracing();
  const unreadable = new UnreadableLetters(bus.ports, bus.views);
  for (const bucket of buckets) {
    tellUnknownKeys(bucket, { views: bus.views, letters: unreadable, log });
  }
  const escalate = (reason: string): void => {
    log.error('too many faults; the control plane begins anew', { reason });
    end(FAULT_EXIT);
  };
  const { ports, views } = bus;
  const jobs = {
    ...retentionJobs(fenced(natsKeeper(bus.reading), ports), ports.store),
    ...timedJobs(ports.timed),
    ...deadJobs(ports.queue),
  };
  const holders = new Holders(ports);
  const hosts = actors().map(
    (actor) => new Host(actor, { ports, views, copy, log, tracing, escalate, jobs, holders }),
  );
  await viewsCurrent(bus.views);
  unreadable.check();
  for (const host of hosts) {
    host.start();
    serveHost(bus.connection, host, { version: VERSION, id: copy, views: bus.views });
    listenForRecording(bus.ports, host);
  }
  // Who asks from now on is heard: by this copy, or by the one that acts.
  await Promise.all(hosts.map((host) => new Promise<void>((done) => host.whenSettled(done))));
  const closeMetrics = await serveMetrics(
    hosts,
    environment['SHOAL_METRICS_PORT'],
    environment['SHOAL_METRICS_HOST'] || undefined,
  );
  await bus.connection.flush();
  const streams = changed.length > 0 ? `; set up ${changed.join(', ')}` : '';
  const told = await tellDurability(bus, durability, log);
  log.info(`control plane ready: ${told}${streams}`, { id: copy });
  const unwatch = watchClock(ports.clock, log);
  return async () => {
    unwatch();
    await closeMetrics();
    await drainHosts(hosts, bus);
  };
}

/** Says what is in force, and warns where that is not what was chosen. */
async function tellDurability(bus: BusProcess, chosen: Durability, log: Log): Promise<string> {
  const names = streamConfigs(chosen).map((config) => config.name);
  const found = await durabilityInForce(bus.connection, names);
  if (!found) return 'nothing says what an acknowledged write survives';
  if (found.level !== chosen.level) {
    const { level, syncInterval, replicas } = chosen;
    log.warn(`durability is ${found.level}, not ${level} as DURABILITY says`, {
      reason: `found ${replicasText(found.replicas)}, sync_interval ${found.syncInterval ?? 'unknown'}; wanted ${replicasText(replicas)} and ${syncInterval}: set sync_interval where nats-server is configured; to have fewer copies, set DURABILITY`,
    });
  }
  return `durability ${found.level}, an acknowledged write ${found.sentence}`;
}

function replicasText(replicas: number): string {
  return replicas === 1 ? '1 copy of each stream' : `${replicas} copies of each stream`;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  endWhenHung();
  await runProgram('shoal-control', (log, end) => startControl(log, process.env, end));
}
