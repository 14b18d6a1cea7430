/**
 * Makes sure that a recording can be run again: each step on the private state, the reads, the time
 * and the chance it had, and its effects held against those of then. Pure: nothing is performed.
 *
 * I1  A step is judged only on a private state that is known: from the beginning, or from where it
 *     was made anew, to the first frame that is missing.
 */
import type { RecordedEntry } from '../../../subjects/index.ts';
import { tokensIn } from '../../../subjects/index.ts';
import type { Actor, Context, Follow, Step } from '../actor.ts';
import { seededRandom, shortId } from '../ids.ts';
import type { Change, View } from '../view.ts';
import { type Difference, differenceOf } from './difference.ts';
import type { Recorded } from './history.ts';
import { fromPlain, plainEffect, Replies } from './plain.ts';
import { KnownValues, RecordedView, UnrecordedError } from './recorded-view.ts';

type StepEntry = Extract<RecordedEntry, { kind: 'step' }>;
type FoldEntry = Extract<RecordedEntry, { kind: 'fold' }>;
type AnyStep = Step<unknown, unknown, unknown>;

/** What came of running a recording again. */
export interface Replayed {
  /** Steps that were run again and held against what was recorded. */
  readonly steps: number;
  /** Steps that were not, for a frame before them is missing. */
  readonly skipped: number;
  readonly missing: number;
  /** The first step that decides otherwise now; nothing after it was run. */
  readonly first:
    | (Difference & { readonly seq: number; readonly label: string; readonly about: string })
    | undefined;
}

/** Runs a recording again with an actor of this build. */
export function replay(actor: Actor, recorded: Recorded): Replayed {
  const run = new Replay(actor);
  let [steps, skipped, missing] = [0, 0, 0];
  for (const each of recorded.entries) {
    if ('missing' in each) {
      missing += each.missing;
      run.forget();
      continue;
    }
    const { seq, entry } = each;
    if (entry.kind === 'step') {
      if (!run.isKnown) {
        skipped++;
        continue;
      }
      steps++;
    }
    const found = run.take(entry);
    if (found && (entry.kind === 'step' || entry.kind === 'fold')) {
      const [label, about] =
        entry.kind === 'step' ? [entry.label, entry.about] : [`fold ${entry.view}`, entry.key];
      return { steps, skipped, missing, first: { seq, label, about, ...found } };
    }
  }
  return { steps, skipped, missing, first: undefined };
}

class Replay {
  readonly #actor: Actor;
  readonly #values = new KnownValues();
  readonly #lists = new Map<string, readonly string[]>();
  readonly #replies = new Replies();
  #state: { readonly value: unknown } | undefined;

  constructor(actor: Actor) {
    this.#actor = actor;
  }

  /** Whether the private state is known. */
  get isKnown(): boolean {
    return this.#state !== undefined;
  }

  /** A frame is missing: what it changed is not known. */
  forget(): void {
    this.#state = undefined;
  }

  /** Goes on by one entry. Returns where it differs from then. */
  take(entry: RecordedEntry): Difference | undefined {
    switch (entry.kind) {
      case 'began':
      case 'rebuilt': {
        this.#values.forget();
        this.#lists.clear();
        const plain = fromPlain(entry.state, this.#replies);
        const { snapshot } = this.#actor;
        this.#state = { value: snapshot ? snapshot.restore(plain) : plain };
        return undefined;
      }
      case 'step':
        return this.#step(entry);
      case 'fold':
        return this.#fold(entry);
      case 'outcome':
      case 'ended':
        return undefined;
    }
  }

  #step(entry: StepEntry): Difference | undefined {
    const step = stepOf(this.#actor, entry.label);
    if (!step) return { path: 'step', recorded: entry.label, now: undefined };
    const message = fromPlain(entry.message, this.#replies);
    const context: Context = {
      ...this.#contextOf(entry),
      isHeld: (key) => entry.held.includes(key),
      isMine: (_record, key) => entry.mine.includes(key),
    };
    const { threw, effects } = entry;
    return this.#compare({ effects, ...(threw === undefined ? {} : { threw }) }, (state) => ({
      effects: step(state, message, context).map((each) => plainEffect(each, this.#replies)),
    }));
  }

  #fold(entry: FoldEntry): Difference | undefined {
    const context = this.#contextOf(entry);
    const one = (this.#actor.follows as Record<string, Follow<unknown, unknown>>)[entry.view];
    const tokens = one && tokensIn(one.record, entry.key);
    if (!this.#state || !one?.fold || !tokens) return undefined;
    const { key, at: revision } = entry;
    const [before, after] = [entry.before ?? undefined, entry.after ?? undefined];
    const change = { key, tokens, before, after, revision } as Change;
    const { threw } = entry;
    return this.#compare(threw === undefined ? {} : { threw }, (state) => {
      one.fold?.(state, change, context);
      return {};
    });
  }

  /** Runs something on the private state, and holds what comes of it against what came then. */
  #compare(recorded: object, run: (state: unknown) => object): Difference | undefined {
    let now: object;
    try {
      now = run(this.#state?.value);
    } catch (error) {
      if (error instanceof UnrecordedError) {
        return { path: 'reads', recorded: undefined, now: error.message };
      }
      now = { effects: [], threw: String(error) };
    }
    // Through JSON, as what was recorded went: what it does not keep is no difference.
    return differenceOf(recorded, JSON.parse(JSON.stringify(now)));
  }

  #contextOf(entry: StepEntry | FoldEntry): Context {
    this.#values.take(entry.values);
    for (const [name, { all }] of Object.entries(entry.reads)) {
      if (all !== undefined && all !== 'same') this.#lists.set(name, all);
    }
    const views: Record<string, View> = {};
    for (const [name, one] of Object.entries(this.#actor.follows) as [
      string,
      Follow<unknown, unknown>,
    ][]) {
      const reads = entry.reads[name] ?? {};
      const list = reads.all === undefined ? undefined : this.#lists.get(name);
      views[name] = new RecordedView(one.record, { values: this.#values, reads, list });
    }
    const random = seededRandom(entry.seed);
    const { now, clockSetMs = 0, revision, fence } = entry;
    return {
      ...{ now, clockSetMs, views, random, revision, fence, id: () => shortId(random, 5) },
      ...{ isHeld: () => false, isMine: () => false },
    };
  }
}

/** The step for what the counters call a message; undefined: this build has none. */
function stepOf(actor: Actor, label: string): AnyStep | undefined {
  const [kind = '', name = ''] = label.split(' ');
  const follows = actor.follows as Readonly<Record<string, Follow<unknown, unknown>>>;
  const found =
    kind === 'changed' && name !== ''
      ? follows[name]?.changed
      : kind === 'answer' && name !== ''
        ? actor.answers[name]
        : kind === 'report' && name !== ''
          ? actor.jobs[name]
          : label === 'connected'
            ? actor.connected
            : (actor.timers[label]?.step ??
              actor.routes.find((route) => route.contract.name === label)?.step);
  return found as AnyStep | undefined;
}
