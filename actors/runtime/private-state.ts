/**
 * Makes sure that an actor's private state says what its views say: it is built from them, and
 * each change is folded in as it comes.
 *
 * Owns: the private state, and which view is of which record. Not: the views themselves (shared by
 * the process).
 *
 * I1  A fold that throws leaves its change out of the private state and is reported; the other
 *     changes go on.
 */
import { type RecordContract, tokensIn } from '../../subjects/index.ts';
import type { Actor, Context, Follow } from './actor.ts';
import type { Failures } from './failures.ts';
import { ownInbound } from './inbound.ts';
import type { Recording } from './recording/recorder.ts';
import type { Change, View } from './view.ts';
import type { Views } from './views.ts';

/** The private state of one actor. */
export class PrivateState<S, V> {
  /** What steps are given. */
  value: S;
  /** The actor's views, under the names it gives them. */
  readonly views: V;
  readonly #actor: Actor<S, V>;
  readonly #failures: Failures;
  readonly #recording: () => Recording<S, V> | undefined;
  readonly #byRecord = new Map<RecordContract, View>();

  /** Declares the views; `changed` is called for each change, once they are started. */
  constructor(
    actor: Actor<S, V>,
    around: {
      readonly views: Views;
      readonly failures: Failures;
      /** The recording that is on. */
      recording(): Recording<S, V> | undefined;
    },
    changed: (name: string, one: Follow<S, V>, change: Change) => void,
  ) {
    this.#actor = actor;
    this.#failures = around.failures;
    this.#recording = around.recording;
    this.value = actor.init();
    const views: Record<string, View> = {};
    for (const [name, one] of Object.entries(actor.follows) as [string, Follow<S, V>][]) {
      const listener = (change: Change): void => changed(name, one, change);
      views[name] = around.views.follow(one.record, one.tokens, listener);
      this.#byRecord.set(one.record, views[name]);
    }
    this.views = views as V;
  }

  /** The view of a record; undefined: the actor does not follow it. */
  view(record: RecordContract): View | undefined {
    return this.#byRecord.get(record);
  }

  /**
   * Newest revision of what is wanted among the records it follows: what an answer rests on. Not
   * that of the whole bucket: who waits to see it may not follow what was written there last.
   */
  get revision(): number {
    let newest = 0;
    for (const [record, view] of this.#byRecord) {
      if (record.bucket === 'shoal' && view.newest > newest) newest = view.newest;
    }
    return newest;
  }

  /** Makes the state anew from the views. */
  build(context: Context<V>): void {
    this.value = this.#actor.init();
    for (const one of Object.values(this.#actor.follows) as Follow<S, V>[]) {
      if (!one.fold) continue;
      for (const entry of this.view(one.record)?.entries() ?? []) {
        const { key, value, revision } = entry;
        const tokens = tokensIn(one.record, key) as Change['tokens'];
        const change = { key, tokens, before: undefined, after: value, revision };
        this.#fold(one, change, () => one.fold?.(this.value, change, context));
      }
    }
    this.#recording()?.rebuilt();
  }

  /** Folds a change in. */
  fold(one: Follow<S, V>, change: Change, context: Context<V>): void {
    const { fold } = one;
    if (!fold) return;
    const recording = this.#recording();
    const run = (given: Context<V>): void => fold(this.value, change, given);
    this.#fold(one, change, () =>
      recording ? recording.fold(one, change, context, run) : run(context),
    );
  }

  #fold(one: Follow<S, V>, change: Change, run: () => void): void {
    // Failures are told of it as of a message.
    const { key, revision } = change;
    const label = `fold ${one.record.name}`;
    const inbound = ownInbound(`${key}@${revision}`, label, key, () => [], change);
    if (this.#failures.turnAway(inbound)) return;
    try {
      run();
      this.#failures.passed(inbound);
    } catch (error) {
      this.#failures.threw(inbound, error);
    }
  }
}
