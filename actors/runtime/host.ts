/**
 * Makes sure that an actor lives: its messages are handled one at a time (R1), its effects are
 * performed in order (R2), what was refused is decided again on fresh views (R3), and everything
 * it keeps has a limit (R6).
 *
 * Owns: the actor's alarms, its held keys and its flows; its messages (turns.ts) and its private
 * state (private-state.ts) through their owners.
 * Not: the views (shared by the process), the connection.
 *
 * I1  A step runs to its end before the next begins; a fold never runs inside a step.
 * I2  Every message taken in is acknowledged, answered, repeated, or counted as abandoned.
 * I3  A step that throws costs the actor its private state, never the process: the state is built
 *     again from the views (R4). What throws again and again is set aside (failures.ts).
 * I4  What came in one term of a copy is not handled in another: between them others acted.
 * I5  The copy that acts decides on nothing while the store is read anew: what it takes for so may
 *     be long past. Actors that all act, an agent first of all, go on with what they have.
 */
import { leaseRecord, refusal } from '../../subjects/index.ts';
import type { Actor, Context, Follow } from './actor.ts';
import { Alarms } from './alarms.ts';
import { Contexts } from './contexts.ts';
import { Counters } from './counters.ts';
import type { Effects } from './effect.ts';
import { Failures } from './failures.ts';
import { Flow, type FlowAround, type FlowEnd } from './flow.ts';
import { Holders } from './holders.ts';
import { Holds } from './holds.ts';
import { type Inbound, subscribeRoutes } from './inbound.ts';
import { Lease } from './lease.ts';
import { limits } from './limits.ts';
import type { Log } from './log.ts';
import { Occasions } from './occasions.ts';
import { performerOf } from './perform.ts';
import { type Known, type Plan, planOf } from './plan.ts';
import type { Close, Job, Ports } from './ports.ts';
import { PrivateState } from './private-state.ts';
import { Recorder } from './recording/recorder.ts';
import { passTracing, type Tracing } from './tracing.ts';
import { Turns } from './turns.ts';
import type { Change } from './view.ts';
import type { Views } from './views.ts';

export interface HostOptions {
  readonly ports: Ports;
  readonly views: Views;
  /** Name of this copy, unique on the bus. */
  readonly copy: string;
  readonly log: Log;
  /** What is known of those that hold leases: one for all actors of a process. Default: its own. */
  readonly holders?: Holders;
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
  /** Tells each step while somebody asked for it. */
  readonly recorder: Recorder<S, V>;
  readonly #options: HostOptions;
  readonly #ports: Ports;
  readonly #state: PrivateState<S, V>;
  readonly #contexts: Contexts<V>;
  readonly #turns: Turns;
  readonly #holds = new Holds<Inbound>();
  readonly #occasions: Occasions;
  readonly #closes: Close[] = [];
  readonly #drained: (() => void)[] = [];
  /** Revisions of this actor's last writes to keys it does not follow. */
  readonly #own = new Map<string, number>();
  readonly #known: Known;
  readonly #alarms: Alarms;
  readonly #aroundFlows: FlowAround;
  readonly #tracing: Tracing;
  readonly #failures: Failures;
  readonly #lease: Lease | undefined;
  #flows = 0;
  #isRunning = false;
  /** How often this copy has begun to act. */
  #term = 0;
  #isDraining = false;

  /** Declares the views; call `start` once they are current. */
  constructor(actor: Actor<S, V>, options: HostOptions) {
    const { ports, views, log, copy, writesLetters = true } = options;
    this.actor = actor;
    this.copy = copy;
    this.#options = options;
    this.#ports = ports;
    this.#tracing = options.tracing ?? passTracing;
    this.#alarms = new Alarms(ports.clock, limits.alarmsMax);
    this.#turns = new Turns({
      clock: ports.clock,
      mayHandle: () => this.#isRunning && this.#flows < limits.flowsMax && this.#mayDecide,
      handle: (inbound) => this.#handle(inbound),
      ended: () => this.#checkDrained(),
    });
    this.#occasions = new Occasions({
      ...{ actor: actor as Actor, copy, alarms: this.#alarms },
      enqueue: (inbound) => this.#enqueue(inbound),
    });
    this.#failures = new Failures({
      ...{ actor: actor.name, ports, counters: this.counters, log, writesLetters },
      escalate: (reason) => options.escalate?.(reason),
    });
    const performer = performerOf(actor as Actor, {
      ...{ ports, alarms: this.#alarms, jobs: options.jobs ?? {}, log, tracing: this.#tracing },
      revision: () => this.#state.revision,
      enqueue: (label, step, message, of) => this.#occasions.add(label, step, message, of),
    });
    const { counters } = this;
    const around = { ports, views, performer, counters, own: this.#own };
    this.#aroundFlows = { ...around, tracing: this.#tracing };
    this.#state = new PrivateState(
      actor,
      { views, failures: this.#failures, recording: () => this.recorder.current },
      (name, one, change) => this.#changed(name, one, change),
    );
    this.recorder = new Recorder({
      ...{ actor, copy, ports, views: this.#state.views },
      state: () => this.#state.value,
    });
    this.#known = { own: this.#own, view: (record) => this.#state.view(record) };
    this.#contexts = new Contexts({
      ...{ clock: ports.clock, holds: this.#holds, state: this.#state },
      revision: () => views.revision(),
    });
    this.#lease = actor.copies === 'acting' ? this.#compete() : undefined;
  }

  #compete(): Lease {
    const { ports, views, log, holders = new Holders(ports) } = this.#options;
    const changed = (change: Change<typeof leaseRecord>) => this.#lease?.changed(change.after);
    const view = views.follow(leaseRecord, { actor: this.actor.name }, changed);
    views.watchWhole(() => this.#turns.soon());
    return new Lease({
      ...{ actor: this.actor.name, copy: this.copy, ports, holders, view, views, log },
      acquired: (fence) => this.#act(fence),
      renewed: () => this.#turns.soon(),
      lost: () => this.#standBy(),
    });
  }

  /** One that acts for all decides on nothing without its lease, or knowing that it missed something (I5). */
  get #mayDecide(): boolean {
    return !this.#lease || (this.#options.views.isWhole && this.#lease.stands);
  }

  get waiting(): number {
    return this.#turns.waiting;
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
    this.#term++;
    this.#contexts.fence = fence;
    this.#state.build(this.#contexts.of(undefined));
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
        isFull: () => this.#turns.isFull,
        enqueue: (inbound) => this.#enqueue(inbound),
        failures: this.#failures,
      }),
    );
  }

  /** Another copy acts now: what waits here is that one's. What is under way may end. */
  #standBy(): void {
    this.#isRunning = false;
    this.#close();
    this.#occasions.clear();
    for (const inbound of this.#turns.empty()) this.#leave(inbound);
    this.#checkDrained();
  }

  /** Leaves a message to the copy that acts: whoever sent it may send it again. */
  #leave(inbound: Inbound): void {
    const why = refusal('actor-unavailable', `${this.actor.name} acts elsewhere now`);
    inbound.from?.send({ ok: false, refusal: why }, 0);
    inbound.item?.retry(limits.retryMs);
  }

  /** Takes no more messages; calls back when those it has are done. Safe to call twice. */
  drain(done: () => void): void {
    this.#isDraining = true;
    this.#close();
    this.#drained.push(() => (this.#lease ? this.#lease.close(done) : done()));
    this.#checkDrained();
  }

  /** Ends at once: nothing more is handled, nothing under way is waited for. */
  stop(): void {
    this.#isRunning = false;
    this.#lease?.abort();
    this.#close();
    this.#turns.clear();
  }

  /** Nothing more comes in, from outside or by itself. */
  #close(): void {
    for (const close of this.#closes.splice(0)) close();
    this.#alarms.clear();
  }

  #changed(name: string, one: Follow<S, V>, change: Change): void {
    if (!this.#isRunning) return;
    this.#state.fold(one, change, this.#contexts.of(undefined));
    this.#occasions.changed(name, one as Follow<never, never>, change);
  }

  #enqueue(inbound: Inbound): void {
    // What comes late, after this copy stood by, is no longer its own.
    if (!this.#isRunning) return;
    inbound.term = this.#term;
    this.#turns.add(inbound);
  }

  #handle(inbound: Inbound): void {
    // What waited for a key or for the store until this copy had stood by and acts again: another
    // has answered it since, and its sender may have asked for something else.
    if (inbound.term !== this.#term) return this.#leave(inbound);
    // Whoever waited and would most likely wait again need not decide again for that.
    const held = inbound.wanted && this.#holds.firstHeld(inbound.wanted);
    if (held !== undefined) {
      this.#holds.wait(held, inbound);
      return;
    }
    inbound.wanted = undefined;
    if (this.#failures.turnAway(inbound)) return;
    const span = this.#tracing.step(this.actor.name, inbound.label, inbound.traceparent);
    const began = this.#ports.clock.elapsed();
    let plan: Plan | undefined;
    let error: unknown;
    try {
      plan = this.#decide(inbound, span.traceparent);
    } catch (thrown) {
      error = thrown ?? new Error('nothing was thrown');
    }
    this.counters.stepped(inbound.label, this.#ports.clock.elapsed() - began);
    span.end(error);
    if (error !== undefined) return this.#fault(inbound, error);
    this.#failures.passed(inbound);
    if (plan) this.#perform(inbound, plan);
    else inbound.item?.ack();
  }

  /** Runs the step. Returns what is to be done; undefined: nothing. Throws what the step throws. */
  #decide(inbound: Inbound, traceparent: string | undefined): Plan | undefined {
    const context = this.#contexts.of(inbound);
    const run = (given: Context<V>): Effects =>
      inbound.step(this.#state.value, inbound.message as never, given);
    const { current } = this.recorder;
    const effects = current ? current.step(inbound, context, run) : run(context);
    if (effects.length === 0) return undefined;
    const { id, attempts: attempt } = inbound;
    const { revision: seen, fence } = context;
    const cause = { id, copy: this.copy, attempt, seen, fence, traceparent };
    return planOf(this.actor as Actor, effects, cause, this.#known);
  }

  #perform(inbound: Inbound, plan: Plan): void {
    const held = this.#holds.firstHeld(plan.keys);
    if (held !== undefined) {
      this.counters.waits++;
      inbound.wanted = plan.keys;
      this.recorder.current?.outcome(inbound, 'waited');
      this.#holds.wait(held, inbound);
      return;
    }
    this.#holds.hold(plan.keys);
    this.#flows++;
    /** Ends the flow; those that waited for its keys come next, in their order. */
    const ending = (outcome: string, done: () => void, revision?: number): void => {
      this.recorder.current?.outcome(inbound, outcome, revision);
      this.#flows--;
      this.#turns.putBack(this.#holds.release(plan.keys));
      done();
      this.#turns.soon();
      this.#checkDrained();
    };
    const end: FlowEnd = {
      finished: (revision) => ending('done', () => inbound.item?.ack(), revision),
      again: () => ending('conflict', () => this.#again(inbound)),
      abandoned: (because) =>
        ending(because.code, () => this.#failures.abandoned(inbound, because)),
    };
    new Flow(plan, this.#aroundFlows, end, inbound.attempts).proceed();
  }

  #again(inbound: Inbound): void {
    inbound.attempts++;
    if (inbound.attempts < limits.attemptsMax) {
      this.#turns.putBack([inbound]);
      return;
    }
    const detail = `given up after ${limits.attemptsMax} attempts`;
    this.#failures.abandoned(inbound, refusal('conflict-persistent', detail));
  }

  #fault(inbound: Inbound, error: unknown): void {
    this.#failures.threw(inbound, error);
    this.#state.build(this.#contexts.of(undefined));
    if (inbound.label !== 'connected') this.#occasions.connected(true);
  }

  #checkDrained(): void {
    // A copy that stands by handles nothing more: what came back to its mailbox is another's.
    const waiting = this.#isRunning ? this.#turns.waiting : 0;
    if (!this.#isDraining || this.#flows > 0 || waiting > 0) return;
    this.#isRunning = false;
    for (const done of this.#drained.splice(0)) this.#ports.clock.soon(done);
  }
}
