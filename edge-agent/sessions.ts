/**
 * Makes sure that a session is opened only with what runs here, that a node carries no more of them
 * than it may, and that each ask is answered once what it wants has begun, however often it comes.
 *
 * What was opened is remembered after its end: an ask that comes again must not run a command twice.
 */
import type { Received, Reported } from '../actors/runtime/actor.ts';
import {
  type Effects,
  none,
  type ReplyTo,
  refuse,
  refuseWith,
  reply,
  run,
} from '../actors/runtime/effect.ts';
import {
  type OpenedSession,
  type Refusal,
  refusal,
  SESSION_WINDOW,
  SESSIONS_PER_NODE_MAX,
  type SessionForward,
  type SessionOpen,
  sessionEnd,
  sessionKind,
  sessionList,
  sessionOpen,
  sessionWhat,
} from '../subjects/index.ts';
import type { SessionInput, SessionReport } from './jobs.ts';
import { sidecarPart } from './parts.ts';
import type { Local, State } from './state.ts';

/** How many sessions that are over are remembered: asks come again for ten seconds at most. */
export const REMEMBERED_MAX = 1_024;

/** A caller wants a session. */
export function sessionAsked(node: string) {
  return (state: State, { payload, from }: Received<typeof sessionOpen>): Effects => {
    const { session } = payload;
    const known = state.sessions.get(session);
    if (known) {
      if (!known.waiting) return [reply(sessionOpen, from, begun(node))];
      known.waiting = from;
      return none;
    }
    if (state.pastSessions.has(session)) {
      return [refuse(from, 'session-over', `session ${session} is over`)];
    }
    const input = inputOf(state, payload);
    if ('code' in input) return [refuseWith(from, input)];
    state.sessions.set(session, { waiting: from, tenant: payload.tenant });
    return [run('openSession', input)];
  };
}

/** What became of one that was opened. */
export function sessionTold(node: string) {
  return (state: State, { outcome }: Reported<SessionReport>): Effects => {
    const asked = state.sessions.get(outcome.session);
    if (!asked) return none;
    const { waiting } = asked;
    if (outcome.kind === 'begun') {
      asked.waiting = undefined;
      return [reply(sessionOpen, waiting, begun(node))];
    }
    state.sessions.delete(outcome.session);
    state.pastSessions.add(outcome.session);
    const [oldest = ''] = state.pastSessions;
    if (state.pastSessions.size > REMEMBERED_MAX) state.pastSessions.delete(oldest);
    if (!waiting) return none;
    const over = refusal('session-over', 'it ended before it had begun');
    return [refuseWith(waiting, outcome.because ?? over)];
  };
}

/** Somebody wants to know which are open: those who carry them know what went through. */
export function sessionsWanted(_: State, { payload, from }: Received<typeof sessionList>): Effects {
  return [run('listSessions', payload, from)];
}

/** What the carrier knows of them. */
export function sessionsListed(node: string) {
  return (_: State, { outcome, memo }: Reported<readonly OpenedSession[]>): Effects => [
    reply(sessionList, memo as ReplyTo, { node, sessions: [...outcome] }),
  ];
}

/** Somebody wants one to end; its end is told as every other one is. */
export function sessionUnwanted(node: string) {
  return (state: State, { payload, from }: Received<typeof sessionEnd>): Effects => {
    const { session, tenant } = payload;
    if (state.sessions.get(session)?.tenant !== tenant) {
      return [refuse(from, 'session-not-found', `no session ${session} is open on ${node}`)];
    }
    return [run('endSession', session), reply(sessionEnd, from, { node })];
  };
}

function begun(node: string) {
  return { node, windowBytes: SESSION_WINDOW };
}

function inputOf(state: State, asked: SessionOpen): SessionInput | Refusal {
  const { tenant, instance, sidecar, session, windowBytes, caller } = asked;
  const { exec, forward, copy, attach } = asked;
  const program = `${tenant}.${instance}`;
  const known = state.local.get(program);
  if (!known) return refusal('instance-not-running', `${instance} is not on this node`);
  const name = sidecar === undefined ? program : sidecarPart(program, sidecar);
  const local = state.local.get(name);
  if (!local) {
    const there = known.sidecars.length === 0 ? 'none' : known.sidecars.join(', ');
    return refusal('session-not-begun', `${instance} has no sidecar ${sidecar}; there is ${there}`);
  }
  if (local.state !== 'running') {
    const what = sidecar === undefined ? instance : `sidecar ${sidecar} of ${instance}`;
    return refusal('instance-not-running', `${what} is ${local.state}`);
  }
  if (state.sessions.size >= SESSIONS_PER_NODE_MAX) {
    return refusal('sessions-at-limit', `this node carries ${SESSIONS_PER_NODE_MAX} sessions`);
  }
  const as = {
    tenant,
    instance,
    sidecar,
    caller,
    kind: sessionKind(asked),
    what: sessionWhat(asked),
  };
  const input = { session, name, run: local.run, windowBytes, as };
  if (exec) return { ...input, of: { kind: 'exec', exec } };
  if (forward) return withPort(input, local, forward);
  if (copy) return { ...input, of: { kind: 'copy', copy } };
  if (attach) return { ...input, of: { kind: 'attach' } };
  return refusal('session-unsupported', 'the agent does not know this kind of session; upgrade it');
}

/** Only ports of its spec: on a machine that is shared, others are somebody else's. */
function withPort(
  input: Omit<SessionInput, 'of'>,
  local: Local,
  { port: wanted }: SessionForward,
): SessionInput | Refusal {
  const { address, ports } = local;
  const name = typeof wanted === 'string' ? wanted : (nameOf(local, wanted) ?? '');
  const port = ports[name];
  // Under the same number somebody else may take connections.
  if (portsOf(local).some((each) => each.name === name && each.protocol === 'udp')) {
    return refusal(
      'session-not-begun',
      `port ${wanted} of ${local.instance} takes no connections: it is udp`,
    );
  }
  if (port !== undefined) return { ...input, of: { kind: 'forward', address, port } };
  const names = Object.keys(ports);
  const there = names.length === 0 ? 'its spec names none' : `there are ${names.join(', ')}`;
  return refusal('session-not-begun', `${local.instance} has no port ${wanted}; ${there}`);
}

/** The port a program listens on under a number: its own, or, in a container, the one inside. */
function nameOf(local: Local, number: number): string | undefined {
  const { ports } = local;
  const inside = portsOf(local).find(({ container }) => container === number)?.name;
  return inside ?? Object.keys(ports).find((name) => ports[name] === number);
}

function portsOf({ spec }: Local) {
  return spec?.kind === 'service' ? spec.spec.ports : [];
}
