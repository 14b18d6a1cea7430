/**
 * Makes sure that an actor lives: its messages are handled one at a time (R1), its effects are
 * performed in order (R2), what was refused is decided again on fresh views (R3), and everything
 * it keeps has a limit (R6).
 *
 * Owns: the mailbox, the actor's private state, its alarms and held keys.
 * Not: the views (shared by the process), the connection.
 *
 * I1  A step runs to its end before the next begins; a fold never runs inside a step.
 * I2  Every message taken in is acknowledged, answered, repeated, or counted as abandoned.
 * I3  A step that throws costs the actor its private state, never the process: the state is built
 *     again from the views (R4). What throws again and again is set aside (failures.ts).
 */
import { leaseRecord, type RecordContract, refusal, tokensIn } from '../../subjects/index.ts';
import type { Actor, Context, Follow } from './actor.ts';
import { Alarms } from './alarms.ts';
import { Counters } from './counters.ts';
import { Failures } from './failures.ts';
import { Flow, type Performer } from './flow.ts';
import { Holds } from './holds.ts';
import { hash32, seededRandom, shortId } from './ids.ts';
import { type Inbound, subscribeRoutes } from './inbound.ts';
import { Lease } from './lease.ts';
import { limits } from './limits.ts';
import type { Log } from './log.ts';
import { Mailbox } from './mailbox.ts';
import { Occasions } from './occasions.ts';
import { performerOf } from './perform.ts';
import { type Known, type Plan, planOf } from './plan.ts';
import type { Close, Job, Ports } from './ports.ts';
import { passTracing, type Tracing } from './tracing.ts';
import type { Change, View } from './view.ts';
import type { Views } from './views.ts';

export interface HostOptions {
  readonly ports: Ports;
  readonly views: Views;
  /** Name of this copy, unique on the bus. */
  readonly copy: string;
  readonly log: Log;
  readonly jobs?: Readonly<Record<string, Job>>;
  readonly tracing?: Tracing;
  /** Work items in hand at a time and lane; default 16. */
  readonly workInFlightMax?: number;
  /** Whether it may write dead letters; default true. */
  readonly writesLetters?: boolean;
  /** Called when too many steps threw: the process should end. Default: it goes on. */
  readonly escalate?: (reason: string) => void;
}

/** A running actor. */
export class Host<S = unknown, V = unknown> {
  readonly actor: Actor<S, V>;
  readonly copy: string;
  readonly counters = new Counters();
  readonly #options: HostOptions;
  readonly #ports: Ports;
  readonly #views: Views;
  readonly #view: V;
  readonly #byRecord = new Map<RecordContract, View>();
  readonly #holds = new Holds<Inbound>();
  readonly #mailbox = new Mailbox<Inbound>();
  readonly #occasions: Occasions;
  readonly #closes: Close[] = [];
  readonly #drained: (() => void)[] = [];
  /** Revisions of this actor's last writes to keys it does not follow. */
  readonly #own = new Map<string, number>();
  readonly #known: Known = { own: this.#own, view: (record) => this.#byRecord.get(record) };
  readonly #alarms: Alarms;
  readonly #performer: Performer;
  readonly #tracing: Tracing;
  readonly #failures: Failures;
  readonly #lease: Lease | undefined;
  #state: S;
  #flows = 0;
  #isRunning = false;
  #fence = 0;
  #isTurnDue = false;
  #isDraining = false;

  /** Declares the views; call `start` once they are current. */
  constructor(actor: Actor<S, V>, options: HostOptions) {
    this.actor = actor;
    this.copy = options.copy;
    this.#options = options;
    this.#ports = options.ports;
    this.#views = options.views;
    this.#tracing = options.tracing ?? passTracing;
    this.#alarms = new Alarms(options.ports.clock, limits.alarmsMax);
    this.#state = actor.init();
    this.#occasions = new Occasions({
      ...{ actor: actor as Actor, copy: options.copy, alarms: this.#alarms },
      enqueue: (inbound) => this.#enqueue(inbound),
    });
    const { ports, log, writesLetters = true } = options;
    this.#failures = new Failures({
      ...{ actor: actor.name, ports, counters: this.counters, log, writesLetters },
      escalate: (reason) => options.escalate?.(reason),
    });
    this.#performer = performerOf(actor as Actor, {
      ports: options.ports,
      alarms: this.#alarms,
      jobs: options.jobs ?? {},
      log: options.log,
      revision: () => options.views.revision(),
      enqueue: (label, step, message, id) => this.#occasions.add(label, step, message, id),
    });
    const view: Record<string, View> = {};
    for (const [name, one] of Object.entries(actor.follows) as [string, Follow<S, V>][]) {
      const listener = (change: Change): void => this.#changed(name, one, change);
      view[name] = options.views.follow(one.record, one.tokens, listener);
      this.#byRecord.set(one.record, view[name]);
    }
    this.#view = view as V;
    this.#lease = actor.copies === 'acting' ? this.#compete() : undefined;
  }

  #compete(): Lease {
    const { ports, views, log } = this.#options;
    const changed = (change: Change<typeof leaseRecord>) => this.#lease?.changed(change.after);
    const view = views.follow(leaseRecord, { actor: this.actor.name }, changed);
    return new Lease({
      ...{ actor: this.actor.name, copy: this.copy, ports, view, log },
      acquired: (fence) => this.#act(fence),
      lost: () => this.#standBy(),
    });
  }

  get waiting(): number {
    return this.#mailbox.size;
  }

  get underWay(): number {
    return this.#flows;
  }

  get alarms(): number {
    return this.#alarms.size;
  }

  /** Whether this copy takes messages. */
  get isActing(): boolean {
    return this.#isRunning && !this.#isDraining;
  }

  /** Begins to take messages, or to compete for that. The views must be current. */
  start(): void {
    if (this.#lease) this.#lease.start();
    else this.#act(0);
  }

  /** Calls back when it is known whether this copy acts. */
  whenSettled(call: () => void): void {
    if (this.#lease) this.#lease.whenSettled(call);
    else this.#ports.clock.soon(call);
  }

  #act(fence: number): void {
    this.#isRunning = true;
    this.#fence = fence;
    this.#build();
    this.#occasions.start();
    this.#closes.push(
      this.#ports.bus.watchConnection((isConnected) => {
        if (isConnected) this.#occasions.connected(false);
      }),
      ...subscribeRoutes(this.actor as Actor, {
        ports: this.#ports,
        counters: this.counters,
        log: this.#options.log,
        workInFlightMax: this.#options.workInFlightMax ?? 16,
        isFull: () => this.#mailbox.size >= limits.mailboxMax,
        enqueue: (inbound) => this.#enqueue(inbound),
        unreadable: (contract, item, reason) => this.#failures.unreadable(contract, item, reason),
      }),
    );
  }

  /** Another copy acts now: what waits here is that one's. What is under way may end. */
  #standBy(): void {
    this.#isRunning = false;
    for (const close of this.#closes.splice(0)) close();
    this.#alarms.clear();
    this.#occasions.clear();
    const why = refusal('actor-unavailable', `${this.actor.name} acts elsewhere now`);
    for (let inbound = this.#mailbox.shift(); inbound; inbound = this.#mailbox.shift()) {
      inbound.from?.send({ ok: false, refusal: why }, 0);
      inbound.item?.retry(limits.retryMs);
    }
    this.#checkDrained();
  }

  /** Takes no more messages; calls back when those it has are done. Safe to call twice. */
  drain(done: () => void): void {
    this.#isDraining = true;
    for (const close of this.#closes.splice(0)) close();
    this.#alarms.clear();
    this.#drained.push(() => (this.#lease ? this.#lease.close(done) : done()));
    this.#checkDrained();
  }

  /** Ends at once: nothing more is handled, nothing under way is waited for. */
  stop(): void {
    this.#isRunning = false;
    this.#lease?.abort();
    for (const close of this.#closes.splice(0)) close();
    this.#alarms.clear();
    this.#mailbox.clear();
  }

  /** Makes the private state from the views. */
  #build(): void {
    this.#state = this.actor.init();
    const context = this.#context(undefined);
    for (const one of Object.values(this.actor.follows) as Follow<S, V>[]) {
      if (!one.fold) continue;
      for (const entry of this.#byRecord.get(one.record)?.entries() ?? []) {
        const { key, value, revision } = entry;
        const tokens = tokensIn(one.record, key) as Change['tokens'];
        this.#fold(one, { key, tokens, before: undefined, after: value, revision }, context);
      }
    }
  }

  /** Folds a change in. One that throws stays out of the private state, and is reported. */
  #fold(one: Follow<S, V>, change: Change, context: Context<V>): void {
    if (!one.fold) return;
    const { key, revision } = change;
    const inbound: Inbound = {
      ...{ id: `${key}@${revision}`, label: `fold ${one.record.name}`, about: key },
      ...{ step: () => [], message: change, attempts: 0, traceparent: undefined },
    };
    if (this.#failures.isAside(inbound)) return;
    try {
      one.fold(this.#state, change, context);
      this.#failures.passed(inbound);
    } catch (error) {
      this.#failures.threw(inbound, error);
    }
  }

  #changed(name: string, one: Follow<S, V>, change: Change): void {
    if (!this.#isRunning) return;
    this.#fold(one, change, this.#context(undefined));
    this.#occasions.changed(name, one as Follow<never, never>, change);
  }

  #enqueue(inbound: Inbound): void {
    // What comes late, after this copy stood by, is no longer its own.
    if (!this.#isRunning) return;
    this.#mailbox.push(inbound);
    this.#turnSoon();
  }

  #turnSoon(): void {
    if (this.#isTurnDue || !this.#isRunning) return;
    this.#isTurnDue = true;
    this.#ports.clock.soon(() => {
      for (let steps = 0; steps < limits.turnSteps; steps++) {
        if (this.#flows >= limits.flowsMax || !this.#isRunning) break;
        const inbound = this.#mailbox.shift();
        if (!inbound) break;
        this.#handle(inbound);
      }
      this.#isTurnDue = false;
      if (this.#mailbox.size > 0 && this.#flows < limits.flowsMax) this.#turnSoon();
      this.#checkDrained();
    });
  }

  #handle(inbound: Inbound): void {
    // Whoever waited and would most likely wait again need not decide again for that.
    const held = inbound.wanted && this.#holds.firstHeld(inbound.wanted);
    if (held !== undefined) {
      this.#holds.wait(held, inbound);
      return;
    }
    inbound.wanted = undefined;
    if (this.#failures.isAside(inbound)) return;
    const span = this.#tracing.step(this.actor.name, inbound.label, inbound.traceparent);
    const began = this.#ports.clock.elapsed();
    let plan: Plan | undefined;
    let error: unknown;
    try {
      const effects = inbound.step(this.#state, inbound.message as never, this.#context(inbound));
      const { id, attempts: attempt } = inbound;
      const cause = { id, copy: this.copy, attempt, traceparent: span.traceparent };
      if (effects.length > 0) {
        plan = planOf(this.actor as Actor, effects, cause, this.#known);
      }
    } catch (thrown) {
      error = thrown ?? new Error('nothing was thrown');
    }
    this.#measure(inbound, this.#ports.clock.elapsed() - began);
    span.end(error);
    if (error !== undefined) return this.#fault(inbound, error);
    this.#failures.passed(inbound);
    if (plan) this.#perform(inbound, plan);
    else inbound.item?.ack();
  }

  #measure(inbound: Inbound, tookMs: number): void {
    const counts = this.counters.route(inbound.label);
    this.counters.steps++;
    counts.handled++;
    counts.processingNs += Math.round(tookMs * 1e6);
    if (tookMs > limits.stepBudgetMs) this.counters.overruns++;
  }

  #context(inbound: Inbound | undefined): Context<V> {
    let chance: (() => number) | undefined;
    const random = (): number => {
      chance ??= seededRandom(hash32(`${inbound?.id}#${inbound?.attempts}`));
      return chance();
    };
    return {
      now: this.#ports.clock.now(),
      views: this.#view,
      random,
      id: () => shortId(random, 5),
      isHeld: (key) => this.#holds.has(key),
      isMine: (record, key) => isOf(this.#byRecord.get(record)?.at(key)?.writer, inbound?.id),
      revision: this.#views.revision(),
      fence: this.#fence,
    };
  }

  #perform(inbound: Inbound, plan: Plan): void {
    const held = this.#holds.firstHeld(plan.keys);
    if (held !== undefined) {
      this.counters.waits++;
      inbound.wanted = plan.keys;
      this.#holds.wait(held, inbound);
      return;
    }
    this.#holds.hold(plan.keys);
    this.#flows++;
    // Those that waited for a key come next, in their order, before what came later.
    const close = (): void => {
      this.#flows--;
      this.#mailbox.unshift(this.#holds.release(plan.keys));
    };
    const wake = (): void => {
      this.#turnSoon();
      this.#checkDrained();
    };
    const parts = { ports: this.#ports, views: this.#views, performer: this.#performer };
    new Flow(
      plan,
      { ...parts, counters: this.counters, own: this.#own },
      {
        finished: () => {
          close();
          inbound.item?.ack();
          wake();
        },
        again: () => {
          close();
          this.#again(inbound);
          wake();
        },
        abandoned: (because) => {
          close();
          this.#failures.abandoned(inbound, because);
          wake();
        },
      },
    ).proceed();
  }

  #again(inbound: Inbound): void {
    inbound.attempts++;
    if (inbound.attempts < limits.attemptsMax) {
      this.#mailbox.unshift([inbound]);
      return;
    }
    const detail = `given up after ${limits.attemptsMax} attempts`;
    this.#failures.abandoned(inbound, refusal('conflict-persistent', detail));
  }

  #fault(inbound: Inbound, error: unknown): void {
    this.#failures.threw(inbound, error);
    this.#build();
    if (inbound.label !== 'connected') this.#occasions.connected(true);
  }

  #checkDrained(): void {
    // A copy that stands by handles nothing more: what came back to its mailbox is another's.
    const waiting = this.#isRunning ? this.#mailbox.size : 0;
    if (!this.#isDraining || this.#flows > 0 || waiting > 0) return;
    this.#isRunning = false;
    for (const done of this.#drained.splice(0)) this.#ports.clock.soon(done);
  }
}

/** Whether a write was made for a message, or for one that it caused. */
function isOf(writer: string | undefined, id: string | undefined): boolean {
  if (writer === undefined || id === undefined) return false;
  return writer.startsWith(`${id}/`) || writer.startsWith(`${id}.`);
}
