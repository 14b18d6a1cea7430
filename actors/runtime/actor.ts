/**
 * What an actor is: a value. Its name and its opening sentence, the messages it takes and the
 * step for each, the records it follows, its timers and jobs, and what it may publish and write.
 *
 * A step is synchronous: `(state, message, context) → effects`. It may change the actor's private
 * state in place; it never edits a view or a message. It may run more than once for one message
 * (its keys were held, or its commit met a conflict), so a private change must be safe to repeat.
 */
import type {
  Answer,
  MessageContract,
  PayloadOf,
  RecordContract,
  ReplyOf,
  RequestContract,
  TokensOf,
} from '../../subjects/index.ts';
import type { Effects, ReplyTo } from './effect.ts';
import type { Change } from './view.ts';

/** What a step is given beside its state and its message. */
export interface Context<V = unknown> {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** How far the clock was set while this process lives, in milliseconds; forward: positive. */
  readonly clockSetMs: number;
  readonly views: V;
  /** In [0, 1); the same for the same message. */
  random(): number;
  /** A short id of five characters; the same for the same message. */
  id(): string;
  /** Whether a commit of this actor on this key is in flight: a step that needs it would wait. */
  isHeld(key: string): boolean;
  /**
   * Whether what stands under a key was written for this message, or for one it caused: it came
   * again, and a step whose change cannot be made twice must not make it (R3).
   */
  isMine(record: RecordContract, key: string): boolean;
  /** Newest revision of the store all views have reached. */
  readonly revision: number;
  /**
   * Raised each time another copy begins to act: goes with effects outside the store, whose
   * receivers refuse lower ones. 0 where all copies act.
   */
  readonly fence: number;
}

/** A message of a contract, decoded and valid. */
export interface Received<C extends MessageContract = MessageContract> {
  readonly payload: PayloadOf<C>;
  readonly tokens: TokensOf<C>;
  readonly id: string;
  /** Where an answer goes; undefined for what nobody waits for. */
  readonly from: ReplyTo | undefined;
  /** Newest revision of the store its sender had seen when it decided to ask; undefined: not told. */
  readonly seen?: number | undefined;
  /** Earlier asks of its sender about the same may be on their way: once answered, this one stands (firm.ts). */
  readonly isFirm?: boolean;
}

/** A timer that was set with `after` has come due. */
export interface Due {
  readonly key: string;
  readonly payload: unknown;
}

/** The answer to a `request` effect. Nobody there or no answer in time is a refusal too. */
export interface Answered<C extends RequestContract = RequestContract> {
  readonly answer: Answer<ReplyOf<C>>;
  readonly memo: unknown;
}

/** A report of a job. */
export interface Reported<O = unknown> {
  readonly outcome: O;
  readonly memo: unknown;
}

// Steps are declared as methods, so that a step for one message fits a list of steps.
export type Step<S, M, V> = {
  step(state: S, message: M, context: Context<V>): Effects;
}['step'];

/** Folds a change into private state, at once; may not have effects. */
export type Fold<S, C extends RecordContract, V> = {
  fold(state: S, change: Change<C>, context: Context<V>): void;
}['fold'];

export interface Route<S, V> {
  readonly contract: MessageContract;
  /** Tokens this copy is bound to, e.g. its own node. */
  readonly tokens: Readonly<Record<string, string>>;
  /** `shared`: one of all copies gets each message. `each`: every copy gets it. */
  readonly delivery: 'shared' | 'each';
  readonly step: Step<S, Received, V>;
}

export interface Follow<S, V> {
  readonly record: RecordContract;
  readonly tokens: Readonly<Record<string, string>>;
  readonly fold: Fold<S, RecordContract, V> | undefined;
  readonly changed: Step<S, Change, V> | undefined;
}

export interface Timer<S, V> {
  /** Comes by itself this often; undefined: only when set with `after`. */
  readonly everyMs: number | undefined;
  readonly step: Step<S, Due, V>;
}

export interface Actor<S = unknown, V = unknown> {
  /** Lower-case noun; the folder's name. */
  readonly name: string;
  /** "Makes sure that …": what would be missing without it. */
  readonly sentence: string;
  /** How several copies share the work: `competing` all act; `acting` one does, others stand by. */
  readonly copies: 'competing' | 'acting';
  readonly init: () => S;
  /**
   * How the private state is written down and read back, for recordings, where it is more than
   * plain data, maps and sets.
   */
  readonly snapshot?: { take(state: S): unknown; restore(taken: unknown): S };
  /** Steps for messages. */
  readonly routes: readonly Route<S, V>[];
  /** Records it follows; `context.views` has a view under each name. */
  readonly follows: Readonly<Record<keyof V & string, Follow<S, V>>>;
  readonly timers: Readonly<Record<string, Timer<S, V>>>;
  /** Steps for answers, by the request's name. */
  readonly answers: Readonly<Record<string, Step<S, Answered, V>>>;
  /** Steps for reports, by the job's name. */
  readonly jobs: Readonly<Record<string, Step<S, Reported, V>>>;
  /** Once its views are current, and again each time the bus was away. */
  readonly connected: Step<S, { readonly isFirst: boolean }, V> | undefined;
  /** Messages it may send: events, requests and work. Anything else is a fault. */
  readonly publishes: readonly MessageContract[];
  /** Records it may write. */
  readonly writes: readonly RecordContract[];
}

type Optional = 'copies' | 'timers' | 'answers' | 'jobs' | 'connected';

/** Declares an actor. */
export function defineActor<S, V>(
  of: Omit<Actor<S, V>, Optional> & Partial<Pick<Actor<S, V>, Optional>>,
): Actor<S, V> {
  const { copies = 'competing', timers = {}, answers = {}, jobs = {}, connected } = of;
  const { name, sentence, init, routes, follows, publishes, writes } = of;
  // All in one order, whatever order they were written in: what runs actors then finds it without a search.
  return {
    ...{ name, sentence, copies, init, routes, follows },
    ...{ timers, answers, jobs, connected, publishes, writes },
    ...(of.snapshot && { snapshot: of.snapshot }),
  };
}

/** A step for a contract's messages. Requests and work are shared among the copies. */
export function on<C extends MessageContract, S, V>(
  contract: C,
  step: Step<S, Received<C>, V>,
  options: { readonly tokens?: Partial<TokensOf<C>>; readonly delivery?: 'shared' | 'each' } = {},
): Route<S, V> {
  const delivery = options.delivery ?? (contract.kind === 'event' ? 'each' : 'shared');
  const tokens = (options.tokens ?? {}) as Record<string, string>;
  return { contract, tokens, delivery, step: step as Step<S, Received, V> };
}

/** A view of a record, with what to do when it changes. */
export function follow<C extends RecordContract, S, V>(
  record: C,
  options: {
    readonly tokens?: Partial<TokensOf<C>>;
    readonly fold?: Fold<S, C, V>;
    readonly changed?: Step<S, Change<C>, V>;
  } = {},
): Follow<S, V> {
  return {
    record,
    tokens: (options.tokens ?? {}) as Record<string, string>,
    fold: options.fold as Fold<S, RecordContract, V> | undefined,
    changed: options.changed as Step<S, Change, V> | undefined,
  };
}

/** A timer that comes by itself. */
export function every<S, V>(everyMs: number, step: Step<S, Due, V>): Timer<S, V> {
  return { everyMs, step };
}

/** A timer that comes when it was set with `after`. */
export function once<S, V>(step: Step<S, Due, V>): Timer<S, V> {
  return { everyMs: undefined, step };
}

/** The step for the answers to a request this actor makes. */
export function answered<C extends RequestContract, S, V>(
  contract: C,
  step: Step<S, Answered<C>, V>,
): Readonly<Record<string, Step<S, Answered, V>>> {
  return { [contract.name]: step as Step<S, Answered, V> };
}

/** The step for the reports of a job. */
export function reported<O, S, V>(
  job: string,
  step: Step<S, Reported<O>, V>,
): Readonly<Record<string, Step<S, Reported, V>>> {
  return { [job]: step as Step<S, Reported, V> };
}
