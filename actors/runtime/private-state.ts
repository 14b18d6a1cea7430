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
import type { Inbound } from './inbound.ts';
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
  readonly #byRecord = new Map<RecordContract, View>();

  /** Declares the views; `changed` is called for each change, once they are started. */
  constructor(
    actor: Actor<S, V>,
    around: { readonly views: Views; readonly failures: Failures },
    changed: (name: string, one: Follow<S, V>, change: Change) => void,
  ) {
    this.#actor = actor;
    this.#failures = around.failures;
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

  /** Makes the state anew from the views. */
  build(context: Context<V>): void {
    this.value = this.#actor.init();
    for (const one of Object.values(this.#actor.follows) as Follow<S, V>[]) {
      if (!one.fold) continue;
      for (const entry of this.view(one.record)?.entries() ?? []) {
        const { key, value, revision } = entry;
        const tokens = tokensIn(one.record, key) as Change['tokens'];
        this.fold(one, { key, tokens, before: undefined, after: value, revision }, context);
      }
    }
  }

  /** Folds a change in. */
  fold(one: Follow<S, V>, change: Change, context: Context<V>): void {
    if (!one.fold) return;
    const { key, revision } = change;
    const inbound: Inbound = {
      ...{ id: `${key}@${revision}`, label: `fold ${one.record.name}`, about: key },
      ...{ step: () => [], message: change, attempts: 0, traceparent: undefined },
    };
    if (this.#failures.turnAway(inbound)) return;
    try {
      one.fold(this.value, change, context);
      this.#failures.passed(inbound);
    } catch (error) {
      this.#failures.threw(inbound, error);
    }
  }
}
