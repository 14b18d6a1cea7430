/** Makes sure that Prometheus can read what actors count of themselves. */
import { createServer } from 'node:http';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Counters } from './counters.ts';
import type { Host } from './host.ts';
import { StartError } from './start-error.ts';

type Count = Exclude<keyof Counters, 'routes' | 'route' | 'stepped'>;

const counts: Readonly<Record<Count, string>> = {
  steps: 'Steps run',
  overruns: 'Steps that ran longer than their budget',
  commits: 'Writes that were stored',
  conflicts: 'Writes that met another one',
  unanswered: 'Writes without an answer in time',
  waits: 'Messages that waited for a key in flight',
  faults: 'Steps that threw',
  malformed: 'Messages that no schema accepted',
  dropped: 'Messages dropped because the mailbox was full',
  abandoned: 'Messages given up after the most attempts',
  quarantined: 'Messages left out because they made their step throw before',
  lost: 'Messages that may be lost, and were: no stream confirmed them',
  dead: 'Dead letters written',
};

/** A registry over some actors; values are read when it is scraped. */
export function metricsOf(hosts: readonly Host[]): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const labelNames = ['actor', 'copy'] as const;
  for (const [name, help] of Object.entries(counts) as [Count, string][]) {
    const counter = new Counter({
      name: `shoal_actor_${name}_total`,
      help,
      labelNames,
      registers: [registry],
      collect() {
        counter.reset();
        for (const { actor, copy, counters } of hosts) {
          counter.inc({ actor: actor.name, copy }, counters[name]);
        }
      },
    });
  }
  const gauge = (name: string, help: string, read: (host: Host) => number): void => {
    const own = new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        for (const host of hosts) own.set({ actor: host.actor.name, copy: host.copy }, read(host));
      },
    });
  };
  gauge('shoal_actor_acting', 'Whether this copy acts: 1, or stands by: 0', (host) =>
    host.isActing ? 1 : 0,
  );
  gauge('shoal_mailbox_messages', 'Messages waiting', (host) => host.waiting);
  gauge('shoal_flows', 'Messages whose effects are under way', (host) => host.underWay);
  gauge('shoal_alarms', 'Alarms set', (host) => host.alarms);
  return registry;
}

/** Serves `/metrics`; without a port, nothing. `host` defaults to loopback. Throws StartError. */
export async function serveMetrics(
  hosts: readonly Host[],
  port: string | undefined,
  host = '127.0.0.1',
): Promise<() => Promise<void>> {
  if (!port) return async () => undefined;
  const registry = metricsOf(hosts);
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    void registry.metrics().then((text) => {
      response.writeHead(200, { 'Content-Type': registry.contentType }).end(text);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new StartError(`SHOAL_METRICS_PORT ${port} of ${host} cannot be used (${error.message})`),
      );
    });
    server.listen(Number(port), host, resolve);
  });
  return () => new Promise((resolve) => server.close(() => resolve()));
}
