/**
 * Makes sure that the parts of an instance come up and go down together, in order: the sidecars as
 * its spec lists them, then its program, and back.
 *
 * G1  A part is started, or restarted, only while all parts before it are up.
 * G2  Sidecars are ended once the program has ended, the last one first, each when the one after it has.
 * G3  A sidecar that ends by itself is restarted and ends nothing else; not while its instance goes
 *     down. One that may not be restarted any more ends its instance, as failed.
 *
 * An instance without sidecars is a group of one: the same code, and nothing to wait for.
 */
import { after, type Effect, type Effects, none, run } from '../actors/runtime/effect.ts';
import { beginEnding } from './ending.ts';
import type { StartInput } from './jobs.ts';
import { instanceOf, sidecarPart } from './parts.ts';
import { endProbing } from './probing.ts';
import { said } from './say.ts';
import { type Ctx, isActive, isUp, isWaiting, type Local, type State } from './state.ts';

/** Names and states of an instance's sidecars, in the order in which they are started. */
function sidecarsOf(state: State, name: string): readonly (readonly [string, Local])[] {
  const found: [string, Local][] = [];
  for (const sidecar of state.local.get(name)?.sidecars ?? []) {
    const part = sidecarPart(name, sidecar);
    const local = state.local.get(part);
    if (local) found.push([part, local]);
  }
  return found;
}

/** Whether any part of an instance runs, or is about to. */
export function isGroupActive(state: State, name: string): boolean {
  const program = state.local.get(name);
  if (program && isActive(program)) return true;
  return sidecarsOf(state, name).some(([, local]) => isActive(local));
}

/** Whether the instance ends, or has ended: nothing of it is started any more. */
export function isGoingDown(program: Local): boolean {
  return program.state === 'stopping' || program.failing !== undefined || !isActive(program);
}

/** Puts the sidecars of a program that is here beside it, each to be started in its turn. */
export function withSidecars(state: State, name: string, now: number): void {
  const program = state.local.get(name);
  for (const sidecar of program?.sidecars ?? []) {
    const part = sidecarPart(name, sidecar);
    const local = state.local.get(part);
    if (program && (!local || !isActive(local))) {
      state.local.set(part, newSidecar(program, sidecar, now));
    }
  }
}

function newSidecar(program: Local, sidecar: string, now: number): Local {
  const { tenant, workload, instance, generation, attempt, epoch, spec } = program;
  return {
    ...{ tenant, workload, instance, generation, attempt, epoch, spec, sidecar, sidecars: [] },
    ...{ state: 'starting', isReady: false, run: 0, changedAt: now },
    ...{ restartedAt: [], restarts: 0, restartAt: 0, address: '', ports: {} },
    ...{ pid: undefined, exitCode: undefined, signal: undefined, message: undefined },
    ...{ startedAt: undefined, lastEnd: undefined, probing: undefined },
    ...{ ending: undefined, failing: undefined },
  };
}

/** Names of the parts of an instance that are here, sidecars first. */
export function partsOf(state: State, name: string): readonly string[] {
  return [...sidecarsOf(state, name).map(([part]) => part), name];
}

/** Forgets what is known of an instance; the names of its parts. */
export function drop(state: State, name: string): readonly string[] {
  const names = partsOf(state, name);
  for (const each of names) state.local.delete(each);
  return names;
}

/** What comes next of an instance: a part is started, or ended, or nothing yet. Safe to call again. */
export function advance(state: State, name: string, context: Ctx): Effects {
  const program = state.local.get(name);
  if (!program) return none;
  return isGoingDown(program)
    ? goDown(state, name, context)
    : comeUp(state, name, program, context);
}

/** Looks at every instance with sidecars: after parts of several were found. */
export function advanceAll(state: State, context: Ctx): Effects {
  const effects: Effect[] = [];
  for (const [name, local] of state.local) {
    if (local.sidecars.length > 0) effects.push(...advance(state, name, context));
  }
  return effects;
}

function comeUp(state: State, name: string, program: Local, context: Ctx): Effects {
  const parts = [...sidecarsOf(state, name), [name, program] as const];
  for (const [part, local] of parts) {
    if (isWaiting(local))
      return [...start(state, part, local), ...said(state, part, local, context.now)];
    if (!isUp(local)) return none;
  }
  return none;
}

function goDown(state: State, name: string, context: Ctx): Effects {
  const program = state.local.get(name);
  const effects: Effect[] = [];
  if (program && isActive(program)) return none;
  for (const [part, local] of [...sidecarsOf(state, name)].reverse()) {
    if (!isActive(local)) continue;
    effects.push(...stopPart(state, part, local, context));
    if (isActive(local)) return effects;
  }
  // A fixed port may be wanted here by whoever takes its place.
  const free = program && program.sidecars.length > 0 ? [run('freePorts', { name })] : none;
  return [...effects, ...free, after('reconcile', 0)];
}

/** Asks the driver for the next run of a part. */
function start(state: State, part: string, local: Local): Effects {
  // What it is a part of may have been bound anew since.
  const of = state.local.get(instanceOf(part));
  if (!local.spec || !of?.spec) return none;
  local.run = ++state.runs;
  local.state = 'starting';
  local.isReady = false;
  const { tenant, workload, instance, epoch, attempt, spec } = of;
  const { sidecar } = local;
  const input: StartInput = {
    ...{ name: part, run: local.run, tenant, workload, instance, epoch, attempt, spec },
    ...(sidecar === undefined ? {} : { sidecar }),
  };
  return [run('start', input)];
}

/** Ends an instance: its program, then its sidecars. Safe to call again. */
export function stop(state: State, name: string, context: Ctx): Effects {
  const program = state.local.get(name);
  const stopped = program && isActive(program) ? stopPart(state, name, program, context) : none;
  return [...stopped, ...advance(state, name, context)];
}

/** Ends what runs; what waits to be started or restarted is over at once. */
function stopPart(state: State, part: string, local: Local, context: Ctx): Effects {
  if (local.state === 'stopping') return none;
  const isIdle = local.state === 'backing-off' || isWaiting(local);
  const why = local.state === 'backing-off' ? 'restarted' : 'started';
  const ending = isIdle ? none : beginEnding(part, local, undefined);
  local.isReady = false;
  local.state = isIdle ? 'stopped' : 'stopping';
  local.message = isIdle ? `it was waiting to be ${why}` : 'as it was told to';
  const told = said(state, part, local, context.now);
  return isIdle ? told : [...endProbing(state, part, local), ...ending, ...told];
}

/** A sidecar is over for good: its instance fails, as soon as its program has ended. */
export function fail(state: State, name: string, because: string, context: Ctx): Effects {
  const program = state.local.get(name);
  if (!program || isGoingDown(program)) return none;
  program.isReady = false;
  const isIdle = program.state === 'backing-off' || isWaiting(program);
  program.failing = because;
  program.message = because;
  if (isIdle) program.state = 'failed';
  const ending = isIdle ? none : beginEnding(name, program, because);
  const told = said(state, name, program, context.now);
  return [...endProbing(state, name, program), ...ending, ...told];
}
