/**
 * Makes sure that each subject and each key of the store is declared once, as data, with what it
 * carries, who may write it, how large it may be and how long it lasts. Streams, permissions,
 * documents and validation are derived from these values (streams.ts, permissions.ts, docs).
 */
import type { z } from 'zod';
import type { CodecName } from './codec.ts';
import { fill, match, narrow, type Template, type Tokens, template } from './template.ts';
import { tolerant } from './tolerance.ts';

/**
 * Who connects to the bus. `control`: the actors of the control plane; `gateway`; `agent`: the
 * agent of one node, bound to that node's tokens; `operator`: a person with the command line.
 */
export const roles = ['control', 'gateway', 'agent', 'operator'] as const;
export type Role = (typeof roles)[number];

/** Streams that hold messages. Buckets are streams too; see `Bucket`. */
export type StreamName = 'WORK' | 'SCHEDULE' | 'EVENTS' | 'LOGS' | 'DECISIONS' | 'SNAPSHOTS';
/** Where records are kept: what is wanted, and what is. */
export const buckets = ['shoal', 'shoal-observed'] as const;
export type Bucket = (typeof buckets)[number];

interface Common<S extends string, P> {
  /** Dotted, unique, stable: how logs, metrics and documents call it. */
  readonly name: string;
  readonly subject: Template<S>;
  readonly schema: z.ZodType<P>;
  readonly codec: CodecName;
  /** Largest encoded body, in bytes. Larger ones are refused by writer and reader alike. */
  readonly bytesMax: number;
  /** Who may publish (or, of a record, write). */
  readonly from: readonly Role[];
  /** Who may subscribe (or, of a record, read). */
  readonly to: readonly Role[];
  /** One sentence for the generated documents. */
  readonly summary: string;
}

/** A fact or a notice: published, perhaps stored, never answered. */
export interface EventContract<S extends string = string, P = unknown> extends Common<S, P> {
  readonly kind: 'event';
  /** Undefined: core NATS, gone when nobody listens. */
  readonly stream: StreamName | undefined;
  /**
   * Nobody waits until it is stored, and it is not said again: one that the stream did not confirm
   * is counted. Only for what explains; nothing may rest on it.
   */
  readonly mayBeLost: true | undefined;
}

/** An ask that is answered once, with a value or a refusal. */
export interface RequestContract<S extends string = string, P = unknown, R = unknown>
  extends Common<S, P> {
  readonly kind: 'request';
  readonly reply: z.ZodType<R>;
  /** How long the asker waits before it asks again, in milliseconds. */
  readonly timeoutMs: number;
}

/** An item on a work queue: one message per subject, done by one worker at a time. */
export interface WorkContract<S extends string = string, P = unknown> extends Common<S, P> {
  readonly kind: 'work';
  readonly stream: 'WORK' | 'SCHEDULE';
  /** How long a worker may keep an item without a sign of life, in milliseconds. */
  readonly ackWaitMs: number;
  /** One consumer per value of this token: a backlog in one lane holds up no other. */
  readonly lanes: { readonly token: string; readonly values: readonly string[] } | undefined;
  /** Where an item waits for its time, on SCHEDULE; undefined: it is put on its queue at once. */
  readonly waits: Template<S> | undefined;
}

/** An item that comes at a time: at most one per subject waits. */
export type TimedContract<S extends string = string, P = unknown> = WorkContract<S, P> & {
  readonly waits: Template<S>;
};

/** Names the groups a record belongs to, by its value. */
export type Index<P> = { groups(value: P): string | readonly string[] | undefined }['groups'];

/** A value of the store under a key. Its subject is `$KV.<bucket>.<key>`. */
export interface RecordContract<S extends string = string, P = unknown> extends Common<S, P> {
  readonly kind: 'record';
  readonly bucket: Bucket;
  /** Groups in which a view of these records can be asked for, by the index's name. */
  readonly indexes: Readonly<Record<string, Index<P>>>;
  /**
   * The index of which no two records may be in the same group. Whoever writes one sees to it; of an
   * actor's commits only one is in flight for a group at a time, so that what it sees is so.
   */
  readonly unique: string | undefined;
}

export type MessageContract = EventContract | RequestContract | WorkContract;
export type Contract = MessageContract | RecordContract;

export type PayloadOf<C> = C extends { readonly schema: z.ZodType<infer P> } ? P : never;
export type ReplyOf<C> = C extends { readonly reply: z.ZodType<infer R> } ? R : never;
export type TokensOf<C> = C extends { readonly subject: Template<infer S> } ? Tokens<S> : never;

interface Declaration<S extends string, P> {
  readonly name: string;
  readonly subject: S;
  readonly schema: z.ZodType<P>;
  readonly codec?: CodecName;
  readonly bytesMax: number;
  readonly from: readonly Role[];
  readonly to: readonly Role[];
  readonly summary: string;
}

/**
 * What all contracts have, in one order, whatever order it was written in: what reads contracts then
 * finds it without a search.
 */
function declared<S extends string, P>(of: Declaration<S, P>): Common<S, P> {
  const { name, schema, codec = 'json', bytesMax, from, to, summary } = of;
  const subject = template(of.subject);
  return { name, subject, schema, codec, bytesMax, from, to, summary };
}

/** Declares an event. With `stream` it is kept there, else it is core NATS. */
export function event<const S extends string, P>(
  of: Declaration<S, P> & { readonly stream?: StreamName; readonly mayBeLost?: true },
): EventContract<S, P> {
  return { ...declared(of), kind: 'event', stream: of.stream, mayBeLost: of.mayBeLost };
}

/** Declares a request and its reply. */
export function request<const S extends string, P, R>(
  of: Declaration<S, P> & { readonly reply: z.ZodType<R>; readonly timeoutMs: number },
): RequestContract<S, P, R> {
  return { ...declared(of), kind: 'request', reply: of.reply, timeoutMs: of.timeoutMs };
}

/** Declares an item of a work queue. */
export function work<const S extends string, P>(
  of: Declaration<S, P> & {
    readonly ackWaitMs: number;
    readonly lanes: NonNullable<WorkContract['lanes']>;
  },
): WorkContract<S, P> {
  const { ackWaitMs, lanes } = of;
  return { ...declared(of), kind: 'work', stream: 'WORK', ackWaitMs, lanes, waits: undefined };
}

/** Declares an item that comes at a time; `waits` takes the tokens of its subject. */
export function timed<const S extends string, P>(
  of: Declaration<S, P> & { readonly ackWaitMs: number; readonly waits: string },
): TimedContract<S, P> {
  const waits = template(of.waits) as unknown as Template<S>;
  const { ackWaitMs } = of;
  return {
    ...declared(of),
    kind: 'work',
    stream: 'SCHEDULE',
    ackWaitMs,
    lanes: undefined,
    waits,
  };
}

/**
 * Declares a record of the store: `subject` is its key's template, without the bucket. Keys that
 * its schema does not know stay in the value (tolerance.ts): a newer program may have written them.
 */
export function record<const S extends string, P>(
  of: Declaration<S, P> & {
    readonly bucket: Bucket;
    readonly indexes?: Readonly<Record<string, Index<P>>>;
    readonly unique?: string;
  },
): RecordContract<S, P> {
  const { bucket, indexes = {}, unique } = of;
  const tolerating = declared({ ...of, schema: tolerant(of.schema) });
  return { ...tolerating, kind: 'record', bucket, indexes, unique };
}

/** The subject (of a record: the key) for these tokens. Throws TokenError on a bad token. */
export function address<C extends Contract>(contract: C, tokens: TokensOf<C>): string {
  return fill(contract.subject, tokens as Tokens<string>);
}

/** Where an item of these tokens waits for its time. Throws TokenError on a bad token. */
export function waitingAddress<C extends TimedContract>(contract: C, tokens: TokensOf<C>): string {
  return fill(contract.waits, tokens as Tokens<string>);
}

/** The tokens in a subject under which an item waits, or undefined when it is another's. */
export function waitingTokensIn<C extends TimedContract>(
  contract: C,
  subject: string,
): TokensOf<C> | undefined {
  return match(contract.waits, subject) as TokensOf<C> | undefined;
}

/** The pattern of a contract's subjects (of a record: keys), narrowed by the tokens given. */
export function pattern<C extends Contract>(contract: C, tokens?: Partial<TokensOf<C>>): string {
  return tokens ? narrow(contract.subject, tokens) : contract.subject.pattern;
}

/** The tokens in a subject (of a record: a key), or undefined when it is another contract's. */
export function tokensIn<C extends Contract>(
  contract: C,
  subject: string,
): TokensOf<C> | undefined {
  return match(contract.subject, subject) as TokensOf<C> | undefined;
}

/** Where a record's key lives on the bus. */
export function storeSubject(bucket: Bucket, key: string): string {
  return `$KV.${bucket}.${key}`;
}
