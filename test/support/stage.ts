/**
 * The store as an actor's steps see it, without a runtime: views that a test fills, a clock it
 * sets, and commits it carries out one after another, so that it can stop, or let somebody else
 * write, between any two of them.
 */
import type { Actor, Context, Follow, Received } from '../../actors/runtime/actor.ts';
import type { Effects, Put } from '../../actors/runtime/effect.ts';
import { seededRandom, shortId } from '../../actors/runtime/ids.ts';
import { type Change, View } from '../../actors/runtime/view.ts';
import {
  address,
  decode,
  encode,
  instanceRecord,
  ledgerRecord,
  type MessageContract,
  nodeRecord,
  observedRecord,
  type PayloadOf,
  type RecordContract,
  revisionRecord,
  routeRecord,
  specRecord,
  type TokensOf,
  tenantRecord,
  workloadRecord,
} from '../../subjects/index.ts';

/** Any moment will do, as long as it is always the same. */
const START_MS = 1_767_225_600_000;

const newViews = () => ({
  nodes: new View(nodeRecord),
  ledgers: new View(ledgerRecord),
  workloads: new View(workloadRecord),
  instances: new View(instanceRecord),
  observed: new View(observedRecord),
  routes: new View(routeRecord),
  tenants: new View(tenantRecord),
  specs: new View(specRecord),
  revisions: new View(revisionRecord),
});
export type StageViews = ReturnType<typeof newViews>;

/** A commit's writes with the revisions they expect, and whether all of them are made or none. */
interface Planned {
  readonly puts: readonly (Put & { readonly key: string; readonly revision: number | 'any' })[];
  readonly isWhole: boolean;
}
type PlannedPut = Planned['puts'][number];

export class Stage {
  now = START_MS;
  clockSetMs = 0;
  readonly views = newViews();
  /** Keys with a commit in flight. */
  readonly held = new Set<string>();
  /** Keys whose value was written for the message at hand. */
  readonly mine = new Set<string>();
  revision = 0;
  readonly #folds: ((change: Change, record: RecordContract) => void)[] = [];
  readonly #random = seededRandom(1);

  /** What a step is given now. */
  get context(): Context<StageViews> {
    return {
      now: this.now,
      clockSetMs: this.clockSetMs,
      views: this.views,
      random: this.#random,
      id: () => shortId(this.#random, 5),
      isHeld: (key) => this.held.has(key),
      isMine: (_record, key) => this.mine.has(key),
      revision: this.revision,
      fence: 0,
    };
  }

  /** A private state of an actor that its folds keep up to date from now on. */
  stateOf<S, V>(actor: Actor<S, V>): S {
    const state = actor.init();
    const follows: Iterable<Follow<S, V>> = Object.values(actor.follows);
    this.#folds.push((change, record) => {
      for (const each of follows) {
        if (each.record === record) each.fold?.(state, change, this.context as Context<V>);
      }
    });
    return state;
  }

  /** Calls back after every write. */
  watch(changed: (change: Change, record: RecordContract) => void): void {
    this.#folds.push(changed);
  }

  /** Writes a record, or deletes it; what its contract does not accept is the test's fault. */
  put<C extends RecordContract>(
    record: C,
    tokens: TokensOf<C>,
    value: PayloadOf<C> | undefined,
  ): Change<C> {
    const view = Object.values(this.views).find((each) => each.record.name === record.name);
    if (!view) throw new Error(`the stage has no view of ${record.name}`);
    const key = address(record, tokens);
    const decoded = value === undefined ? undefined : decode(record, encode(record, value));
    if (decoded && !decoded.ok) throw new Error(`${key} cannot be stored: ${decoded.reason}`);
    this.revision++;
    const bytes = value === undefined ? 0 : encode(record, value).length;
    const meta = { revision: this.revision, writer: undefined, at: this.now, bytes };
    const change = (view as View).apply(key, decoded?.value, meta) as Change<C>;
    for (const fold of this.#folds) fold(change as unknown as Change, record);
    return change;
  }

  /** The commits among effects; they expect what the views say now. */
  plan(effects: Effects): Commits {
    const commits = effects.flatMap((effect): Planned[] => {
      if (effect.kind !== 'commit') return [];
      const puts = effect.puts.map((each): PlannedPut => {
        const key = address(each.record, each.tokens as never);
        const revision = each.expected === 'any' ? 'any' : this.#revisionOf(each.record, key);
        return { ...each, key, revision };
      });
      return [{ puts, isWhole: effect.isWhole }];
    });
    return new Commits(this, commits);
  }

  /** Carries out all commits among effects. Throws where one meets a conflict. */
  perform(effects: Effects): void {
    const commits = this.plan(effects);
    while (!commits.isDone) if (!commits.next()) throw new Error('a commit met a conflict');
  }

  /** Whether a planned write still finds what it expects, and if so makes it. */
  write(planned: PlannedPut): boolean {
    if (!this.isMet(planned)) return false;
    const { record, tokens, value } = planned;
    this.put(record, tokens as never, (value ?? undefined) as never);
    return true;
  }

  /** Whether a planned write finds what it expects. */
  isMet({ record, key, revision }: PlannedPut): boolean {
    return revision === 'any' || revision === this.#revisionOf(record, key);
  }

  #revisionOf(record: RecordContract, key: string): number {
    const view = Object.values(this.views).find((each) => each.record.name === record.name);
    return (view as View | undefined)?.revision(key) ?? 0;
  }
}

/** Commits under way. */
export class Commits {
  readonly #stage: Stage;
  readonly #left: Planned[];

  constructor(stage: Stage, commits: readonly Planned[]) {
    this.#stage = stage;
    this.#left = [...commits];
  }

  get isDone(): boolean {
    return this.#left.length === 0;
  }

  /** Makes the writes of the next commit; false: one met a conflict, all ends. */
  next(): boolean {
    const { puts, isWhole } = this.#left.shift() ?? { puts: [], isWhole: false };
    const isRefused = isWhole && !puts.every((each) => this.#stage.isMet(each));
    const results = isRefused ? [false] : puts.map((each) => this.#stage.write(each));
    if (results.every(Boolean)) return true;
    this.#left.length = 0;
    return false;
  }
}

let messages = 0;

/** A message as a step gets it, with an id of its own. */
export function received<C extends MessageContract>(
  _contract: C,
  tokens: TokensOf<C>,
  payload: PayloadOf<C>,
): Received<C> {
  return { tokens, payload, id: `m${++messages}`, from: undefined };
}

/** A timer that has come due. */
export function due(key = '', payload?: unknown) {
  return { key, payload };
}
