/**
 * Makes sure that the effects of one step happen in order (R2): each commit is confirmed before
 * what follows it, everything is stored before the message is acknowledged, and a commit that was
 * refused ends the flow, so that its message is handled again on the fresh view.
 *
 * Owns: the keys it holds and its place in the plan. Not: the mailbox, the actor's state.
 *
 * I1  exactly one of `finished`, `again`, `abandoned` is called, after the keys are released.
 */
import type { Bucket, Refusal } from '../../subjects/index.ts';
import { refusal, TooLargeError } from '../../subjects/index.ts';
import type { Counters } from './counters.ts';
import type { ReplyTo } from './effect.ts';
import type { Plan, Planned, PlannedWrite } from './plan.ts';
import { type Outgoing, type Ports, TRACE_HEADER, type WriteResult } from './ports.ts';
import type { Tracing } from './tracing.ts';
import type { Views } from './views.ts';

/** How often an event is offered to its stream before it is given up, and how far apart. */
const APPEND_ATTEMPTS_MAX = 6;
const APPEND_RETRY_MS = 250;
/**
 * Pause after a write that another one in flight beat (the store names no winner yet), the first time; it
 * doubles with each attempt of the message up to `BUSY_RETRY_MAX_MS`. A store that gets a fraction of its
 * machine has writes in flight for as long as it stands still: all attempts span seconds, not an instant.
 */
const BUSY_RETRY_MS = 5;
/** Longest pause after a write that another one in flight beat, in milliseconds. */
const BUSY_RETRY_MAX_MS = 320;
/** Pause after a write without an answer, before the store is asked what became of it. */
const UNANSWERED_RETRY_MS = 250;

/** What a flow tells of itself. */
export interface FlowEnd {
  /** `revision`: the newest its commits made; 0: it made none. */
  finished(revision: number): void;
  /** Handle the message again: the views are as fresh as what refused the commit. */
  again(): void;
  /** Nothing that repeating could mend. */
  abandoned(because: Refusal): void;
}

/** What a flow does outside the store; given by the host. */
export interface Performer {
  reply(to: ReplyTo | undefined, answer: unknown, revision: number): void;
  request(planned: Extract<Planned, { kind: 'request' }>): void;
  after(planned: Extract<Planned, { kind: 'after' }>): void;
  cancel(planned: Extract<Planned, { kind: 'cancel' }>): void;
  run(planned: Extract<Planned, { kind: 'run' }>): void;
  lost(message: Outgoing): void;
}

/** What all flows of an actor share. */
export interface FlowAround {
  readonly ports: Ports;
  readonly views: Views;
  readonly performer: Performer;
  readonly counters: Counters;
  readonly tracing: Tracing;
  /** Revisions of the actor's last writes to keys it does not follow. */
  readonly own: Map<string, number>;
}

/** One plan under way: its effects are performed in order, and its end is told once. */
export class Flow {
  readonly #plan: Plan;
  readonly #ports: Ports;
  readonly #views: Views;
  readonly #performer: Performer;
  readonly #counters: Counters;
  readonly #tracing: Tracing;
  readonly #end: FlowEnd;
  readonly #own: Map<string, number>;
  readonly #busyRetryMs: number;
  #index = 0;
  #appending = 0;
  #revision = 0;

  /** `attempts`: how often the message was handled before. */
  constructor(plan: Plan, around: FlowAround, end: FlowEnd, attempts: number) {
    this.#own = around.own;
    this.#busyRetryMs = Math.min(BUSY_RETRY_MAX_MS, BUSY_RETRY_MS * 2 ** attempts);
    this.#plan = plan;
    this.#ports = around.ports;
    this.#views = around.views;
    this.#performer = around.performer;
    this.#counters = around.counters;
    this.#tracing = around.tracing;
    this.#end = end;
  }

  /** Performs the next effects until one has to be waited for, or all are done. */
  proceed(): void {
    while (this.#index < this.#plan.steps.length) {
      const planned = this.#plan.steps[this.#index] as Planned;
      this.#index++;
      if (planned.kind === 'commit') {
        this.#commit(planned);
        return;
      }
      this.#perform(planned);
    }
    if (this.#appending === 0) this.#end.finished(this.#revision);
  }

  #perform(planned: Exclude<Planned, { kind: 'commit' }>): void {
    switch (planned.kind) {
      case 'publish':
        if (planned.contract.stream === undefined) this.#ports.bus.publish(planned.message);
        else this.#append(planned.message, (done) => this.#appendOnce(planned, done));
        return;
      case 'tell':
        return this.#tell(planned);
      case 'work':
        this.#append(planned.message, (done) => this.#queue(planned, done));
        return;
      case 'withdraw':
        // Without an answer it may stay: whoever set it looks for what is astray.
        this.#append(undefined, (done) => this.#ports.timed.cancel(planned.waits, done));
        return;
      case 'reply':
        return this.#performer.reply(planned.to, planned.answer, this.#revision);
      case 'request':
        return this.#performer.request(planned);
      case 'after':
        return this.#performer.after(planned);
      case 'cancel':
        return this.#performer.cancel(planned);
      case 'run':
        return this.#performer.run(planned);
    }
  }

  /** Says what may be lost: once, and nobody waits for it. */
  #tell({ stream, make }: Extract<Planned, { kind: 'tell' }>): void {
    try {
      this.#ports.bus.append(stream, make(), (isStored) => {
        if (!isStored) this.#counters.lost++;
      });
    } catch (error) {
      // What was decided is committed: a telling too large to make changes nothing of it.
      if (!(error instanceof TooLargeError)) throw error;
      this.#counters.lost++;
    }
  }

  #appendOnce(planned: Extract<Planned, { kind: 'publish' }>, done: (ok: boolean) => void): void {
    if (planned.contract.stream)
      this.#ports.bus.append(planned.contract.stream, planned.message, done);
  }

  #queue(planned: Extract<Planned, { kind: 'work' }>, done: (ok: boolean) => void): void {
    const { message, timed } = planned;
    if (timed) this.#ports.timed.set({ ...timed, message }, done);
    else this.#ports.queue.put(message, (outcome) => done(outcome !== 'failed'));
  }

  /** Offers a message until it is stored; the flow ends only when it is, or is given up. */
  #append(message: Outgoing | undefined, offer: (done: (isStored: boolean) => void) => void): void {
    this.#appending++;
    let attempts = 0;
    const attempt = (): void =>
      offer((isStored) => {
        attempts++;
        if (!isStored && attempts < APPEND_ATTEMPTS_MAX) {
          this.#ports.clock.after(APPEND_RETRY_MS * attempts, attempt);
          return;
        }
        if (!isStored && message) this.#performer.lost(message);
        this.#appending--;
        if (this.#appending === 0 && this.#index >= this.#plan.steps.length)
          this.#end.finished(this.#revision);
      });
    attempt();
  }

  #commit(planned: Extract<Planned, { kind: 'commit' }>): void {
    const { bucket, isWhole } = planned;
    const writes = planned.writes.map((each) => each.write);
    for (const { record, write, isOwn } of planned.writes) {
      const reason = this.#views.unreadableAt(record, write.key);
      if (reason === undefined || write.expected === 'any' || isOwn) continue;
      const detail = `what stands under ${write.key} cannot be read (${reason}); somebody must write or delete it`;
      return this.#end.abandoned(refusal('store-unavailable', detail));
    }
    for (const { write, writer, value } of planned.writes) {
      if (write.body !== null) this.#views.sending(writer, write.body, value);
    }
    const span = this.#tracing.span('commit', writes[0]?.headers[TRACE_HEADER]);
    if (isWhole && writes.length > 1) {
      this.#ports.store.transact(writes, (result) => {
        span.end(whyNot([result]));
        this.#transacted(bucket, planned.writes, result);
      });
    } else {
      this.#ports.store.write(writes, (results) => {
        span.end(whyNot(results));
        this.#written(bucket, planned.writes, results);
      });
    }
  }

  #transacted(bucket: Bucket, wanted: readonly PlannedWrite[], result: WriteResult): void {
    if (result.kind !== 'stored') return this.#failed(bucket, wanted, [result]);
    // A batch is stored as one run of sequence numbers that ends with the confirmed one.
    const first = result.revision - wanted.length + 1;
    for (const [index, each] of wanted.entries()) this.#stored(each, first + index);
    this.proceed();
  }

  #written(bucket: Bucket, wanted: readonly PlannedWrite[], results: readonly WriteResult[]): void {
    let isWhole = true;
    for (const [index, result] of results.entries()) {
      if (result.kind === 'stored') this.#stored(wanted[index] as PlannedWrite, result.revision);
      else isWhole = false;
    }
    if (isWhole) this.proceed();
    else this.#failed(bucket, wanted, results);
  }

  #stored(planned: PlannedWrite, revision: number): void {
    this.#counters.commits++;
    this.#revision = Math.max(this.#revision, revision);
    const { record, write, value, writer, isOwn } = planned;
    if (isOwn && value !== null) this.#own.set(write.key, revision);
    if (isOwn && value === null) this.#own.delete(write.key);
    const bytes = write.body?.length ?? 0;
    const traceparent = write.headers[TRACE_HEADER];
    this.#views.stored(record, write.key, value, { revision, writer, bytes, traceparent });
  }

  #failed(bucket: Bucket, wanted: readonly PlannedWrite[], results: readonly WriteResult[]): void {
    for (const each of wanted) this.#views.unsent(each.writer);
    const refused = results.find((each) => each.kind === 'refused');
    if (refused) {
      this.#end.abandoned(refusal(refused.code ?? 'store-unavailable', refused.reason));
      return;
    }
    // Whoever wrote there: what this actor writes next stands.
    for (const each of wanted) if (each.isOwn) this.#own.delete(each.write.key);
    let newest = 0;
    let isBusy = false;
    let isUnanswered = false;
    for (const result of results) {
      if (result.kind === 'unanswered') isUnanswered = true;
      if (result.kind !== 'conflict') continue;
      this.#counters.conflicts++;
      if (result.revision === undefined) isBusy = true;
      else newest = Math.max(newest, result.revision);
    }
    if (isUnanswered) {
      this.#counters.unanswered++;
      this.#resolveLater(bucket, wanted);
    } else if (isBusy) {
      this.#ports.clock.after(this.#busyRetryMs, () => this.#resolve(bucket, wanted));
    } else {
      this.#reach(bucket, newest, wanted, () => this.#learn(wanted, results));
    }
  }

  /**
   * Where a conflict was met on a key without a value, its marker was removed from the store, or
   * forgotten here: the store is asked, so that the next attempt expects what is there.
   */
  #learn(wanted: readonly PlannedWrite[], results: readonly WriteResult[]): void {
    const puzzling = wanted.flatMap(({ record, write }) => {
      const met = results.find((each) => each.kind === 'conflict' && each.key === write.key);
      const revision = met?.kind === 'conflict' ? met.revision : undefined;
      if (revision === undefined || !this.#views.isPuzzled(record, write.key, revision)) return [];
      return [{ record, key: write.key, bucket: write.bucket, revision }];
    });
    let open = puzzling.length;
    if (open === 0) return this.#end.again();
    for (const { record, key, bucket, revision } of puzzling) {
      this.#ports.store.read(bucket, key, (stored) => {
        // A value that nobody here can read is not overwritten.
        if (stored === null) this.#views.met(record, key, revision);
        open--;
        if (open === 0) this.#end.again();
      });
    }
  }

  /** Asks the store what stands under the keys, waits until the views have it, and goes again. */
  #resolve(bucket: Bucket, wanted: readonly PlannedWrite[]): void {
    // A write that expects nothing is simply made again, and so is one whose key is not followed.
    const asked = wanted.filter((each) => each.write.expected !== 'any' && !each.isOwn);
    let open = asked.length;
    let newest: number | undefined = 0;
    if (open === 0) return this.#end.again();
    for (const each of asked) {
      this.#ports.store.newest(bucket, each.write.key, (revision) => {
        newest =
          revision === undefined || newest === undefined ? undefined : Math.max(newest, revision);
        open--;
        if (open > 0) return;
        // Without an answer nothing is known: what was written may be there.
        if (newest === undefined) this.#resolveLater(bucket, wanted);
        else this.#reach(bucket, newest, wanted, () => this.#decideOn(wanted));
      });
    }
  }

  /** Goes on when the views have what was met; if that may never come, the store is asked again. */
  #reach(bucket: Bucket, revision: number, wanted: readonly PlannedWrite[], go: () => void): void {
    this.#views.catchUp(bucket, revision, (isReached) =>
      isReached ? go() : this.#resolveLater(bucket, wanted),
    );
  }

  #resolveLater(bucket: Bucket, wanted: readonly PlannedWrite[]): void {
    this.#ports.clock.after(UNANSWERED_RETRY_MS, () => this.#resolve(bucket, wanted));
  }

  #decideOn(wanted: readonly PlannedWrite[]): void {
    if (wanted.every((one) => this.#isStoredByMe(one))) this.proceed();
    else this.#end.again();
  }

  #isStoredByMe(planned: PlannedWrite): boolean {
    return this.#views.writerOf(planned.record, planned.write.key) === planned.writer;
  }
}

/** What kept writes from being stored, for whoever follows them; undefined: nothing did. */
function whyNot(results: readonly WriteResult[]): string | undefined {
  return results.find(({ kind }) => kind !== 'stored')?.kind;
}
