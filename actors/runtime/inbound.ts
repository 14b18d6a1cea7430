/**
 * Makes sure that what comes from the bus is decoded and valid before a step sees it. Bad input
 * is normal: an ask is refused with a code, anything else is counted, reported once per contract
 * and minute, and forgotten.
 */
import {
  apartness,
  type Contract,
  contentType,
  decode,
  encode,
  type MessageContract,
  pattern,
  protocolIn,
  type Refusal,
  refusal,
  refusalToSend,
  tokensIn,
  type WorkContract,
} from '../../subjects/index.ts';
import type { Actor, Received, Route, Step } from './actor.ts';
import type { Counters } from './counters.ts';
import type { ReplyTo } from './effect.ts';
import type { Failures } from './failures.ts';
import type { Log } from './log.ts';
import {
  type Close,
  FIRM_HEADER,
  ID_HEADER,
  type Incoming,
  type Outgoing,
  type Ports,
  PROTOCOL_HEADER,
  REVISION_HEADER,
  SEEN_HEADER,
  TRACE_HEADER,
  TYPE_HEADER,
  type WorkItem,
} from './ports.ts';

/**
 * Something a step is to handle. Each is made with all its fields in this order, as one shape: what
 * handles them then finds them without a search.
 */
export interface Inbound {
  readonly id: string;
  /** What it is, for counters and logs. */
  readonly label: string;
  /** What it is about: a subject, a key of the store, a timer's key. */
  readonly about: string;
  readonly step: Step<unknown, never, unknown>;
  readonly message: unknown;
  readonly from: ReplyTo | undefined;
  item: WorkItem | undefined;
  readonly traceparent: string | undefined;
  /** How often its effects were begun and refused. */
  attempts: number;
  /** Keys its effects would have written when it last had to wait for one of them. */
  wanted: readonly string[] | undefined;
  /** The term of its copy in which it came: counted anew each time the copy begins to act. */
  term: number;
}

interface Around {
  readonly ports: Ports;
  readonly counters: Counters;
  readonly log: Log;
  readonly workInFlightMax: number;
  isFull(): boolean;
  enqueue(inbound: Inbound): void;
  /** Sets aside a work item that no schema accepts, and lets the others go when they may. */
  readonly failures: Pick<Failures, 'unreadable' | 'admit'>;
}

/** How long the same complaint about a contract is not repeated, in milliseconds. */
const QUIET_MS = 60_000;
/** Ids of messages become parts of others, so foreign ones must be short and plain. */
const MESSAGE_ID = /^[A-Za-z0-9_.:@-]{1,96}$/;
/** Fifteen digits are exact in a double. */
const REVISION = /^[0-9]{1,15}$/;
/** Size of a reply, in bytes: what nats-server takes by default. */
const REPLY_BYTES_MAX = 1_000_000;

/** Subscribes an actor's routes. */
export function subscribeRoutes(actor: Actor, around: Around): Close[] {
  const quietUntil = new Map<string, number>();
  const complain = (contract: Contract, subject: string, reason: string): void => {
    around.counters.malformed++;
    const now = around.ports.clock.elapsed();
    if ((quietUntil.get(contract.name) ?? 0) > now) return;
    quietUntil.set(contract.name, now + QUIET_MS);
    around.log.warn('a message cannot be read and is left out', {
      actor: actor.name,
      contract: contract.name,
      subject,
      reason,
    });
  };
  return actor.routes.map((route) =>
    route.contract.kind === 'work'
      ? takeWork(actor, route, route.contract, { ...around, complain })
      : subscribe(actor, route, { ...around, complain }),
  );
}

interface Complaining extends Around {
  complain(contract: Contract, subject: string, reason: string): void;
}

function subscribe(actor: Actor, route: Route<unknown, unknown>, around: Complaining): Close {
  const { contract } = route;
  const queue = route.delivery === 'shared' ? actor.name : undefined;
  const subject = pattern(contract as MessageContract, route.tokens as never);
  return around.ports.bus.subscribe(subject, queue, (incoming) => {
    const from = replyTo(incoming, contract.codec);
    const refuse = (because: Refusal): void => from?.send({ ok: false, refusal: because }, 0);
    const apart = apartnessOf(contract, incoming);
    const read = readMessage(contract, incoming);
    if (apart !== undefined) {
      around.complain(contract, incoming.subject, apart);
      refuse(refusal('protocol-unsupported', apart));
    } else if (!read.ok) {
      around.complain(contract, incoming.subject, read.reason);
      refuse(refusal('request-malformed', `${contract.name}: ${read.reason}`));
    } else if (around.isFull()) {
      around.counters.dropped++;
      refuse(refusal('overloaded', `${actor.name} has too many messages waiting`));
    } else {
      around.enqueue(inboundOf(route, incoming, read, from, around));
    }
  });
}

function takeWork(
  actor: Actor,
  route: Route<unknown, unknown>,
  contract: WorkContract,
  around: Complaining,
): Close {
  const { ackWaitMs, lanes } = contract;
  const inHand = new Set<WorkItem>();
  const receive = (item: WorkItem): void => {
    const read = readMessage(contract, item.message);
    if (!read.ok) {
      around.complain(contract, item.message.subject, read.reason);
      around.failures.unreadable(contract.name, item, read.reason);
      return;
    }
    inHand.add(item);
    const inbound = inboundOf(route, item.message, read, undefined, around);
    const tried = { contract: contract.name, about: item.message.subject, payload: read.payload };
    around.failures.admit(tried, releasing(item, inHand), (admitted) => {
      inbound.item = admitted;
      around.enqueue(inbound);
    });
  };
  const queue = contract.waits ? around.ports.timed : around.ports.queue;
  const closes = (lanes?.values ?? ['']).map((value) => {
    const of = {
      consumer: lanes ? `${actor.name}-${value}` : actor.name,
      pattern: pattern(contract, (lanes ? { [lanes.token]: value } : {}) as never),
      ackWaitMs,
    };
    return queue.take(of, around.workInFlightMax, receive);
  });
  closes.push(keepExtending(around.ports, ackWaitMs / 3, inHand));
  return () => {
    for (const close of closes) close();
  };
}

/** A work item in hand that tells when it no longer is. */
function releasing(item: WorkItem, inHand: Set<WorkItem>): WorkItem {
  return {
    message: item.message,
    deliveries: item.deliveries,
    extend: () => item.extend(),
    ack: () => {
      inHand.delete(item);
      item.ack();
    },
    retry: (delayMs) => {
      inHand.delete(item);
      item.retry(delayMs);
    },
  };
}

/** An item that is still waited for here is not given to another worker meanwhile. */
function keepExtending(ports: Ports, everyMs: number, inHand: ReadonlySet<WorkItem>): Close {
  let cancel: Close = () => undefined;
  const again = (): void => {
    for (const item of inHand) item.extend();
    cancel = ports.clock.after(everyMs, again);
  };
  cancel = ports.clock.after(everyMs, again);
  return () => cancel();
}

/** Why an ask comes from too far away. An agent says its protocol in its join: it is told there. */
function apartnessOf(contract: Contract, { headers }: Outgoing): string | undefined {
  if (contract.kind !== 'request' || contract.from.includes('agent')) return undefined;
  return apartness('the caller', protocolIn(headers[PROTOCOL_HEADER]), 'this control plane');
}

type Read =
  | { readonly ok: true; readonly payload: unknown; readonly tokens: object }
  | { readonly ok: false; readonly reason: string };

function readMessage(contract: MessageContract, message: Outgoing): Read {
  const tokens = tokensIn(contract, message.subject);
  if (!tokens) return { ok: false, reason: 'the subject is not one of this contract' };
  const given = message.headers[TYPE_HEADER];
  if (given !== undefined && given !== contentType[contract.codec]) {
    return { ok: false, reason: `${TYPE_HEADER} is ${given}, not ${contentType[contract.codec]}` };
  }
  const decoded = decode(contract, message.body);
  return decoded.ok ? { ok: true, payload: decoded.value, tokens } : decoded;
}

function inboundOf(
  route: Route<unknown, unknown>,
  message: Outgoing,
  read: { readonly payload: unknown; readonly tokens: object },
  from: ReplyTo | undefined,
  around: Around,
): Inbound {
  const given = message.headers[ID_HEADER];
  const id = given !== undefined && MESSAGE_ID.test(given) ? given : around.ports.newId();
  const received: Received = {
    payload: read.payload,
    tokens: read.tokens as Received['tokens'],
    id,
    from,
    seen: seenIn(message.headers[SEEN_HEADER]),
    isFirm: message.headers[FIRM_HEADER] !== undefined,
  };
  return {
    id,
    label: route.contract.name,
    about: message.subject,
    step: route.step as Step<unknown, never, unknown>,
    message: received,
    from,
    item: undefined,
    traceparent: message.headers[TRACE_HEADER],
    attempts: 0,
    wanted: undefined,
    term: 0,
  };
}

/** Something an actor handles by itself: a timer, a change, what came of a job. Nobody waits for it. */
export function ownInbound(
  id: string,
  label: string,
  about: string,
  step: Inbound['step'],
  message: unknown,
  traceparent?: string,
): Inbound {
  return {
    id,
    label,
    about,
    step,
    message,
    from: undefined,
    item: undefined,
    traceparent,
    attempts: 0,
    wanted: undefined,
    term: 0,
  };
}

/** A revision as a sender told it; what is none is as if not told. */
function seenIn(told: string | undefined): number | undefined {
  return told !== undefined && REVISION.test(told) ? Number(told) : undefined;
}

/** A reply that is encoded where it is sent, and sent at most once. */
function replyTo(incoming: Incoming, codec: MessageContract['codec']): ReplyTo | undefined {
  const send = incoming.reply;
  if (!send) return undefined;
  let isOpen = true;
  return {
    send(answer, revision) {
      if (!isOpen) return;
      isOpen = false;
      const shape = { name: 'reply', codec, bytesMax: REPLY_BYTES_MAX };
      const headers: Record<string, string> = { [TYPE_HEADER]: contentType[codec] };
      if (revision > 0) headers[REVISION_HEADER] = String(revision);
      const { refusal: because } = answer as { readonly refusal?: Refusal };
      const told = because ? { ...answer, refusal: refusalToSend(because) } : answer;
      send(encode(shape, told), headers);
    },
  };
}
