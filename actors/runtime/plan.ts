/**
 * Makes sure that what a step wants is checked and encoded before any of it is done: a bad token,
 * a body over its limit, a contract the actor did not declare, or a fact told before its commit
 * is a fault of the step while nothing has happened yet. Only what may be lost is encoded as it is
 * said.
 *
 * Also here: the revisions a commit expects. They are those of the views the step has just read,
 * also for a commit that is sent later in the same list, so a change in between is a conflict.
 */
import {
  address,
  type Bucket,
  contentType,
  type EventContract,
  encode,
  type MessageContract,
  PROTOCOL,
  type RecordContract,
  type RequestContract,
  type StreamName,
  type TimedContract,
  waitingAddress,
} from '../../subjects/index.ts';
import type { Actor } from './actor.ts';
import type { Effect, Effects, Put } from './effect.ts';
import { derivedId } from './ids.ts';
import {
  ID_HEADER,
  type Outgoing,
  PROTOCOL_HEADER,
  SEEN_HEADER,
  type TimedItem,
  TRACE_HEADER,
  TYPE_HEADER,
  WRITER_HEADER,
  type Write,
} from './ports.ts';
import type { View } from './view.ts';

/** One compare-and-set, ready to send, with the value it stores. */
export interface PlannedWrite {
  readonly record: RecordContract;
  readonly write: Write;
  readonly value: unknown;
  /** Id of this write, like no other: how its writer knows it again. */
  readonly writer: string;
  /** Its revision is kept for the actor's next write to the key. */
  readonly isOwn: boolean;
}

/**
 * What is put off for so long at most, in milliseconds, is still part of the call that caused it:
 * changes are gathered for 2. A restart, a probe and whatever else comes again and again is put off
 * for longer: it would never end being part of it.
 */
const PART_OF_CALL_MS = 50;

/** Of the call that caused it; absent: nobody follows one. */
interface Traced {
  readonly traceparent?: string;
}

export type Planned =
  | Exclude<
      Effect,
      { kind: 'publish' | 'request' | 'commit' | 'work' | 'cancel' | 'run' | 'after' | 'alone' }
    >
  | (Extract<Effect, { kind: 'run' }> & Traced & { readonly fence: number })
  | (Extract<Effect, { kind: 'after' }> & Traced)
  | { readonly kind: 'publish'; readonly contract: EventContract; readonly message: Outgoing }
  | { readonly kind: 'tell'; readonly stream: StreamName; readonly make: () => Outgoing }
  | {
      readonly kind: 'request';
      readonly contract: RequestContract;
      readonly message: Outgoing;
      readonly memo: unknown;
    }
  | { readonly kind: 'work'; readonly message: Outgoing; readonly timed: Timed | undefined }
  | { readonly kind: 'cancel'; readonly name: string; readonly key: string }
  | { readonly kind: 'withdraw'; readonly waits: string }
  | {
      readonly kind: 'commit';
      readonly bucket: Bucket;
      readonly writes: readonly PlannedWrite[];
      readonly isWhole: boolean;
    };

/** Where an item waits, and until when. */
type Timed = Pick<TimedItem, 'waits' | 'at'>;

export interface Plan {
  readonly steps: readonly Planned[];
  /** Keys the plan writes, the unique groups of what it puts there, what it is alone with: what it holds. */
  readonly keys: readonly string[];
}

export interface Cause {
  readonly id: string;
  /** Which copy handles it: the same message may be handled by several, one after another. */
  readonly copy: string;
  readonly attempt: number;
  /** Newest revision of the store the step rests on. */
  readonly seen: number;
  /** Under which it was decided; 0 of actors without a lease. */
  readonly fence: number;
  readonly traceparent: string | undefined;
}

/** What the actor knows of the store. */
export interface Known {
  view(record: RecordContract): View | undefined;
  /** Revisions of this actor's last writes to keys it does not follow. */
  readonly own: ReadonlyMap<string, number>;
}

/** Checks and encodes effects. Throws for what no step may want. */
export function planOf(actor: Actor, effects: Effects, cause: Cause, known: Known): Plan {
  const keys = new Set<string>();
  const steps: Planned[] = [];
  let isTelling = false;
  for (const [index, effect] of effects.entries()) {
    if (effect.kind === 'commit') {
      if (isTelling) throw new Error(`${actor.name}: a commit must stand before what tells of it`);
      steps.push(planCommit(actor, effect, { cause, index, known, keys }));
    } else if (effect.kind === 'alone') {
      // No key has a space in it.
      keys.add(`alone ${effect.with}`);
    } else {
      if (effect.kind !== 'after' && effect.kind !== 'cancel') isTelling = true;
      steps.push(planOther(actor, effect, cause, index));
    }
  }
  return { steps, keys: [...keys] };
}

function planOther(
  actor: Actor,
  effect: Exclude<Effect, { kind: 'commit' | 'alone' }>,
  cause: Cause,
  index: number,
): Planned {
  switch (effect.kind) {
    case 'publish': {
      const { contract, id = derivedId(cause.id, index) } = effect;
      if (contract.stream !== undefined && contract.mayBeLost) {
        mayPublish(actor, contract);
        // Made when it is said: plans that wait for a key or meet a conflict never come to it.
        const make = (): Outgoing => outgoing(actor, effect, cause, id);
        return { kind: 'tell', stream: contract.stream, make };
      }
      return { kind: 'publish', contract, message: outgoing(actor, effect, cause, id) };
    }
    case 'request': {
      const { contract, memo } = effect;
      declared(actor, 'answer to', contract.name, actor.answers);
      const resting = { ...cause, seen: effect.seen ?? cause.seen };
      const message = outgoing(actor, effect, resting, derivedId(cause.id, index));
      return { kind: 'request', contract, message, memo };
    }
    case 'work': {
      const message = outgoing(actor, effect, cause, derivedId(cause.id, index));
      return { kind: 'work', message, timed: timedOf(actor, effect) };
    }
    case 'run':
      declared(actor, 'job', effect.job, actor.jobs);
      return traced({ ...effect, fence: cause.fence }, cause);
    case 'after':
      declared(actor, 'timer', effect.name, actor.timers);
      return effect.delayMs <= PART_OF_CALL_MS ? traced(effect, cause) : effect;
    case 'reply':
      return effect;
    case 'cancel':
      if ('name' in effect) return effect;
      mayPublish(actor, effect.contract);
      return { kind: 'withdraw', waits: waitingAddress(effect.contract, effect.tokens as never) };
  }
}

/** What comes of it belongs to the call that caused it, where somebody follows that. */
function traced<E extends object>(effect: E, { traceparent }: Cause): E & Traced {
  return traceparent === undefined ? effect : { ...effect, traceparent };
}

function timedOf(actor: Actor, effect: Extract<Effect, { kind: 'work' }>): Timed | undefined {
  const { contract, tokens, at } = effect;
  if ((contract.waits === undefined) !== (at === undefined)) {
    throw new Error(
      `${actor.name}: ${contract.name} ${at === undefined ? 'needs a' : 'takes no'} time`,
    );
  }
  if (at === undefined) return undefined;
  return { waits: waitingAddress(contract as TimedContract, tokens as never), at };
}

function declared(actor: Actor, what: string, name: string, among: object): void {
  if (!(name in among)) throw new Error(`${actor.name} declares no step for the ${what} ${name}`);
}

interface CommitPlace {
  readonly cause: Cause;
  readonly index: number;
  readonly known: Known;
  /** Collects the keys of the whole plan. */
  readonly keys: Set<string>;
}

function planCommit(
  actor: Actor,
  effect: Extract<Effect, { kind: 'commit' }>,
  place: CommitPlace,
): Planned {
  const first = effect.puts[0];
  if (!first) throw new Error(`${actor.name}: a commit of nothing`);
  const bucket = first.record.bucket;
  const writes = effect.puts.map((each, index) => {
    if (each.record.bucket !== bucket) throw new Error(`${actor.name}: a commit in two buckets`);
    const { cause } = place;
    const writer = `${cause.id}/${cause.copy}/${cause.attempt}.${place.index}.${index}`;
    return planWrite(actor, each, place, writer);
  });
  return { kind: 'commit', bucket, writes, isWhole: effect.isWhole };
}

function planWrite(actor: Actor, wanted: Put, place: CommitPlace, writer: string): PlannedWrite {
  const { record, tokens, value } = wanted;
  if (!actor.writes.includes(record)) {
    throw new Error(`${actor.name} does not declare that it writes ${record.name}`);
  }
  const key = address(record, tokens as never);
  if (place.keys.has(key)) throw new Error(`${actor.name}: ${key} is written twice in one step`);
  place.keys.add(key);
  // No key has a space in it.
  for (const group of uniqueGroups(record, value)) place.keys.add(`${record.name} ${group}`);
  const view = place.known.view(record);
  if (!view && wanted.expected === undefined) {
    throw new Error(`${actor.name} writes ${record.name} without following it`);
  }
  const headers: Record<string, string> = {
    [TYPE_HEADER]: contentType[record.codec],
    [WRITER_HEADER]: writer,
    [PROTOCOL_HEADER]: String(PROTOCOL),
  };
  if (place.cause.traceparent !== undefined) headers[TRACE_HEADER] = place.cause.traceparent;
  const body = value === null ? null : encode(record, value);
  const own = wanted.expected === 'own' ? (place.known.own.get(key) ?? 'any') : undefined;
  const expected = own ?? (wanted.expected === 'any' ? 'any' : (view?.revision(key) ?? 0));
  const write: Write = { bucket: record.bucket, key, body, expected, headers };
  return { record, write, value, writer, isOwn: wanted.expected === 'own' };
}

/** Groups in which no other record may be. */
function uniqueGroups(record: RecordContract, value: unknown): readonly string[] {
  const groups = value !== null && record.unique && record.indexes[record.unique]?.(value);
  return groups ? [groups].flat() : [];
}

function outgoing(
  actor: Actor,
  effect: {
    readonly contract: MessageContract;
    readonly tokens: Readonly<Record<string, string>>;
    readonly payload: unknown;
  },
  cause: Cause,
  id: string,
): Outgoing {
  const { contract } = effect;
  mayPublish(actor, contract);
  const headers: Record<string, string> = {
    [TYPE_HEADER]: contentType[contract.codec],
    [ID_HEADER]: id,
  };
  // Events go without: who hears them either understands them or leaves them out.
  if (contract.kind === 'request') {
    headers[PROTOCOL_HEADER] = String(PROTOCOL);
    headers[SEEN_HEADER] = String(cause.seen);
  }
  if (cause.traceparent !== undefined) headers[TRACE_HEADER] = cause.traceparent;
  const subject = address(contract, effect.tokens as never);
  return { subject, body: encode(contract, effect.payload), headers };
}

function mayPublish(actor: Actor, contract: MessageContract): void {
  if (actor.publishes.includes(contract)) return;
  throw new Error(`${actor.name} does not declare that it publishes ${contract.name}`);
}
