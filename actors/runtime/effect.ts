/**
 * Everything a step can want: a closed union, small enough to memorise. A step returns effects as
 * data; the runtime performs them in order (R2). Commits stand before whatever tells of them:
 * `publish`, `reply`, `request`, `work` and `run` after a refused commit never happen.
 */
import type {
  EventContract,
  PayloadOf,
  RecordContract,
  Refusal,
  RefusalCode,
  ReplyOf,
  RequestContract,
  TimedContract,
  TokensOf,
  WorkContract,
} from '../../subjects/index.ts';
import { refusal } from '../../subjects/index.ts';

/** Where an answer goes; handed to a step with the ask, and kept while others are asked. */
export interface ReplyTo {
  send(answer: { readonly ok: boolean; readonly [part: string]: unknown }, revision: number): void;
}

/** One compare-and-set. Without `expected`, the revision the actor's view holds. */
export interface Put {
  readonly record: RecordContract;
  readonly tokens: Readonly<Record<string, string>>;
  /** Null deletes, leaving a marker. */
  readonly value: unknown;
  /**
   * Instead of the view's revision, for records the actor does not follow. `any`: whatever stands
   * there. `own`, for keys with one writer: what this actor wrote last, `any` the first time; so a
   * write of its dead predecessor that arrives late changes nothing.
   */
  readonly expected?: 'any' | 'own' | undefined;
}

export type Effect =
  | {
      readonly kind: 'publish';
      readonly contract: EventContract;
      readonly tokens: Readonly<Record<string, string>>;
      readonly payload: unknown;
      /** Same id, same fact: a stream keeps it once. Default: derived from the message. */
      readonly id: string | undefined;
    }
  | { readonly kind: 'reply'; readonly to: ReplyTo | undefined; readonly answer: unknown }
  | {
      readonly kind: 'request';
      readonly contract: RequestContract;
      readonly tokens: Readonly<Record<string, string>>;
      readonly payload: unknown;
      /** Comes back with the answer. */
      readonly memo: unknown;
      /** Revision the asker knows of what it is about; undefined: as its views. */
      readonly seen?: number;
    }
  /** Each put on its own (`isWhole` false), or all of them or none. */
  | { readonly kind: 'commit'; readonly puts: readonly Put[]; readonly isWhole: boolean }
  /** Nothing else of this actor that is alone with the same is under way beside this list. */
  | { readonly kind: 'alone'; readonly with: string }
  | {
      readonly kind: 'work';
      readonly contract: WorkContract;
      readonly tokens: Readonly<Record<string, string>>;
      readonly payload: unknown;
      /** When it comes, in milliseconds since 1970; for contracts that wait, and only for them. */
      readonly at: number | undefined;
    }
  /** Wakes the actor's timer `name` later; the same name and key again replaces it. */
  | {
      readonly kind: 'after';
      readonly name: string;
      readonly key: string;
      readonly delayMs: number;
      readonly payload: unknown;
    }
  | { readonly kind: 'cancel'; readonly name: string; readonly key: string }
  /** The same for an item that waits for its time. */
  | {
      readonly kind: 'cancel';
      readonly contract: TimedContract;
      readonly tokens: Readonly<Record<string, string>>;
    }
  /** Starts a job of the actor's shell; its reports come back with the memo. */
  | { readonly kind: 'run'; readonly job: string; readonly input: unknown; readonly memo: unknown };

export type Effects = readonly Effect[];

/** Nothing to do. */
export const none: Effects = [];

/** Tells a fact. With an `id`, a stream keeps the same fact once however often it is told. */
export function publish<C extends EventContract>(
  contract: C,
  tokens: TokensOf<C>,
  payload: PayloadOf<C>,
  id?: string,
): Effect {
  return { kind: 'publish', contract, tokens, payload, id };
}

/** Answers an ask with its contract's value. */
export function reply<C extends RequestContract>(
  _contract: C,
  to: ReplyTo | undefined,
  value: ReplyOf<C>,
): Effect {
  return { kind: 'reply', to, answer: { ok: true, value } };
}

/** Says no to an ask. A refusal is an answer: nothing is wrong with the actor. */
export function refuse(to: ReplyTo | undefined, code: RefusalCode, detail: string): Effect {
  return { kind: 'reply', to, answer: { ok: false, refusal: refusal(code, detail) } };
}

/** Says no with a refusal somebody else made. */
export function refuseWith(to: ReplyTo | undefined, because: Refusal): Effect {
  return { kind: 'reply', to, answer: { ok: false, refusal: because } };
}

/**
 * Asks another actor; the answer comes to the step declared for it, with the memo. `seen`: the
 * revision of the store it rests on; default: all that this step has seen.
 */
export function request<C extends RequestContract>(
  contract: C,
  tokens: TokensOf<C>,
  payload: PayloadOf<C>,
  memo: unknown,
  seen?: number,
): Effect {
  const asked = { kind: 'request', contract, tokens, payload, memo } as const;
  return seen === undefined ? asked : { ...asked, seen };
}

/** One put, typed by its record. */
export function put<C extends RecordContract>(
  record: C,
  tokens: TokensOf<C>,
  value: PayloadOf<C>,
  expected?: 'any' | 'own',
): Put {
  return { record, tokens, value, expected };
}

/** A put that deletes. */
export function remove<C extends RecordContract>(
  record: C,
  tokens: TokensOf<C>,
  expected?: 'any' | 'own',
): Put {
  return { record, tokens, value: null, expected };
}

/** Compare-and-sets in flight together, each on its own. The next effect waits for all of them. */
export function commit(...puts: readonly Put[]): Effect {
  return { kind: 'commit', puts, isWhole: false };
}

/** All of these or none (an atomic batch; 2.3 ms on one server, so for what needs it only). */
export function transact(...puts: readonly Put[]): Effect {
  return { kind: 'commit', puts, isWhole: true };
}

/**
 * For what is decided from several records together: while another list of this actor that is alone
 * with the same is under way, this step waits, and decides again when that is over. Two that write
 * different keys would each rest on what the other is about to change.
 */
export function alone(what: string): Effect {
  return { kind: 'alone', with: what };
}

/** Puts an item on a work queue; one that waits there already is enough. */
export function work<C extends WorkContract>(
  contract: C,
  tokens: TokensOf<C>,
  payload: PayloadOf<C>,
): Effect {
  return { kind: 'work', contract, tokens, payload, at: undefined };
}

/**
 * Puts an item on its queue at a time, in milliseconds since 1970, whoever lives until then; one
 * that is past comes at once. Replaces the item of these tokens that waits.
 */
export function workAt<C extends TimedContract>(
  contract: C,
  tokens: TokensOf<C>,
  of: { readonly payload: PayloadOf<C>; readonly at: number },
): Effect {
  return { kind: 'work', contract, tokens, ...of };
}

/** Takes back an item that waits for its time; none is no error. One that came stays. */
export function cancelWork<C extends TimedContract>(contract: C, tokens: TokensOf<C>): Effect {
  return { kind: 'cancel', contract, tokens };
}

/** Wakes a timer of the actor after at least `delayMs`. */
export function after(
  name: string,
  delayMs: number,
  options: { readonly key?: string; readonly payload?: unknown } = {},
): Effect {
  return { kind: 'after', name, delayMs, key: options.key ?? '', payload: options.payload };
}

/** Forgets a timer; one that is not set is no error. */
export function cancel(name: string, key = ''): Effect {
  return { kind: 'cancel', name, key };
}

/** Starts a job of the shell. */
export function run(job: string, input: unknown, memo?: unknown): Effect {
  return { kind: 'run', job, input, memo };
}
