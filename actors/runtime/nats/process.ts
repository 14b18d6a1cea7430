/**
 * Makes sure that a process is on the bus: connected, with its ports and views, and with its
 * actors answering the services protocol.
 */
import { readFile } from 'node:fs/promises';
import { type NatsConnection, nkeys } from 'nats';
import { PROTOCOL } from '../../../subjects/index.ts';
import { type Identity, inboxPrefix } from '../../../subjects/permissions.ts';
import type { FanoutKeys } from '../fanout.ts';
import type { Host } from '../host.ts';
import type { Log } from '../log.ts';
import type { Clock, Close } from '../ports.ts';
import { StartError } from '../start-error.ts';
import { Views } from '../views.ts';
import { connectBus } from './connection.ts';
import { type NatsPorts, natsPorts } from './ports.ts';
import { keepWithMajority } from './pulse.ts';
import type { Reading } from './push-consumer.ts';
import { answerServices, type Endpoint } from './services.ts';
import { watchDenied, watchStatus } from './status.ts';

/** Where the bus is, as every program's settings say it. */
export interface BusSettings {
  /** `SHOAL_NATS`: addresses with commas between. */
  readonly servers: readonly string[];
  /** `SHOAL_SEED`: file with the seed of the program's nkey; none: the server asks for none. */
  readonly seedFile: string | undefined;
}

export const DEFAULT_SERVERS = 'nats://127.0.0.1:4222';

/** The bus settings in an environment. */
export function busSettings(environment: NodeJS.ProcessEnv = process.env): BusSettings {
  return {
    servers: (environment['SHOAL_NATS'] || DEFAULT_SERVERS).split(',').map((each) => each.trim()),
    seedFile: environment['SHOAL_SEED'] || undefined,
  };
}

export interface BusProcess {
  readonly connection: NatsConnection;
  readonly ports: NatsPorts;
  readonly views: Views;
  /** For readers of streams (tail.ts). */
  readonly reading: Reading;
}

/** Connects a process. Throws StartError. */
export async function joinBus(
  settings: BusSettings,
  identity: Identity,
  options: {
    readonly log: Log;
    readonly fanout?: FanoutKeys;
    readonly timeoutMs?: number;
    /** What time it is; default: the machine's clock. */
    readonly clock?: Clock;
  },
): Promise<BusProcess> {
  const seed = settings.seedFile === undefined ? undefined : await readSeed(settings.seedFile);
  const timeout = options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs };
  const connection = await connectBus({ servers: settings.servers, seed }, identity, timeout);
  const { log, fanout, clock } = options;
  tellConnection(connection, log);
  keepWithMajority(connection, log);
  const more = { ...(fanout ? { fanout } : {}), ...(clock ? { clock } : {}) };
  const ports = natsPorts(connection, identity, { log, ...more });
  const { exchange, newId } = ports;
  ports.storeWatch?.start();
  return {
    connection,
    ports,
    views: new Views(ports.store, ports.clock, options.log),
    reading: { connection, exchange, inbox: inboxPrefix(identity), newId },
  };
}

/** Says when the connection is lost and where it is back: what follows from it has that cause. */
function tellConnection(connection: NatsConnection, log: Log): void {
  let lostAt = performance.now();
  watchStatus(connection, (isConnected) => {
    const server = connection.info?.server_name;
    if (isConnected) {
      const durationMs = Math.round(performance.now() - lostAt);
      log.info('connected to nats-server again', { server, durationMs });
    } else {
      lostAt = performance.now();
      log.warn('the connection to nats-server is lost', { server });
    }
  });
  void watchDenied(connection, (operation, subject) => {
    log.error(
      'nats-server does not let this program speak on a subject: give it the users of this version, or start the program with the right seed',
      { subject, reason: operation },
    );
  });
}

/** The seed in a file. Throws StartError. */
export async function readSeed(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) {
    throw new StartError(`cannot read the seed file ${file}; set SHOAL_SEED to one that is there`);
  }
  const seed = text.trim();
  try {
    nkeys.fromSeed(new TextEncoder().encode(seed));
  } catch {
    throw new StartError(
      `the seed file ${file} holds no seed of an nkey; set SHOAL_SEED to one that does`,
    );
  }
  return seed;
}

/** Resolves when every view is current; throws StartError after too long. */
export async function viewsCurrent(views: Views, withinMs = 30_000): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new StartError('the store cannot be read; is a control plane running on this bus?'));
    }, withinMs);
  });
  await Promise.race([new Promise<void>((resolve) => views.start(resolve)), late]);
  clearTimeout(timer);
}

/** Answers the services protocol for an actor until closed. */
export function serveHost(
  connection: NatsConnection,
  host: Host<never, never> | Host,
  options: {
    readonly version: string;
    readonly id: string;
    readonly byIdOnly?: boolean;
    readonly views?: Views;
  },
): Close {
  const { actor, counters } = host;
  return answerServices(
    connection,
    {
      name: `shoal-${actor.name}`,
      id: options.id,
      version: options.version,
      description: actor.sentence,
      metadata: { copy: host.copy, protocol: String(PROTOCOL) },
      endpoints: () =>
        actor.routes.map((route): Endpoint => {
          const counts = counters.route(route.contract.name);
          return {
            name: route.contract.name.replaceAll('.', '-'),
            subject: route.contract.subject.pattern,
            queue: route.delivery === 'shared' ? actor.name : '',
            requests: counts.handled,
            errors: counts.failed,
            lastError: counts.lastError,
            processingNs: counts.processingNs,
          };
        }),
      counts: () => ({
        steps: counters.steps,
        commits: counters.commits,
        conflicts: counters.conflicts,
        unanswered: counters.unanswered,
        waits: counters.waits,
        faults: counters.faults,
        malformed: counters.malformed,
        dropped: counters.dropped,
        abandoned: counters.abandoned,
        overruns: counters.overruns,
        waiting: host.waiting,
        underWay: host.underWay,
        alarms: host.alarms,
        quarantined: counters.quarantined,
        lost: counters.lost,
        dead: counters.dead,
        acting: host.isActing ? 1 : 0,
        ...(options.views ? { unreadable: options.views.unreadableNow } : {}),
      }),
    },
    options.byIdOnly === undefined ? {} : { byIdOnly: options.byIdOnly },
  );
}

/** Stops hosts in order: nothing new is taken, what is under way ends, then the connection. */
export async function drainHosts(hosts: readonly Host[], bus: BusProcess): Promise<void> {
  await Promise.all(hosts.map((host) => new Promise<void>((resolve) => host.drain(resolve))));
  await leaveBus(bus);
}

/** How long what was said last may take to reach the server, in milliseconds. */
const LEAVE_MS = 2_000;

/** Leaves the bus: what was said is still sent. A server that is gone is not waited for. */
export async function leaveBus(bus: BusProcess): Promise<void> {
  bus.views.close();
  bus.ports.storeWatch?.close();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LEAVE_MS);
  });
  // A connection that breaks on the way has nothing left to send.
  await Promise.race([bus.connection.drain().catch(() => undefined), late]);
  clearTimeout(timer);
  await bus.connection.close();
}
