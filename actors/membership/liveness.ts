/**
 * Makes sure that a node that dies is noticed within its class's time, and one that lives is not
 * declared dead: beats count, a lost connection is a hint, and whoever was itself away listens
 * anew before it judges.
 *
 * The three states and the shape of `verdictOf` are those of Phoenix.Tracker.Replica (up, down,
 * permanently down): thresholds and time are arguments, the caller sees the edge.
 *
 * I1  No node is declared offline before `offlineMs` have passed since it was last heard and since
 *     this copy began to listen.
 * I2  A silent node is asked to beat before it is declared.
 * I3  A node whose server is cut off or stands still is given time to find another one.
 */
import {
  address,
  type busDisconnected,
  type busPulse,
  formatSpan,
  ledgerRecord,
  type Node,
  type nodeBeat,
  nodeClasses,
  nodePrompt,
  OFFLINE_KEPT,
  speaksWith,
} from '../../subjects/index.ts';
import type { Due, Received } from '../runtime/actor.ts';
import { type Effect, type Effects, none, publish } from '../runtime/effect.ts';
import { keptOut } from './join.ts';
import { type Ctx, connectionKey, type Heard, heardOf, isUnreadable, type State } from './state.ts';
import { fact, performed, type Transition, transition } from './transition.ts';

/** A node is asked for the same thing at most this often, in milliseconds. */
const PROMPT_MS = 1_000;
/** How far an agent may be behind its ledger before it is told, in milliseconds. */
const BEHIND_MS = 1_000;
/**
 * A tick later than this, in milliseconds, or earlier than the one before, shows that this process
 * stood still or that its clock was set: beats may lie unread. Less than a node has between being
 * asked and being declared, so that nobody is declared unasked.
 */
const AWAY_MS = 1_000;
/** A server is judged by pulses only while they come: three of them, in milliseconds. */
const PULSES_MS = 1_500;
/**
 * How much longer a node may be silent whose server is away, in milliseconds: its agent leaves the
 * server after three seconds without a pulse, or after six without an answer to a ping.
 */
const SERVER_AWAY_MS = 7_000;
/** How long a server is remembered that is named no more, in milliseconds. */
const FORGET_MS = 60_000;
/** Most nodes declared in one step; the rest follow at the next tick. */
const DECLARED_MAX = 128;

/** How often a node may be declared offline before a person must look at it. */
export interface FlapLimit {
  readonly times: number;
  readonly withinMs: number;
}

export type Verdict = 'alive' | 'silent' | 'dead';

/** Judges by how long ago a node was heard. */
export function verdictOf(
  heardAt: number,
  now: number,
  limits: { readonly suspectMs: number; readonly offlineMs: number },
): Verdict {
  const silentMs = now - heardAt;
  if (silentMs >= limits.offlineMs) return 'dead';
  return silentMs >= limits.suspectMs ? 'silent' : 'alive';
}

/** A beat: remembers it, and only at an edge writes anything. */
export function beat(state: State, message: Received<typeof nodeBeat>, context: Ctx): Effects {
  const { node: id } = message.tokens;
  const { payload } = message;
  const { now, views } = context;
  const heard = heardOf(state, id);
  const isNewConnection = !isSameConnection(heard, payload.connection);
  if (heard.isCut && !isNewConnection) return none;
  heard.at = now;
  if (isNewConnection) {
    if (heard.connection) state.byConnection.delete(connectionKey(heard.connection));
    heard.connection = payload.connection;
    heard.isCut = false;
    state.byConnection.set(connectionKey(payload.connection), id);
  }
  if (isUnreadable(id, context)) return none;
  const node = views.nodes.get({ node: id });
  const ledgerEntry = views.ledgers.at(address(ledgerRecord, { node: id }));
  if (!node || !ledgerEntry) return prompt(heard, id, 'join', now);
  if (!speaksWith(node.protocol)) return keptOut(node, context);
  if (node.liveness !== 'ready') return returned(node, context);
  // The store's clock and this one need not agree: asking once too often costs one read.
  const isYoung = Math.abs(now - ledgerEntry.at) <= BEHIND_MS;
  const isBehind = payload.applied < ledgerEntry.revision && !isYoung;
  return isBehind ? prompt(heard, id, 'ledger', now) : none;
}

function returned(node: Node, context: Ctx): Effects {
  const ledger = context.views.ledgers.get({ node: node.node });
  const message = {
    enrolling: 'takes work',
    suspect: 'is heard again',
    offline: 'is back; what its ledger lists goes on running',
    ready: 'takes work',
  }[node.liveness];
  const after: Node = { ...node, liveness: 'ready', last: fact('ready', context.now, message) };
  return performed([transition(after, ledger)]);
}

/** The servers of the bus that reach each other. */
export function pulsed(state: State, message: Received<typeof busPulse>, context: Ctx): Effects {
  const { servers, of = 0 } = message.payload;
  state.pulsedAt = context.now;
  state.isAnyAway = servers.length < of;
  for (const id of servers) state.servers.set(id, context.now);
  // A server that is started again has another id.
  for (const [id, at] of state.servers) if (context.now - at > FORGET_MS) state.servers.delete(id);
  return none;
}

/**
 * Whether the server that a node was last heard through does not reach the others. Whoever has just
 * begun to listen, as another copy does when a server is cut off, does not know which one that was.
 */
function isServerAway(state: State, { connection }: Heard, now: number): boolean {
  if (now - state.pulsedAt > PULSES_MS) return false;
  if (!connection) return state.isAnyAway;
  return (state.servers.get(connection.server) ?? 0) < state.pulsedAt;
}

/** The server saw a connection end: no new work for its node until it is heard on another. */
export function disconnected(
  state: State,
  message: Received<typeof busDisconnected>,
  context: Ctx,
): Effects {
  const { server, client, reason } = message.payload;
  const id = state.byConnection.get(connectionKey({ server: server.id, client: client.id }));
  if (id === undefined) return none;
  heardOf(state, id).isCut = true;
  const node = context.views.nodes.get({ node: id });
  if (!node || node.liveness === 'offline' || node.liveness === 'suspect') return none;
  return performed([
    suspected(node, context, `lost its connection (${reason ?? 'no reason given'})`),
  ]);
}

/** Looks at every node's silence. */
export function listen(limit: FlapLimit) {
  return (state: State, _due: Due, context: Ctx): Effects => {
    const sinceMs = context.now - state.listenedAt;
    if (sinceMs < 0 || sinceMs > AWAY_MS) return listenAnew(state, _due, context);
    state.listenedAt = context.now;
    const transitions: Transition[] = [];
    const prompts: Effect[] = [];
    for (const { value: node } of context.views.nodes.entries()) {
      if (node.liveness === 'offline' || transitions.length >= DECLARED_MAX) continue;
      const heard = heardOf(state, node.node);
      const limits = nodeClasses[node.class];
      const awayMs = isServerAway(state, heard, context.now) ? SERVER_AWAY_MS : 0;
      const offlineMs = limits.offlineMs + awayMs;
      const verdict = verdictOf(heard.at, context.now, { ...limits, offlineMs });
      if (verdict === 'alive' || isBusy(node, context)) continue;
      if (verdict === 'dead') {
        transitions.push(declared(node, heard, context, limit));
        continue;
      }
      prompts.push(...prompt(heard, node.node, 'beat', context.now));
      if (node.liveness === 'ready') {
        const silence = formatSpan(context.now - heard.at);
        transitions.push(suspected(node, context, `unheard for ${silence}`));
      }
    }
    return [...performed(transitions), ...prompts];
  };
}

/** A write about this node is under way, or could not be made: it is judged at a later tick. */
function isBusy(node: Node, context: Ctx): boolean {
  const isHeld = context.isHeld(address(ledgerRecord, { node: node.node }));
  return isHeld || isUnreadable(node.node, context);
}

function suspected(node: Node, context: Ctx, why: string): Transition {
  const ledger = context.views.ledgers.get({ node: node.node });
  const after: Node = { ...node, liveness: 'suspect', last: fact('suspect', context.now, why) };
  return transition(after, ledger);
}

function declared(node: Node, heard: Heard, context: Ctx, limit: FlapLimit): Transition {
  const { now } = context;
  const ledger = context.views.ledgers.get({ node: node.node });
  const offlineAt = [...node.offlineAt, now].slice(-OFFLINE_KEPT);
  const recent = offlineAt.filter((at) => at > now - limit.withinMs).length;
  const why = `unheard for ${formatSpan(now - heard.at)}`;
  if (recent < limit.times || node.administered === 'failed') {
    const last = fact('offline', now, why);
    const after: Node = { ...node, liveness: 'offline', offlineAt, last };
    return transition(after, ledger, { isDeclaredOffline: true });
  }
  const message = `offline ${recent} times within ${formatSpan(limit.withinMs)}; uncordon it when it is mended`;
  const last = fact('failed', now, message);
  const after: Node = { ...node, liveness: 'offline', administered: 'failed', offlineAt, last };
  return transition(after, ledger, { isDeclaredOffline: true });
}

/** The bus or this copy was away, or has just begun: everybody gets a fresh window. */
export function listenAnew(state: State, _message: unknown, context: Ctx): Effects {
  state.listeningSince = context.now;
  state.listenedAt = context.now;
  for (const heard of state.heard.values()) {
    heard.at = context.now;
    // As the clock was then; it may have been ahead.
    heard.promptedAt = 0;
  }
  return none;
}

function prompt(
  heard: Heard,
  node: string,
  want: 'beat' | 'join' | 'ledger',
  now: number,
): Effects {
  if (now - heard.promptedAt < PROMPT_MS) return none;
  heard.promptedAt = now;
  return [publish(nodePrompt, { node }, { want })];
}

function isSameConnection(heard: Heard, other: NonNullable<Heard['connection']>): boolean {
  return heard.connection?.server === other.server && heard.connection.client === other.client;
}
