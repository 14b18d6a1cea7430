/** The agent's shell: what its actor may `run`, on a real machine. */
import { hostname } from 'node:os';
import type { Log } from '../actors/runtime/log.ts';
import type { BusProcess } from '../actors/runtime/nats/process.ts';
import type { Job } from '../actors/runtime/ports.ts';
import { VERSION } from '../actors/runtime/version.ts';
import { type NodeFacts, PROTOCOL } from '../subjects/index.ts';
import { iopsClassOf } from './disk-class.ts';
import type { Devices } from './drivers/devices.ts';
import type { Drivers } from './drivers/drivers.ts';
import type { Given } from './drivers/given.ts';
import { handOffTo } from './handing-off.ts';
import type { NodeIdentity } from './identity.ts';
import type {
  AdoptReport,
  ForgetInput,
  Found,
  FreePortsInput,
  HandOffInput,
  InstanceReport,
  InstanceUse,
  ListReport,
  NoteInput,
  PreStopInput,
  ProbeInput,
  RelabelInput,
  SessionInput,
  StartInput,
  StopInput,
} from './jobs.ts';
import type { Printing } from './logs/position-book.ts';
import type { LogShipper } from './logs/shipper.ts';
import { capacityOf, hasBattery, MEASURE_MS, Meter, USES_MS } from './measure.ts';
import { hasProbes } from './parts.ts';
import { note, noted } from './probes/noted.ts';
import { Prober } from './probes/prober.ts';
import { SessionCarrier } from './sessions/carrier.ts';
import type { AgentSettings } from './settings.ts';
import { type Look, usesNow } from './use.ts';

export interface Shell {
  readonly jobs: Readonly<Record<string, Job>>;
  /** Ends what is carried on beside instances; they go on. */
  close(): Promise<void>;
}

export interface ShellParts {
  readonly settings: AgentSettings;
  readonly identity: NodeIdentity;
  readonly drivers: Drivers;
  readonly devices: Devices;
  readonly given: Given;
  readonly shipper: LogShipper;
  readonly bus: BusProcess;
  readonly log: Log;
  /** Ends the agent: it may not be this node. */
  giveUp(reason: string): void;
}

export function agentShell(parts: ShellParts): Shell {
  const { drivers, shipper, bus, settings } = parts;
  const meter = new Meter(settings.state);
  const prober = new Prober(drivers);
  const carrier = new SessionCarrier(bus.ports, parts.identity.node, drivers, shipper.held);
  let timer: NodeJS.Timeout | undefined;
  let isOpen = true;
  const follow = (input: StartInput | Found): void => void shipper.follow(printing(drivers, input));

  let look: Look | undefined;
  /** What instances use, now and then: an engine is asked about each. */
  const uses = async (): Promise<readonly InstanceUse[] | undefined> => {
    if (look && performance.now() - look.at < USES_MS) return undefined;
    const [before, seen] = [look, await drivers.uses()];
    look = { at: performance.now(), uses: seen };
    return usesNow(before, look);
  };
  const measure = async (report: (outcome: unknown) => void): Promise<void> => {
    try {
      report({ ...(await meter.measure()), uses: await uses() });
    } catch (error) {
      parts.log.warn('use cannot be measured', { error });
    }
    if (isOpen) timer = setTimeout(() => void measure(report), MEASURE_MS);
  };
  const forget = async ({ name }: ForgetInput): Promise<void> => {
    const forgotten = drivers.forgetting(name);
    await drivers.printed(name);
    await shipper.finish(name);
    forgotten();
  };
  const adopt = async (report: (outcome: AdoptReport) => void): Promise<void> => {
    // What is already over is told before everything is found: it is news only of what was found.
    const early: InstanceReport[] = [];
    let tell = (each: InstanceReport): void => void early.push(each);
    const found = await withNoted(drivers, await drivers.found((each) => tell(each)));
    for (const each of found) follow(each);
    report({ kind: 'found', found });
    tell = (each) => report({ kind: 'instance', report: each });
    for (const each of early) tell(each);
  };
  const list = async (report: (outcome: ListReport) => void): Promise<void> => {
    const told = (each: InstanceReport): void => report({ kind: 'instance', report: each });
    try {
      const listing = await drivers.list(told);
      const found = await withNoted(drivers, listing.found);
      for (const each of found) follow(each);
      report({ kind: 'listed', ...listing, found });
    } catch (error) {
      parts.log.warn('the driver cannot say what runs', { error });
      report({ kind: 'unknown' });
    }
  };
  const jobs: Record<string, Job> = {
    facts: (_input, report) => {
      let told = Promise.resolve();
      // One after another: what is told last is how it is.
      const tell = (): void => {
        told = told.then(async () => report(await factsOf(parts)));
      };
      // An engine that answers for the first time is news to the fabric.
      drivers.whenOfferChanges(tell);
      tell();
    },
    connection: (_input, report) => report(connectionOf(bus)),
    measure: (_input, report) => {
      clearTimeout(timer);
      void measure(report);
    },
    adopt: (_input, report) => void adopt(report),
    start: (input, report) => {
      drivers.start(input as StartInput, (each) => {
        if (each.kind === 'started') follow(input as StartInput);
        report(each);
      });
    },
    stop: (input, report) => drivers.stop(input as StopInput, report),
    probe: (input, report) => void prober.probe(input as ProbeInput).then(report),
    preStop: (input, report) => void prober.preStop(input as PreStopInput).then(report),
    openSession: (input, report) => void carrier.open(input as SessionInput, report),
    listSessions: (input, report) => report(carrier.opened((input as { tenant: string }).tenant)),
    endSession: (input) => carrier.end(String(input)),
    handOff: (input, report) => void handOffTo(drivers, input as HandOffInput).then(report),
    note: (input) => note(drivers.folder((input as NoteInput).name), input as NoteInput),
    list: (_input, report) => void list(report),
    relabel: (input) => drivers.relabel(input as RelabelInput),
    // At once: the start of whoever wants them comes next.
    freePorts: (input) => parts.given.forget((input as FreePortsInput).name),
    forget: (input) => void forget(input as ForgetInput),
    reread: () => bus.ports.fanout?.reread(),
    tellApart: (input) =>
      parts.log.error('this agent is not taken in; what runs here goes on', {
        node: parts.identity.node,
        reason: String(input),
      }),
    giveUp: (input) => parts.giveUp(String(input)),
  };
  return {
    jobs,
    close: () => {
      isOpen = false;
      clearTimeout(timer);
      return carrier.close();
    },
  };
}

/** What was found, with what its agent knew of it by its probes. */
function withNoted(drivers: Drivers, found: readonly Found[]): Promise<readonly Found[]> {
  return Promise.all(
    found.map(async (each) => {
      if (!hasProbes(each)) return each;
      return { ...each, noted: await noted(drivers.folder(each.name), each.run) };
    }),
  );
}

function printing(drivers: Drivers, of: StartInput | Found): Printing {
  const { name, tenant, workload, instance, sidecar, epoch } = of;
  return { name, tenant, workload, instance, sidecar, epoch, folder: drivers.folder(name) };
}

function connectionOf(bus: BusProcess) {
  const { info } = bus.connection;
  return { server: info?.server_id ?? '', client: info?.client_id ?? 0 };
}

async function factsOf(parts: ShellParts): Promise<NodeFacts> {
  const { settings, identity, drivers } = parts;
  const devices = parts.devices.offered();
  const [measured, isMobile, offers, iops] = await Promise.all([
    capacityOf(settings.state),
    settings.class === undefined ? hasBattery() : false,
    drivers.offers(),
    settings.iops ?? iopsClassOf(settings.state),
  ]);
  return {
    identity: identity.identity,
    class: settings.class ?? (isMobile ? 'mobile' : 'steady'),
    labels: settings.labels,
    architecture: process.arch,
    platform: process.platform,
    hostname: hostname(),
    address: settings.address,
    agentVersion: VERSION,
    protocol: PROTOCOL,
    drivers: offers,
    capacity: {
      ...{ ...measured, ...settings.capacity },
      ...(Object.keys(devices).length === 0 ? {} : { devices }),
    },
    ...(iops === undefined ? {} : { iops }),
  };
}
