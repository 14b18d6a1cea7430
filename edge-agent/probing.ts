/**
 * Makes sure that an instance gets calls only while its probes say so, and is restarted when they
 * say that it hangs.
 *
 * I1  Until the startup probe has passed no other is asked.
 * I2  An answer counts only for the run it was asked of, while that run is neither ending nor over.
 * I3  With a readiness probe an instance is ready exactly while that passes; without one, when every
 *     port takes connections; in both cases only once it has started.
 *
 * What waits waits by timers and answers say how long they took: a clock that is set changes nothing
 * but the first delay of what was found running. How many at once: probe-turns.ts.
 */
import type { Due, Reported } from '../actors/runtime/actor.ts';
import { passedMs } from '../actors/runtime/clock-set.ts';
import { after, cancel, type Effect, type Effects, none, run } from '../actors/runtime/effect.ts';
import { type Probe, type ProbeName, probeNames, spanMs } from '../subjects/index.ts';
import { endToRestart } from './ending.ts';
import type { Noted, NoteInput, ProbeInput, ProbeReport } from './jobs.ts';
import { sidecarIn } from './parts.ts';
import { begins, dropTurns, type Lane, nextTurn, type ProbeTurn } from './probe-turns.ts';
import { said } from './say.ts';
import { type Ctx, isStarted, type Local, type Probing, type State } from './state.ts';
import { counted, hasFailed, newCount } from './thresholds.ts';

/** First probes are spread over this, so that many instances do not all answer in one moment. */
const SPREAD_MS = 1_000;

/** How often another reason for the same is told, in milliseconds: each is a write into the store. */
const REASON_MS = 10_000;
const FAILED = ' probe failed: ';

/** Of a run that has just begun, or was found (`noted`: what was known of it): asks from now on. */
export function beginProbing(
  name: string,
  local: Local,
  context: Ctx,
  noted: Noted = { isStarted: false, isReady: false },
): Effects {
  const wanted = probeNames.filter((probe) => probeOf(local, probe));
  if (wanted.length === 0) return none;
  const first: Readonly<Record<ProbeName, boolean>> = {
    ...{ startup: noted.isStarted, liveness: true, readiness: noted.isReady },
  };
  const probing: Probing = {
    counts: new Map(wanted.map((probe) => [probe, newCount(first[probe])])),
    reasons: new Map(),
    // The driver has found out by itself whether what it found takes connections.
    hasPorts: local.isReady,
    noted,
  };
  probing.noted = notedOf(probing);
  local.probing = probing;
  local.isReady = isReadyNow(probing);
  local.message = whyNotReady(probing);
  const spreadMs = (): number => context.random() * SPREAD_MS;
  return wakeAll(name, local, context, spreadMs);
}

/** The driver says that every port takes connections. */
export function portsOpen(state: State, name: string, local: Local, context: Ctx): Effects {
  if (local.probing) local.probing.hasPorts = true;
  return readyAgain(state, name, local, context);
}

/** Nobody can connect to its ports any more. */
export function portsClosed(state: State, name: string, local: Local, context: Ctx): Effects {
  if (local.probing) local.probing.hasPorts = false;
  return readyAgain(state, name, local, context);
}

/** A run is ending, or over: nothing of it is asked any more. */
export function endProbing(state: State, name: string, local: Local): Effects {
  if (!local.probing) return none;
  const asked = [...local.probing.counts.keys()];
  local.probing = undefined;
  dropTurns(state.probes, name, local.run);
  return asked.map((probe) => cancel('probe', timerOf(probe, name)));
}

/** A probe is due: it is asked, or waits for its turn. */
export function probeDue(state: State, due: Due): Effects {
  const turn = due.payload as ProbeTurn;
  const local = wantedBy(state, turn);
  if (!local || !begins(state.probes, laneOf(local, turn.probe), turn)) return none;
  return [ask(local, turn)];
}

/** What came of a probe; whoever waited for its turn comes next. */
export function probed(state: State, message: Reported<ProbeReport>, context: Ctx): Effects {
  const report = message.outcome;
  const isWanted = (turn: ProbeTurn): boolean => wantedBy(state, turn) !== undefined;
  const next = nextTurn(state.probes, report.lane, { done: report, isWanted });
  const nextLocal = next && wantedBy(state, next);
  const asked = next && nextLocal ? [ask(nextLocal, next)] : none;
  const local = wantedBy(state, report);
  return local ? [...asked, ...answered(state, local, report, context)] : asked;
}

function answered(state: State, local: Local, report: ProbeReport, context: Ctx): Effects {
  const { name, probe, reason } = report;
  const { probing } = local;
  const settings = probeOf(local, probe);
  const before = probing?.counts.get(probe);
  if (!probing || !settings || !before) return none;
  const delayMs = Math.max(0, spanMs(settings.period) - report.tookMs);
  const again = wake({ name, run: local.run, probe }, delayMs);
  // An engine that is away says nothing of what it runs.
  if (report.isUnknown) return [again];
  const count = counted(before, reason === undefined, settings);
  probing.counts.set(probe, count);
  if (reason === undefined) probing.reasons.delete(probe);
  else probing.reasons.set(probe, reason);
  if (probe !== 'readiness' && hasFailed(count, settings)) {
    const times = count.failures === 1 ? 'once' : `${count.failures} times`;
    const because = `${probe} probe failed ${times}: ${reason}`;
    return [
      ...endProbing(state, name, local),
      ...endToRestart(state, name, local, { because, context }),
    ];
  }
  const told = readyAgain(state, name, local, context);
  if (probe === 'startup' && count.isPassing) {
    return [...wakeAll(name, local, context), ...told];
  }
  return [again, ...told];
}

/** Says whether it is ready, and why not, where that is not what was said last. */
function readyAgain(state: State, name: string, local: Local, context: Ctx): Effects {
  const { probing } = local;
  if (!probing) return none;
  const now = notedOf(probing);
  const message = whyNotReady(probing);
  const { noted: before } = probing;
  const isNews = now.isStarted !== before.isStarted || now.isReady !== before.isReady;
  probing.noted = now;
  const note: NoteInput = { name, run: local.run, ...now };
  const kept = isNews ? [run('note', note)] : none;
  if (now.isReady === local.isReady && message === local.message) return kept;
  // A reason that changes with every answer, as one with a time in it, is not worth a write each.
  const isAnother = now.isReady === local.isReady && isFailure(message) && isFailure(local.message);
  if (isAnother && passedMs(local.changedAt, context) < REASON_MS) return kept;
  local.isReady = now.isReady;
  local.message = message;
  return [...kept, ...said(state, name, local, context.now)];
}

function isFailure(message: string | undefined): boolean {
  return message?.includes(FAILED) ?? false;
}

/** Wakes what may be asked now: the startup probe, or once it has passed the others (I1). */
function wakeAll(name: string, local: Local, context: Ctx, spreadMs = (): number => 0): Effects {
  const { probing, startedAt = context.now } = local;
  if (!probing) return none;
  const isStartup = !isStarted(probing);
  const asked = [...probing.counts.keys()].filter((probe) => (probe === 'startup') === isStartup);
  return asked.map((probe) => {
    const { initialDelay } = probeOf(local, probe) as Probe;
    const leftMs = Math.max(0, spanMs(initialDelay) - passedMs(startedAt, context));
    return wake({ name, run: local.run, probe }, Math.round(leftMs + spreadMs()));
  });
}

function wake(turn: ProbeTurn, delayMs: number): Effect {
  return after('probe', delayMs, { key: timerOf(turn.probe, turn.name), payload: turn });
}

const timerOf = (probe: ProbeName, name: string): string => `${probe} ${name}`;

/** What a probe is about, if anybody still wants to know (I2). */
function wantedBy(state: State, turn: ProbeTurn): Local | undefined {
  const local = state.local.get(turn.name);
  return local?.run === turn.run && local.probing?.counts.has(turn.probe) ? local : undefined;
}

function ask(local: Local, turn: ProbeTurn): Effect {
  const { address, ports } = local;
  const probe = probeOf(local, turn.probe) as Probe;
  const lane = laneOf(local, turn.probe);
  const input: ProbeInput = { ...turn, lane, of: probe, address, ports };
  return run('probe', input);
}

function laneOf(local: Local, probe: ProbeName): Lane {
  return probeOf(local, probe)?.exec ? 'command' : 'network';
}

function probeOf({ spec, sidecar }: Local, probe: ProbeName): Probe | undefined {
  if (sidecar !== undefined) return spec && sidecarIn(spec, sidecar)?.probes?.[probe];
  return spec?.kind === 'service' ? spec.spec.probes?.[probe] : undefined;
}

function notedOf(probing: Probing): Noted {
  return { isStarted: isStarted(probing), isReady: isReadyNow(probing) };
}

function isReadyNow(probing: Probing): boolean {
  return isStarted(probing) && (probing.counts.get('readiness')?.isPassing ?? probing.hasPorts);
}

/** Why it is not ready, as far as probes say; undefined: it is, or only its ports are closed. */
function whyNotReady(probing: Probing): string | undefined {
  const { counts, reasons } = probing;
  for (const probe of ['startup', 'readiness'] as const) {
    if (counts.get(probe)?.isPassing ?? true) continue;
    const reason = reasons.get(probe);
    return reason === undefined
      ? `its ${probe} probe has not passed yet`
      : `${probe}${FAILED}${reason}`;
  }
  return undefined;
}
