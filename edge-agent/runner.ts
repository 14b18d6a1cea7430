/**
 * Makes sure that what runs on this node is what its ledger lists: no more, no less, at the epoch
 * the ledger names. Works from any state: after a crash of the agent it adopts what still runs,
 * after an absence it stops what it no longer owns and leaves the rest alone.
 *
 * I1  Nothing is started before the driver has said what runs from before.
 * I2  An instance is started only while the ledger lists it, at that epoch, unless it is stopping.
 * I3  A higher epoch for what already runs, same generation and attempt, restarts nothing.
 *
 * In which order the parts of an instance come and go: group.ts.
 */

import type { Due, Reported } from '../actors/runtime/actor.ts';
import { after, type Effect, type Effects, none, run } from '../actors/runtime/effect.ts';
import { type AssignedSpec, address, type LedgerEntry, ledgerRecord } from '../subjects/index.ts';
import { cutOff, reachable, untried, waitsOn } from './engine-away.ts';
import {
  advance,
  advanceAll,
  drop,
  fail,
  isGoingDown,
  isGroupActive,
  partsOf,
  stop,
  withSidecars,
} from './group.ts';
import type { AdoptReport, Found, InstanceReport, ProbeReport } from './jobs.ts';
import { instanceOf } from './parts.ts';
import { beginProbing, endProbing, portsOpen, probed } from './probing.ts';
import { type AfterEnd, afterEnd, recentRestarts, restartsOf, whyOf } from './restart.ts';
import { said } from './say.ts';
import { type Ctx, isActive, type Local, type State } from './state.ts';

/** How long a listed instance may lack its spec before that is an error, in milliseconds. */
const SPECLESS_MS = 5_000;
/** A wait longer than this shows that the clock was set, in milliseconds. */
const JUMP_MS = 60_000;

/** Compares what runs with the ledger. */
export function reconcile(state: State, node: string, context: Ctx): Effects {
  if (!state.isAdopted) return none;
  const entry = context.views.ledgers.at(address(ledgerRecord, { node }));
  // A ledger that nobody can read lists neither more nor less than before.
  if (context.views.ledgers.unreadable({ node })) return none;
  const ledger = entry?.value;
  const effects: Effect[] = [];
  for (const [name, listed] of Object.entries(ledger?.entries ?? {})) {
    effects.push(...owned(state, name, listed, node, context));
  }
  for (const [name, { sidecar }] of state.local) {
    if (sidecar !== undefined || ledger?.entries[name]) continue;
    effects.push(...disowned(state, name, context));
  }
  if (entry) {
    state.applied = entry.revision;
    state.incarnation = entry.value.incarnation;
  }
  return effects;
}

/** An instance the ledger lists. */
function owned(
  state: State,
  name: string,
  entry: LedgerEntry,
  node: string,
  context: Ctx,
): Effects {
  const local = state.local.get(name);
  if (!local)
    return entry.isStopping
      ? ended(state, name, entry, context)
      : begin(state, name, entry, node, context);
  if (entry.epoch < local.epoch) return none;
  const isSameRun = local.generation === entry.generation && local.attempt === entry.attempt;
  // At the same epoch too: an earlier run that was found running may have been told the epoch.
  if (!isSameRun) return replaced(state, name, entry, node, context);
  if (entry.epoch > local.epoch) {
    if (!isActive(local)) return replaced(state, name, entry, node, context);
    const relabelled = relabel(state, name, entry.epoch);
    return [...relabelled, ...said(state, name, local, context.now)];
  }
  return entry.isStopping && isGroupActive(state, name) ? stop(state, name, context) : none;
}

/** What runs counts as of this epoch now, with all its parts. */
function relabel(state: State, name: string, epoch: number): Effects {
  const effects: Effect[] = [];
  for (const part of partsOf(state, name)) {
    const local = state.local.get(part);
    if (!local) continue;
    local.epoch = epoch;
    if (local.run > 0) effects.push(run('relabel', { name: part, run: local.run, epoch }));
  }
  return effects;
}

/** The ledger lists another run of what is here: this one ends first. */
function replaced(
  state: State,
  name: string,
  entry: LedgerEntry,
  node: string,
  context: Ctx,
): Effects {
  if (isGroupActive(state, name)) return stop(state, name, context);
  drop(state, name);
  return entry.isStopping
    ? ended(state, name, entry, context)
    : begin(state, name, entry, node, context);
}

/** An instance that is here but not listed: it ends, and then nothing of it stays. */
function disowned(state: State, name: string, context: Ctx): Effects {
  const local = state.local.get(name);
  if (!local) return none;
  if (isGroupActive(state, name)) return stop(state, name, context);
  const forgotten = drop(state, name).map((part) => run('forget', { name: part }));
  state.specless.delete(name);
  return [...forgotten, ...said(state, name, local, context.now)];
}

/** To be ended before it ever ran here. */
function ended(state: State, name: string, entry: LedgerEntry, context: Ctx): Effects {
  const local = newLocal(entry, undefined, context.now);
  local.state = 'stopped';
  local.message = 'it was not running';
  state.local.set(name, local);
  return said(state, name, local, context.now);
}

function begin(
  state: State,
  name: string,
  entry: LedgerEntry,
  node: string,
  context: Ctx,
): Effects {
  const { tenant, workload, generation } = entry;
  const tokens = { node, tenant, workload, generation: String(generation) };
  const spec = context.views.specs.get(tokens);
  if (!spec) return specless(state, name, entry, context);
  state.specless.delete(name);
  const local = newLocal(entry, spec, context.now);
  state.local.set(name, local);
  withSidecars(state, name, context.now);
  return [...advance(state, name, context), ...said(state, name, local, context.now)];
}

/** The spec comes before the entry; where it does not, somebody is asked, then it is an error. */
function specless(state: State, name: string, entry: LedgerEntry, context: Ctx): Effects {
  const known = state.specless.get(name) ?? context.now;
  const agoMs = context.now - known;
  // Longer than it is ever waited for: the clock was set, and it is waited for anew.
  const since = agoMs < 0 || agoMs > JUMP_MS ? context.now : known;
  state.specless.set(name, since);
  const waitedMs = context.now - since;
  if (waitedMs < SPECLESS_MS) {
    return [run('reread', {}), after('specless', 1_000)];
  }
  const local = newLocal(entry, undefined, context.now);
  local.state = 'failed';
  local.message = 'its spec did not reach the node';
  state.local.set(name, local);
  return said(state, name, local, context.now);
}

function newLocal(entry: LedgerEntry, spec: AssignedSpec | undefined, now: number): Local {
  const { tenant, workload, instance, generation, attempt, epoch } = entry;
  return {
    tenant,
    workload,
    instance,
    generation,
    attempt,
    epoch,
    spec,
    sidecar: undefined,
    sidecars: sidecarNames(spec),
    state: 'starting',
    isReady: false,
    run: 0,
    restartedAt: [],
    restarts: 0,
    restartAt: 0,
    address: '',
    ports: {},
    pid: undefined,
    exitCode: undefined,
    signal: undefined,
    message: undefined,
    startedAt: undefined,
    lastEnd: undefined,
    probing: undefined,
    ending: undefined,
    failing: undefined,
    changedAt: now,
  };
}

function sidecarNames(spec: AssignedSpec | undefined): readonly string[] {
  return (spec?.spec.sidecars ?? []).map((each) => each.name);
}

/** The driver reports what became of a start. */
export function reportedOn(state: State, report: InstanceReport, context: Ctx): Effects {
  const local = state.local.get(report.name);
  if (!local || local.run !== report.run) return none;
  const changed = reportedPart(state, local, report, context);
  if (changed.length === 0) return none;
  return [...changed, ...advance(state, instanceOf(report.name), context)];
}

function reportedPart(state: State, local: Local, report: InstanceReport, context: Ctx): Effects {
  const { now } = context;
  switch (report.kind) {
    case 'started':
      if (local.state !== 'starting') return none;
      local.state = 'running';
      local.pid = report.pid;
      local.address = report.address;
      local.ports = report.ports;
      local.startedAt = report.at;
      local.untried = undefined;
      // It was to end before it had begun: it is asked nothing, and why it ends stays said.
      if (local.ending) return said(state, report.name, local, now);
      local.message = undefined;
      local.exitCode = undefined;
      local.signal = undefined;
      return [
        ...beginProbing(report.name, local, context),
        ...said(state, report.name, local, now),
      ];
    case 'preparing':
      if (local.state !== 'starting' || local.ending) return none;
      local.message = report.message;
      return said(state, report.name, local, now);
    case 'ready':
      if (local.state !== 'running' || local.isReady || local.ending) return none;
      if (local.probing) return portsOpen(state, report.name, local, context);
      local.isReady = true;
      return [...reachable(report.name, local, context), ...said(state, report.name, local, now)];
    case 'cut-off':
      return cutOff(state, local, report, context);
    case 'exited':
      return isActive(local) ? exited(state, local, report, context) : none;
  }
}

type Exit = Extract<InstanceReport, { kind: 'exited' }>;

function exited(state: State, local: Local, report: Exit, context: Ctx): Effects {
  const { now } = context;
  const { name } = report;
  const program = state.local.get(instanceOf(name));
  const wasStopping = local.state === 'stopping' || (local !== program && isOver(program));
  const { ending } = local;
  local.cutOff = undefined;
  const quiet = endProbing(state, name, local);
  local.ending = undefined;
  local.isReady = false;
  local.pid = undefined;
  local.exitCode = report.exitCode;
  local.signal = report.signal;
  if (wasStopping || !local.spec) {
    local.state = 'stopped';
    local.message = [whyOf(report), ending?.trouble].filter(Boolean).join('; ');
    return [...quiet, ...said(state, name, local, now)];
  }
  if (report.isUntried && local.failing === undefined) {
    const why = whyOf(report);
    return [...quiet, ...untried(state, name, local, { why, context })];
  }
  local.untried = undefined;
  const because = ending?.because;
  const why = [because ?? whyOf(report), ending?.trouble].filter(Boolean).join('; ');
  // What had to be ended has failed, however politely it went.
  const end = { exitCode: because === undefined ? report.exitCode : undefined, why };
  const next = nextOf(local, program, end, now);
  if (next.kind === 'over') {
    local.state = next.state;
    local.message = next.message;
    const told = [...quiet, ...said(state, name, local, now)];
    const { sidecar } = local;
    if (sidecar === undefined) return told;
    const because = `sidecar ${sidecar}: ${next.message}`;
    return [...told, ...fail(state, instanceOf(name), because, context)];
  }
  local.state = 'backing-off';
  local.restartAt = now + next.delayMs;
  local.message = `${end.why}; restart in ${next.delayMs} ms`;
  local.lastEnd = { at: now, message: end.why.slice(0, 500) };
  const again = after('restart', next.delayMs, { key: name });
  return [...quiet, again, ...said(state, name, local, now)];
}

/** What follows the end of a part that was not to end. */
function nextOf(
  local: Local,
  program: Local | undefined,
  end: { readonly exitCode: number | undefined; readonly why: string },
  now: number,
): AfterEnd {
  if (local.failing !== undefined) return { kind: 'over', state: 'failed', message: local.failing };
  return afterEnd(restartsOf(local, program), end, local.restartedAt, now);
}

function isOver(program: Local | undefined): boolean {
  return !program || isGoingDown(program);
}

/** A restart has waited long enough: its turn comes when the parts before it are up. */
export function restart(state: State, due: Due, context: Ctx): Effects {
  const local = state.local.get(due.key);
  if (local?.state !== 'backing-off' || !local.spec) return none;
  const waits = waitsOn(state, due.key, local, context);
  if (waits) return waits;
  const name = instanceOf(due.key);
  const restarts = restartsOf(local, state.local.get(name));
  if (!local.untried) {
    local.restartedAt = [...recentRestarts(restarts, local.restartedAt, context.now), context.now];
    local.restarts++;
  }
  local.state = 'starting';
  local.run = 0;
  return [...advance(state, name, context), ...said(state, due.key, local, context.now)];
}

/** What the driver says at the agent's start, and later of what was found then. */
export function adopted(node: string) {
  return (state: State, message: Reported<AdoptReport>, context: Ctx): Effects => {
    const { outcome } = message;
    if (outcome.kind === 'instance') return reportedOn(state, outcome.report, context);
    const effects: Effect[] = [];
    for (const found of outcome.found) effects.push(...takeIn(state, found, context));
    state.isAdopted = true;
    return [...effects, ...reconcile(state, node, context), ...advanceAll(state, context)];
  };
}

/** What is found running is this agent's own from now on, and so is what belongs to it. */
export function takeIn(state: State, found: Found, context: Ctx): Effects {
  const { name } = found;
  const local = localOf(found, context.now);
  state.local.set(name, local);
  state.runs = Math.max(state.runs, found.run);
  const instance = instanceOf(name);
  // Its program may not have been started yet, or ended and nobody else knows.
  if (!state.local.has(instance)) state.local.set(instance, notYet(found, context.now));
  withSidecars(state, instance, context.now);
  const isStarting = local.state === 'starting';
  const asked = isStarting ? none : beginProbing(name, local, context, found.noted);
  return [...asked, ...said(state, name, local, context.now)];
}

function notYet(found: Found, now: number): Local {
  return {
    ...localOf(found, now),
    ...{ sidecar: undefined, sidecars: sidecarNames(found.spec) },
    ...{ state: 'starting', isReady: false, run: 0 },
    ...{ address: '', ports: {}, pid: undefined, startedAt: undefined },
  };
}

function localOf(found: Found, now: number): Local {
  const { tenant, workload, instance, attempt, epoch, run: number, spec, sidecar } = found;
  return {
    ...{ tenant, workload, instance, attempt, epoch, spec, sidecar, run: number },
    sidecars: sidecar === undefined ? sidecarNames(spec) : [],
    generation: spec.generation,
    state: found.isStarting ? 'starting' : 'running',
    isReady: found.isReady && !found.isStarting,
    restartedAt: [],
    restarts: found.restarts,
    restartAt: 0,
    address: found.address,
    ports: found.ports,
    pid: found.pid,
    exitCode: undefined,
    signal: undefined,
    message: undefined,
    startedAt: found.startedAt,
    lastEnd: undefined,
    probing: undefined,
    ending: undefined,
    failing: undefined,
    changedAt: now,
  };
}

/** What came of a probe: what comes after a sidecar may have waited for it. */
export function probedOn(state: State, message: Reported<ProbeReport>, context: Ctx): Effects {
  const changed = probed(state, message, context);
  return [...changed, ...advance(state, instanceOf(message.outcome.name), context)];
}
