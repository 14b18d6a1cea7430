/** How the states of things look: as they should be, on the way, or in need of somebody. */
import type { NodeState, Phase, WorkloadKind } from '../../subjects/index.ts';
import type { PoolShape, RolloutShape, ScheduleShape, WorkloadShape } from '../shapes.ts';
import type { Tone } from './paint.ts';

const phaseTones: Readonly<Record<Phase, Tone>> = {
  pending: 'between',
  placed: 'between',
  starting: 'between',
  running: 'between',
  ready: 'good',
  'backing-off': 'bad',
  stopping: 'between',
  lost: 'bad',
  succeeded: 'good',
  failed: 'bad',
  stopped: 'faint',
};

/** A job's instance that runs is as it should be; a service's is not ready yet. */
export function phaseTone(phase: Phase, kind: WorkloadKind): Tone | undefined {
  return phase === 'running' && kind === 'job' ? 'good' : phaseTones[phase];
}

const workloadTones: Readonly<Record<WorkloadShape['state'], Tone>> = {
  deleting: 'between',
  succeeded: 'good',
  failed: 'bad',
  ready: 'good',
  progressing: 'between',
  waiting: 'between',
};

export function workloadTone(state: WorkloadShape['state']): Tone | undefined {
  return workloadTones[state];
}

const nodeTones: Readonly<Record<NodeState, Tone>> = {
  enrolling: 'between',
  ready: 'good',
  suspect: 'between',
  cordoned: 'between',
  draining: 'between',
  offline: 'bad',
  failed: 'bad',
};

export function nodeTone(state: NodeState): Tone | undefined {
  return nodeTones[state];
}

const rolloutTones: Readonly<Record<RolloutShape['state'], Tone>> = {
  complete: 'good',
  progressing: 'between',
  waiting: 'between',
  paused: 'between',
  failed: 'bad',
  'rolled-back': 'bad',
};

export function rolloutTone(state: RolloutShape['state']): Tone | undefined {
  return rolloutTones[state];
}

const scheduleTones: Readonly<Record<ScheduleShape['state'], Tone>> = {
  active: 'good',
  firing: 'good',
  paused: 'between',
  finished: 'faint',
};

export function scheduleTone(state: ScheduleShape['state']): Tone | undefined {
  return scheduleTones[state];
}

/** Of events only those stand out that somebody would look for: others are the usual course. */
const verbTones: Readonly<Record<string, Tone>> = {
  ready: 'good',
  succeeded: 'good',
  completed: 'good',
  parked: 'between',
  suspect: 'between',
  cordoned: 'between',
  draining: 'between',
  'backing-off': 'between',
  failed: 'bad',
  lost: 'bad',
  offline: 'bad',
  stalled: 'bad',
  'rolled-back': 'bad',
};

export function verbTone(verb: string): Tone | undefined {
  return Object.hasOwn(verbTones, verb) ? verbTones[verb] : undefined;
}

/** Shares of what there is from which on use stands out: tight, and nothing left. */
const USE_TIGHT = 0.75;
const USE_FULL = 0.9;

/** Of what is used beside what there is, or what is booked. */
export function useTone(used: number | undefined, of: number | undefined): Tone | undefined {
  if (used === undefined || of === undefined || of <= 0) return undefined;
  const share = used / of;
  if (share >= USE_FULL) return 'bad';
  return share >= USE_TIGHT ? 'between' : undefined;
}

const poolTones: Readonly<Record<PoolShape['state'], Tone>> = {
  full: 'good',
  refilling: 'between',
  hindered: 'bad',
  deleting: 'between',
};

export function poolTone(state: PoolShape['state']): Tone | undefined {
  return poolTones[state];
}
