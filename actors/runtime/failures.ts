/**
 * Makes sure that what fails is answered, counted, tried again with patience, and in the end set
 * aside where a person finds it (R4, R5). Waiting is not failing: a message for which the store
 * does not answer is tried for ever.
 *
 * I1  A work item is acknowledged only after its letter is stored.
 * I2  A message that is set aside has a letter.
 */
import { type Refusal, refusal, storeRefusals } from '../../subjects/index.ts';
import type { Received } from './actor.ts';
import type { Counters } from './counters.ts';
import type { Inbound } from './inbound.ts';
import { type Given, letterOf, sendLetter } from './letters.ts';
import { limits } from './limits.ts';
import type { Log } from './log.ts';
import type { Ports, WorkItem } from './ports.ts';
import { FAULTS_MAX, Quarantine } from './quarantine.ts';
import { TRIALS_MAX, Trials, type Tried } from './trials.ts';

interface Around {
  readonly actor: string;
  readonly ports: Ports;
  readonly counters: Counters;
  readonly log: Log;
  /** Whether this process may write letters; an agent may not. */
  readonly writesLetters: boolean;
  /** There were too many throws: this process should end, and begin anew. */
  escalate(reason: string): void;
}

/** The failures of one actor. */
export class Failures {
  readonly #around: Around;
  readonly #quarantine = new Quarantine();
  readonly #trials: Trials;
  /** When steps threw lately, in milliseconds of the clock's `elapsed`. */
  readonly #threwAt: number[] = [];

  constructor(around: Around) {
    this.#around = around;
    const { actor, ports } = around;
    const detail = `it ended its process ${TRIALS_MAX} times in a row before it could fail`;
    const bury = (tried: Tried, item: WorkItem): void =>
      this.#bury({ ...tried, reason: { code: 'actor-fault', detail } }, item);
    this.#trials = new Trials({ actor, ports, bury });
  }

  /** Turns a message away that is set aside: it is counted and answered. False: it is not. */
  turnAway(inbound: Inbound): boolean {
    if (this.#quarantine.isEmpty) return false;
    // What is about nothing in particular is a look at everything: that must go on.
    if (inbound.item || inbound.about === '') return false;
    const until = this.#quarantine.until(nameOf(inbound), this.#around.ports.clock.now());
    if (until === undefined) return false;
    this.#around.counters.quarantined++;
    const detail = `it made its step fail ${FAULTS_MAX} times; it is tried again at ${new Date(until).toISOString()}`;
    inbound.from?.send({ ok: false, refusal: refusal('actor-fault', detail) }, 0);
    return true;
  }

  /** A step went well. */
  passed(inbound: Inbound): void {
    if (!this.#quarantine.isEmpty) this.#quarantine.clear(nameOf(inbound));
  }

  /** A step threw. */
  threw(inbound: Inbound, error: unknown): void {
    const { actor, ports, counters, log } = this.#around;
    counters.faults++;
    this.#count(inbound, String(error));
    log.error('a step threw; the actor starts again from the store', {
      actor,
      contract: inbound.label,
      key: inbound.about,
      id: inbound.id,
      error,
    });
    const because = refusal('actor-fault', `the log has the cause under ${inbound.id}`);
    inbound.from?.send({ ok: false, refusal: because }, 0);
    const reason = { code: 'actor-fault', detail: String(error) };
    if (inbound.item) this.#retry(inbound, inbound.item, reason);
    else if (inbound.about !== '') this.#setAside(inbound, reason);
    this.#escalateAfter(ports.clock.elapsed());
  }

  /** A message met conflicts for too long, or the store refused its writes. */
  abandoned(inbound: Inbound, because: Refusal): void {
    const { actor, counters, log } = this.#around;
    counters.abandoned++;
    this.#count(inbound, because.code);
    log.warn('a message was given up', {
      actor,
      contract: inbound.label,
      id: inbound.id,
      code: because.code,
      reason: because.detail,
    });
    inbound.from?.send({ ok: false, refusal: because }, 0);
    if (!inbound.item) return;
    if (storeRefusals.has(because.code)) inbound.item.retry(backoff(inbound.item.deliveries));
    else this.#retry(inbound, inbound.item, because);
  }

  /** A work item that no schema accepts: trying again would not help. */
  unreadable(contract: string, item: WorkItem, detail: string): void {
    const reason = { code: 'request-malformed', detail };
    const { subject, body } = item.message;
    this.#bury({ contract, about: subject, reason, unreadable: body }, item);
  }

  /** Lets a work item go: at once, or on trial. */
  admit(tried: Tried, item: WorkItem, go: (item: WorkItem) => void): void {
    this.#trials.begin(tried, item, go);
  }

  #retry(inbound: Inbound, item: WorkItem, reason: { code: string; detail: string }): void {
    if (item.deliveries < limits.deliveriesMax) {
      item.retry(backoff(item.deliveries));
      return;
    }
    const { label: contract, about } = inbound;
    const { payload } = inbound.message as Received;
    this.#bury({ contract, about, reason, payload }, item);
  }

  #bury(of: Omit<Given, 'actor' | 'deliveries'>, item: WorkItem): void {
    const { actor, ports, counters, log } = this.#around;
    const letter = letterOf({ actor, ...of, deliveries: item.deliveries }, ports.clock.now());
    sendLetter(ports.store, letter, (isStored) => {
      if (!isStored) return item.retry(backoff(item.deliveries));
      counters.dead++;
      log.error('a work item is a dead letter now', {
        actor,
        contract: of.contract,
        key: of.about,
        id: letter.letter,
        reason: of.reason.detail,
      });
      item.ack();
    });
  }

  #setAside(inbound: Inbound, reason: { readonly code: string; readonly detail: string }): void {
    const { actor, ports, counters, log } = this.#around;
    const now = ports.clock.now();
    const until = this.#quarantine.threw(nameOf(inbound), now);
    if (until === undefined) return;
    const { label: contract, about } = inbound;
    log.error('a message is set aside', {
      actor,
      contract,
      key: about,
      reason: `it is tried again at ${new Date(until).toISOString()}`,
    });
    if (!this.#around.writesLetters) return;
    const letter = letterOf({ actor, contract, about, reason, deliveries: FAULTS_MAX }, now);
    sendLetter(ports.store, letter, (isStored) => {
      if (isStored) counters.dead++;
    });
  }

  #count(inbound: Inbound, why: string): void {
    const counts = this.#around.counters.route(inbound.label);
    counts.failed++;
    counts.lastError = why;
  }

  #escalateAfter(now: number): void {
    this.#threwAt.push(now);
    while ((this.#threwAt[0] ?? now) <= now - limits.faultsWithinMs) this.#threwAt.shift();
    if (this.#threwAt.length < limits.faultsMax) return;
    this.#around.escalate(
      `${this.#around.actor}: ${this.#threwAt.length} steps threw within ${limits.faultsWithinMs} ms`,
    );
  }
}

/** What a message is, over and over: its kind and what it is about. */
function nameOf(inbound: Inbound): string {
  return `${inbound.label} ${inbound.about}`;
}

/** When a work item that failed comes again, in milliseconds: 1, 2, 4 … 30 s. */
function backoff(deliveries: number): number {
  return Math.min(limits.retryMsMax, limits.retryMs * 2 ** Math.min(deliveries - 1, 16));
}
