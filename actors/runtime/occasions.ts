/**
 * Makes sure that an actor is given occasion to act beside the messages of others: a record it
 * follows changed, a timer came due, the bus is there again.
 *
 * I1  Changes of one key that wait are one occasion: from before the first to after the last.
 */
import type { Actor, Follow, Step } from './actor.ts';
import type { Alarms } from './alarms.ts';
import { type Inbound, ownInbound } from './inbound.ts';
import type { Change } from './view.ts';

type AnyStep = Step<unknown, never, unknown>;

interface Around {
  readonly actor: Actor;
  readonly copy: string;
  readonly alarms: Alarms;
  enqueue(inbound: Inbound): void;
}

/** The occasions of one actor. */
export class Occasions {
  readonly #around: Around;
  /** Changes that wait in the mailbox, by key. */
  readonly #changes = new Map<string, { change: Change }>();
  readonly #prefixes = new Map<string, string>();
  /** Labels of changes, by the name under which the actor follows their record. */
  readonly #labels = new Map<string, string>();
  #made = 0;

  constructor(around: Around) {
    this.#around = around;
  }

  /** Begins those that come by themselves. */
  start(): void {
    this.connected(true);
    for (const [name, timer] of Object.entries(this.#around.actor.timers)) {
      if (timer.everyMs !== undefined) this.#tick(name, timer.step as AnyStep, timer.everyMs);
    }
  }

  /** Forgets those that wait. */
  clear(): void {
    this.#changes.clear();
  }

  /** The views are current for the first time, or the bus is there again. */
  connected(isFirst: boolean): void {
    const step = this.#around.actor.connected as AnyStep | undefined;
    if (step) this.add('connected', step, { isFirst });
  }

  /** A record changed. */
  changed(name: string, one: Follow<never, never>, change: Change): void {
    if (!one.changed) return;
    const waiting = this.#changes.get(change.key);
    if (waiting) {
      waiting.change = { ...change, before: waiting.change.before };
      return;
    }
    const box = { change };
    this.#changes.set(change.key, box);
    const step: AnyStep = (state, _box, context) => {
      // From here on a further change is an occasion of its own.
      if (this.#changes.get(change.key) === box) this.#changes.delete(change.key);
      return (one.changed as AnyStep)(state, box.change as never, context);
    };
    const id = `${change.key}@${change.revision}`;
    this.#around.enqueue(
      ownInbound(id, this.#label(name), change.key, step, box, change.traceparent),
    );
  }

  /** Something of the actor's own: an answer, a report, a timer. */
  add(
    label: string,
    step: AnyStep,
    message: unknown,
    { id, traceparent }: { readonly id?: string; readonly traceparent?: string | undefined } = {},
  ): void {
    this.#made++;
    const own = id ?? `${this.#prefix(label)}${this.#made}`;
    const about = (message as { readonly key?: string }).key ?? '';
    this.#around.enqueue(ownInbound(own, label, about, step, message, traceparent));
  }

  #label(name: string): string {
    let label = this.#labels.get(name);
    if (label === undefined) {
      label = `changed ${name}`;
      this.#labels.set(name, label);
    }
    return label;
  }

  /** What ids of a label begin with; labels are few and come often. */
  #prefix(label: string): string {
    let prefix = this.#prefixes.get(label);
    if (prefix === undefined) {
      prefix = `${this.#around.copy}-${label.replaceAll(' ', '-')}-`;
      this.#prefixes.set(label, prefix);
    }
    return prefix;
  }

  #tick(name: string, step: AnyStep, everyMs: number): void {
    this.#around.alarms.set(`every ${name}`, '', everyMs, () => {
      this.#tick(name, step, everyMs);
      this.add(name, step, { key: '', payload: undefined });
    });
  }
}
