/**
 * How far a service has come with its version: reckoned in this one place from what the store
 * says, for the actor that gives a rollout up and for whoever shows one. Never stored.
 */
import type { Instance, Observed, Phase } from './instance.ts';
import { formatSpan, spanMs } from './quantity.ts';
import { budgetOf, canariesOf } from './update.ts';
import type { Workload } from './workload.ts';

/** An instance of the workload with what is seen of it. */
export interface Member {
  readonly instance: Instance;
  readonly observed: Observed | undefined;
  readonly phase: Phase;
}

export const rolloutStates = [
  'complete',
  'progressing',
  'waiting',
  'paused',
  'failed',
  'rolled-back',
] as const;
/**
 * `waiting`: some have no node; `paused`: canaries are ready and a person decides; `failed`: no
 * progress within its deadline; `rolled-back`: another version was, and this is the one before.
 */
export type RolloutState = (typeof rolloutStates)[number];

/** How far a rollout has come. */
export interface RolloutStatus {
  readonly state: RolloutState;
  /** Instances of the version, those of them that are ready, and ready ones of any version. */
  readonly updated: number;
  readonly ready: number;
  readonly available: number;
  /** Instances of other versions that still run. */
  readonly outdated: number;
  /** What the strategy promises and allows; absent where there is none. */
  readonly budget: { readonly surge: number; readonly available: number } | undefined;
  /** What it waits for, in one sentence; absent: nothing. */
  readonly waitsFor: string | undefined;
  /** When it fails if nothing becomes ready, in milliseconds since 1970. */
  readonly deadlineAt: number | undefined;
}

/** A new version that goes no further than its canaries before a person says so. */
export interface Hold {
  /** Instances of the new version. */
  readonly canaries: number;
  /** The version that serves meanwhile: its template generation. */
  readonly from: number;
}

/** Whether a workload waits with its canaries; going back to a version waits for nobody. */
export function holdOf(workload: Workload): Hold | undefined {
  if (workload.kind !== 'service' || workload.deletedAt !== undefined) return undefined;
  const { spec, rollout, templateGeneration } = workload;
  const canaries = canariesOf(spec.update, spec.count) ?? 0;
  const from = rollout?.from;
  if (canaries === 0 || from === undefined || from === templateGeneration) return undefined;
  return rollout?.promotedAt === undefined ? { canaries, from } : undefined;
}

/** Whether every wanted instance is ready and of the newest version, and none is of another. */
export function isComplete(workload: Workload, members: readonly Member[]): boolean {
  const { ready, outdated } = countsOf(workload, members);
  return ready >= workload.spec.count && outdated === 0;
}

/**
 * When the rollout last came closer, in milliseconds since 1970: when it began, was promoted, the
 * last of its instances was made, or one that is ready now became so. One that comes and goes
 * proves nothing while it is gone; only the time that canaries were ready does not count. Where all
 * must end first it is not before their grace is over, counted from what was last asked for.
 */
export function progressAt(workload: Workload, members: readonly Member[]): number {
  const { rollout, createdAt, templateGeneration } = workload;
  const times = members
    .filter((each) => isOf(each, templateGeneration))
    .flatMap(({ instance, observed, phase }) => [
      instance.createdAt,
      phase === 'ready' ? (observed?.changedAt ?? 0) : 0,
    ]);
  const { at = createdAt, promotedAt = 0, countedFrom = 0 } = rollout ?? {};
  const graceMs = spanMs(workload.spec.grace);
  const endedAt = lingering(workload, members) ? workload.last.at + graceMs : 0;
  return Math.max(at, promotedAt, countedFrom, endedAt, ...times);
}

/** An instance of another version that has not ended, where that keeps any new one from being made. */
export function lingering(workload: Workload, members: readonly Member[]): Member | undefined {
  const { kind, spec, templateGeneration } = workload;
  if (kind !== 'service' || spec.update?.strategy !== 'recreate') return undefined;
  return members
    .filter(({ instance }) => instance.generation !== templateGeneration && !instance.outcome)
    .sort(nameOrder)[0];
}

/** The instance that holds a rollout up, and why, in one sentence; undefined: none does. */
export function heldUpBy(workload: Workload, members: readonly Member[]): string | undefined {
  const late = members
    .filter((each) => isOf(each, workload.templateGeneration) && each.phase !== 'ready')
    .sort((one, other) => telling(other) - telling(one) || nameOrder(one, other));
  const [worst] = late;
  if (!worst) {
    const older = lingering(workload, members);
    return older && `${placed(older)} of version ${older.instance.generation} has not ended`;
  }
  const { instance, observed } = worst;
  if (instance.parked) return `${instance.instance} has no node: ${instance.last.message}`;
  const earlier = instance.failures > 0 ? instance.last.message : undefined;
  // One that ends again and again may run just now.
  const said = observed?.message ?? observed?.lastEnd?.message ?? earlier;
  const why = said === undefined ? 'is not ready' : `is not ready: ${said}`;
  return `${placed(worst)} ${why}`;
}

/** An instance with where it is, and its phase. */
function placed({ instance, phase }: Member): string {
  const where = instance.node === undefined ? '' : ` on ${instance.node}`;
  return `${instance.instance}${where} (${phase})`;
}

/** How far a service has come with its version. */
export function rolloutStatus(
  workload: Workload & { readonly kind: 'service' },
  members: readonly Member[],
): RolloutStatus {
  const { spec, rollout, templateGeneration } = workload;
  const counts = countsOf(workload, members);
  const hold = holdOf(workload);
  const { update } = spec;
  const budget = update && update.strategy !== 'recreate' && budgetOf(update, spec.count);
  const isDone = hold ? counts.ready >= hold.canaries : isComplete(workload, members);
  const parked = members.find(
    (each) => isOf(each, templateGeneration) && each.instance.parked !== undefined,
  );
  const isTimed = update !== undefined && !isDone && rollout?.failed === undefined;
  return {
    ...{ ...counts, budget: budget || undefined },
    state: stateOf(workload, isDone, parked !== undefined),
    waitsFor: waitsFor(workload, members, isDone, budget || undefined),
    deadlineAt: isTimed ? progressAt(workload, members) + spanMs(update.deadline) : undefined,
  };
}

function stateOf(workload: Workload, isDone: boolean, isParked: boolean): RolloutState {
  const { rollout, templateGeneration } = workload;
  const failed = rollout?.failed?.generation;
  if (failed !== undefined && failed !== templateGeneration) return 'rolled-back';
  if (isDone) return holdOf(workload) ? 'paused' : 'complete';
  if (failed !== undefined) return 'failed';
  return isParked ? 'waiting' : 'progressing';
}

function waitsFor(
  workload: Workload,
  members: readonly Member[],
  isDone: boolean,
  budget: RolloutStatus['budget'],
): string | undefined {
  const hold = holdOf(workload);
  if (isDone)
    return hold ? `promote or abort: ${hold.canaries} of the new version ready` : undefined;
  const late = heldUpBy(workload, members);
  const { outdated, available } = countsOf(workload, members);
  const isKept = budget !== undefined && outdated > 0 && available <= budget.available;
  const kept = isKept ? `; minAvailable (${budget.available}) keeps the others` : '';
  if (late !== undefined) return `${late}${kept}`;
  if (outdated > 0) return `${outdated} of other versions to be replaced`;
  return 'instances to be made';
}

function countsOf(workload: Workload, members: readonly Member[]) {
  const counts = { updated: 0, ready: 0, available: 0, outdated: 0 };
  for (const each of members) {
    if (!isRunning(each)) continue;
    const isReady = each.phase === 'ready';
    if (isReady) counts.available++;
    if (each.instance.generation !== workload.templateGeneration) counts.outdated++;
    else {
      counts.updated++;
      if (isReady) counts.ready++;
    }
  }
  return counts;
}

function isRunning({ instance }: Member): boolean {
  return instance.intent === 'run' && !instance.outcome;
}

function isOf(member: Member, generation: number): boolean {
  return isRunning(member) && member.instance.generation === generation;
}

/** How much an instance tells of why there is no progress: one that failed the most. */
function telling({ instance, observed, phase }: Member): number {
  if (phase === 'failed' || phase === 'backing-off' || instance.failures > 0) return 4;
  if (instance.parked) return 3;
  return observed?.message === undefined ? 1 : 2;
}

function nameOrder(one: Member, other: Member): number {
  return one.instance.instance < other.instance.instance ? -1 : 1;
}

/** Why a rollout is given up, for people. */
export function gaveUpBecause(workload: Workload, members: readonly Member[]): string {
  const update = workload.kind === 'service' ? workload.spec.update : undefined;
  const span = update ? formatSpan(spanMs(update.deadline)) : '';
  const why = heldUpBy(workload, members) ?? 'nothing became ready';
  return `version ${workload.templateGeneration} made no progress for ${span}: ${why}`.slice(
    0,
    400,
  );
}
