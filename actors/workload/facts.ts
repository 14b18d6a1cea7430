/**
 * Makes sure that what happens to workloads and instances is told: each event is made from a
 * record, under an id that record gives it, so it can be made again and is kept once.
 */
import {
  eventNoticed,
  type Instance,
  type Observed,
  type observedRecord,
  type Workload,
} from '../../subjects/index.ts';
import { type Effect, publish } from '../runtime/effect.ts';
import type { Change } from '../runtime/view.ts';

/** The event of a workload's last fact. Two changes within a millisecond are two generations. */
export function workloadEvent(workload: Workload): Effect {
  const { tenant, name, generation, last } = workload;
  return workloadTold(
    workload,
    last.verb,
    last.at,
    last.message,
    `${tenant}.${name}.${generation}.${last.verb}.${last.at}`,
  );
}

/** The event that a workload is gone, made when its record is. */
export function goneEvent(workload: Workload, now: number): Effect {
  const id = `${workload.tenant}.${workload.name}.deleted.${workload.deletedAt}`;
  return workloadTold(workload, 'deleted', now, 'nothing of it is left', id);
}

/** The event that a version is complete for the first time. */
export function completeEvent(workload: Workload, now: number): Effect {
  const { tenant, name, templateGeneration, createdAt, spec } = workload;
  const id = `${tenant}.${name}.complete.${createdAt}.${templateGeneration}`;
  const message = `version ${templateGeneration}: all ${spec.count} ready`;
  return workloadTold(workload, 'complete', now, message, id);
}

function workloadTold(of: Workload, verb: string, at: number, message: string, id: string): Effect {
  const { tenant, name } = of;
  const tokens = { tenant, noun: 'workload', id: name, verb };
  const body = { tenant, noun: 'workload', id: name, verb, at, message, workload: name } as const;
  return publish(eventNoticed, tokens, body, `workload.${id}`);
}

/** The event of an instance's last fact. */
export function instanceEvent(instance: Instance): Effect {
  const { verb, at, message } = instance.last;
  return instanceTold(instance, { verb, at, message, node: instance.node }, `${verb}.${at}`);
}

interface Told {
  readonly verb: string;
  readonly at: number;
  readonly message: string;
  readonly node: string | undefined;
}

function instanceTold(
  of: { readonly tenant: string; readonly workload: string; readonly instance: string },
  told: Told,
  id: string,
): Effect {
  const { tenant, workload, instance } = of;
  const { verb, at, message, node } = told;
  const tokens = { tenant, noun: 'instance', id: instance, verb };
  const body = {
    tenant,
    noun: 'instance',
    id: instance,
    verb,
    at,
    message,
    workload,
    ...(node === undefined ? {} : { node }),
  } as const;
  return publish(eventNoticed, tokens, body, `instance.${tenant}.${instance}.${id}`);
}

/** The event a change of what a node sees makes, if it is one that people want to know. */
export function observedEvent(change: Change<typeof observedRecord>): Effect | undefined {
  const { before, after } = change;
  if (!after) return undefined;
  const verb = verbOf(before?.epoch === after.epoch ? before : undefined, after);
  if (verb === undefined) return undefined;
  const told = { verb, at: after.changedAt, message: messageOf(verb, after), node: after.node };
  return instanceTold(after, told, `${change.revision}`);
}

function verbOf(before: Observed | undefined, after: Observed): string | undefined {
  if (after.state === 'running') {
    if (after.isReady) return before?.state === 'running' && before.isReady ? undefined : 'ready';
    if (before?.state === 'running') return before.isReady ? 'unready' : undefined;
    return 'started';
  }
  if (before?.state === after.state || after.state === 'starting') return undefined;
  return after.state === 'backing-off' ? 'exited' : after.state;
}

function messageOf(verb: string, after: Observed): string {
  const ports = Object.entries(after.ports).map(
    ([name, port]) => `${name} ${after.address}:${port}`,
  );
  const isServing = after.state === 'running' && verb !== 'unready';
  // Many ports of a long address are more than an event holds.
  if (isServing) return [`on ${after.node}`, ...ports].join(', ').slice(0, 600);
  return [after.message ?? '', `on ${after.node}`].filter(Boolean).join(', ');
}
