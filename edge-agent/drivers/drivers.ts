/**
 * All drivers of an agent as one: each instance is its spec's driver's. One driver that cannot say
 * what it runs leaves what is concluded about the others as it is.
 */
import { otelTracing, type Spanned, spanHere } from '../../actors/runtime/tracing.ts';
import { type DriverOffer, sessionOutcome } from '../../subjects/index.ts';
import type {
  Found,
  InstanceReport,
  Listing,
  RelabelInput,
  StartInput,
  StopInput,
} from '../jobs.ts';
import type {
  Begun,
  CopyInput,
  Driver,
  ExecInput,
  Executed,
  InteractInput,
  Output,
  Report,
  SignalInput,
  Use,
} from './driver.ts';
import { Ends, type RunEnd } from './ends.ts';

/** Something under way, and the reports that end it. */
interface Under {
  readonly span: Spanned;
  readonly ends: readonly InstanceReport['kind'][];
}

/** The first driver answers for what was never heard of. */
export class Drivers {
  readonly #all: readonly [Driver, ...Driver[]];
  /** Whose each instance is. */
  readonly #of = new Map<string, Driver>();
  /** The newest start of each instance by this process. */
  readonly #newest = new Map<string, StartInput>();
  /** What is under way of runs, where somebody follows it: their spans. */
  readonly #under = new Map<string, readonly Under[]>();
  readonly #ends = new Ends();
  readonly #failed: (driver: string, error: unknown) => void;
  /** What runs is being ended, and the agent with it. */
  #isEnding = false;

  /** `failed` is told of a driver that cannot say what it runs. */
  constructor(
    all: readonly [Driver, ...Driver[]],
    failed: (driver: string, error: unknown) => void,
  ) {
    this.#all = all;
    this.#failed = failed;
  }

  /** What each driver offers, of those that offer something. */
  async offers(): Promise<Record<string, DriverOffer>> {
    const offers: Record<string, DriverOffer> = {};
    for (const driver of this.#all) {
      const offer = await driver.offer();
      if (offer) offers[driver.name] = offer;
    }
    return offers;
  }

  whenOfferChanges(call: () => void): void {
    for (const driver of this.#all) driver.whenOfferChanges?.(call);
  }

  async found(report: Report): Promise<readonly Found[]> {
    const found: Found[] = [];
    for (const driver of this.#all) {
      for (const each of await driver.found(this.#hearing(report))) {
        this.#of.set(each.name, driver);
        found.push(each);
      }
    }
    return found;
  }

  async list(report: Report): Promise<Listing> {
    const found: Found[] = [];
    const busy: string[] = [];
    for (const driver of this.#all) {
      try {
        const listing = await driver.list(this.#hearing(report));
        for (const each of listing.found) this.#of.set(each.name, driver);
        found.push(...listing.found);
        busy.push(...listing.busy);
      } catch (error) {
        this.#failed(driver.name, error);
        for (const [name, its] of this.#of) if (its === driver) busy.push(name);
      }
    }
    return { found, busy };
  }

  start(input: StartInput, report: Report): void {
    // Whoever asks sees an end and does not know of the agent's own.
    if (this.#isEnding) return;
    const { driver: wanted } = input.spec.spec;
    const driver = this.#all.find(({ name }) => name === wanted);
    if (!driver) {
      const message = `this node does not offer driver ${wanted}`;
      const end = { exitCode: undefined, signal: undefined, message };
      const { name, run } = input;
      const exited: InstanceReport = { name, run, kind: 'exited', ...end };
      return report(exited);
    }
    const before = this.#of.get(input.name);
    if (before && before !== driver) before.forget(input.name);
    this.#of.set(input.name, driver);
    this.#newest.set(input.name, input);
    this.#spanned(`${driver.name} start`, input, ['started', 'exited'], () =>
      driver.start(input, this.#hearing(report)),
    );
  }

  stop(input: StopInput, report: Report): void {
    const driver = this.#driverOf(input.name);
    this.#spanned(`${driver.name} stop`, input, ['exited'], () =>
      driver.stop(input, this.#hearing(report)),
    );
  }

  relabel(input: RelabelInput): void {
    this.#driverOf(input.name).relabel(input);
  }

  /**
   * An instance is to be forgotten. What is returned does it, unless the instance was started again
   * meanwhile: that start is another one's, and is forgotten by itself.
   */
  forgetting(name: string): () => void {
    const before = this.#newest.get(name);
    return () => {
      if (this.#newest.get(name) !== before) return;
      this.#driverOf(name).forget(name);
      this.#of.delete(name);
      this.#newest.delete(name);
      this.#ends.forget(name);
    };
  }

  exec(input: ExecInput): Promise<Executed> {
    const driver = this.#driverOf(input.name);
    const span = spanHere(`${driver.name} exec`);
    return driver.exec(input).finally(() => span.end());
  }

  /** What all runs use, of those somebody can tell of. */
  async uses(): Promise<readonly Use[]> {
    return (await Promise.all(this.#all.map((driver) => driver.uses()))).flat();
  }

  interact(input: InteractInput, output: Output): Promise<Begun> {
    const driver = this.#driverOf(input.name);
    return lasting(`${driver.name} exec`, () => driver.interact(input, output));
  }

  async copy(input: CopyInput, output: Output): Promise<Begun> {
    const driver = this.#driverOf(input.name);
    const message = `what the ${driver.name} driver runs has no files to copy`;
    return lasting(
      `${driver.name} copy`,
      async () => driver.copy?.(input, output) ?? { kind: 'unsupported', message },
    );
  }

  /** Calls once when a run has ended (ends.ts); undefined: it is over already. */
  whenEnded(name: string, run: number, call: (end: RunEnd) => void): (() => void) | undefined {
    return this.#ends.when(name, run, call);
  }

  signal(input: SignalInput): void {
    this.#driverOf(input.name).signal?.(input);
  }

  /** How long a connection to an instance must stay, in milliseconds (driver.ts). */
  staysMs(name: string): number {
    return this.#driverOf(name).staysMs;
  }

  /** Resolves when what is over has all that it printed in its files. */
  async printed(name: string): Promise<void> {
    await this.#driverOf(name).printed?.(name);
  }

  folder(name: string): string {
    return this.#driverOf(name).folder(name);
  }

  /** Ends everything that runs, each within its grace and `graceMsMax`; nothing is started any more. */
  async endAll(graceMsMax: number): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#all.map((driver) => driver.endAll(graceMsMax)));
  }

  leave(): void {
    for (const driver of this.#all) driver.leave();
  }

  /** Begins something about a run: a span until one of these is reported of it, by whatever way. */
  #spanned(
    what: string,
    { name, run }: { readonly name: string; readonly run: number },
    ends: readonly InstanceReport['kind'][],
    begin: () => void,
  ): void {
    const span = spanHere(what);
    if (span.traceparent !== undefined) {
      const key = `${name} ${run}`;
      this.#under.set(key, [...(this.#under.get(key) ?? []), { span, ends }]);
    }
    otelTracing().within(span.traceparent, begin);
  }

  #hearing(report: Report): Report {
    return (each) => {
      this.#ends.note(each);
      const key = `${each.name} ${each.run}`;
      const under = this.#under.get(key) ?? [];
      const open = under.filter(({ span, ends }) => {
        const isOver = ends.includes(each.kind);
        // A run that ends before it was started could not be.
        const isFailed = isOver && each.kind === 'exited' && ends.includes('started');
        if (isOver) span.end(isFailed ? (each.message ?? 'ended') : undefined);
        return !isOver;
      });
      if (open.length > 0) this.#under.set(key, open);
      else if (under.length > 0) this.#under.delete(key);
      report(each);
    };
  }

  #driverOf(name: string): Driver {
    return this.#of.get(name) ?? this.#all[0];
  }
}

/** Begins what somebody is at: a span until it is over, with how it ended. */
async function lasting(what: string, begin: () => Promise<Begun>): Promise<Begun> {
  const span = spanHere(what);
  const begun = await otelTracing().within(span.traceparent, begin);
  if (begun.kind === 'live') {
    void begun.live.ended.then((end) =>
      'refused' in end ? span.end(end.refused.code) : span.end(undefined, sessionOutcome(end)),
    );
  } else span.end(begun.kind === 'refused' ? begun.because.code : begun.message);
  return begun;
}
