/**
 * Makes sure that each instance's record follows what became of it: what has ended ends, what
 * failed is tried again within its limits, what is to stop is told to, and whatever a ledger lists
 * without reason is taken out.
 *
 * Looks at one instance at a time; what the workload as a whole needs is service.ts and job.ts.
 */
import {
  AVOID_MAX,
  BACKOFF_MS_MAX,
  entryName,
  holds,
  type Instance,
  isOf,
  isOver,
  type Ledger,
  type Node,
  type NodeState,
  nodeState,
  type Observed,
  type Workload,
  wantsNode,
} from '../../subjects/index.ts';
import { passedMs } from '../runtime/clock-set.ts';
import type { Ctx } from './state.ts';

/** Everything known about one instance. */
export interface Known {
  readonly instance: Instance;
  /** What its node sees of the run that is wanted. */
  readonly observed: Observed | undefined;
  readonly node: NodeState | undefined;
  /** The ledger of the node it is bound to. */
  readonly ledger: Ledger | undefined;
  /** Every ledger that lists it. */
  readonly listing: readonly Ledger[];
  /** Until its node, which is being drained, is to be empty, in milliseconds. */
  readonly drainLeftMs?: number | undefined;
}

/** What is to be done about one instance. */
export type Settlement =
  | { readonly kind: 'keep' }
  /** Write it; its ledger entries stay. */
  | { readonly kind: 'write'; readonly instance: Instance }
  /** Write it, then take it out of every ledger. */
  | { readonly kind: 'release'; readonly instance: Instance | undefined }
  /** Ask its node to end it. */
  | { readonly kind: 'stop' };

const keep: Settlement = { kind: 'keep' };
/** Back-off between attempts, doubling from here. */
const BACKOFF_MS = 1_000;
/**
 * From when an instance that takes calls is to end until its node is told, in milliseconds: gateways,
 * and whoever watches `endpoints`, hear of it within some tens of them and call others, and what is
 * under way is answered. Programs that take longer over a call finish it when they get SIGTERM.
 */
const LEAVING_MS = 500;
/** A run of this length clears the count of failures in a row. */
const SOUND_RUN_MS = 600_000;

export function knownOf(instance: Instance, context: Ctx): Known {
  const { views } = context;
  const listing = [...views.ledgers.by('instance', entryName(instance))].map((each) => each.value);
  // Of one that is over, and that no ledger lists, nothing more is decided.
  const isPast = instance.outcome !== undefined && listing.length === 0;
  if (instance.node === undefined || isPast) {
    const unseen = { observed: undefined, node: undefined, ledger: undefined };
    return { instance, ...unseen, listing, drainLeftMs: undefined };
  }
  const { tenant, node } = instance;
  const observed = views.observed.get({ node, tenant, instance: instance.instance });
  const record = views.nodes.get({ node });
  const ledger = views.ledgers.get({ node });
  const decided = record && withoutPastDrain(record, ledger);
  return {
    instance,
    observed: observed && isOf(observed, instance) ? observed : undefined,
    node: decided && nodeState(decided),
    ledger,
    listing,
    drainLeftMs: decided && drainLeftMs(decided, context),
  };
}

/**
 * A node whose ledger takes what is new is not being drained, whatever its record says: the end of a drain is
 * two writes, the ledger's first. Sent away for a drain that is over, what comes there would come again at
 * once, and again, until the second write is made.
 */
function withoutPastDrain(record: Node, ledger: Ledger | undefined): Node {
  if (record.administered !== 'draining' || ledger?.accepts !== 'yes') return record;
  const { administered: _over, ...rest } = record;
  return rest;
}

/** Until a node that is being drained is to be empty, in milliseconds; undefined: whenever. */
function drainLeftMs({ administered, drain }: Node, context: Ctx): number | undefined {
  if (administered !== 'draining' || drain?.deadlineMs === undefined) return undefined;
  return drain.deadlineMs - passedMs(drain.since, context);
}

/** Decides for one instance. `retriesLeft` is the job's; a service has no such limit. */
export function settle(
  known: Known,
  workload: Workload | undefined,
  retriesLeft: number,
  now: number,
): Settlement {
  const { instance } = known;
  if (instance.outcome) {
    return known.listing.length > 0 ? { kind: 'release', instance: undefined } : keep;
  }
  if (instance.intent === 'stop') return stopping(known, workload, now);
  if (known.observed && isOver(known.observed.state)) {
    return ended(known, known.observed, workload, { retriesLeft, now });
  }
  if (instance.parked && !wantsNode(instance, known.ledger)) {
    const { parked: _parked, ...rest } = instance;
    return { kind: 'write', instance: rest };
  }
  return keep;
}

/**
 * When the node of an instance that is to end is told so; undefined: now. One that callers may be
 * sent to leaves ingress and endpoints first. A moment that lies ahead was written by a clock that was set.
 */
export function toldAt(
  { instance, observed }: Known,
  workload: Workload | undefined,
  now: number,
): number | undefined {
  if (workload?.kind !== 'service' || workload.spec.ports.length === 0) return undefined;
  if (!observed?.isReady) return undefined;
  const { intent, outcome, last } = instance;
  if (intent !== 'stop' || outcome || last.at > now) return undefined;
  return last.at + LEAVING_MS > now ? last.at + LEAVING_MS : undefined;
}

function stopping(known: Known, workload: Workload | undefined, now: number): Settlement {
  const { instance, observed, ledger } = known;
  const release = (message: string): Settlement => ({
    kind: 'release',
    instance: finished(instance, { result: 'stopped', at: now, message }),
  });
  if (observed && isOver(observed.state)) {
    if (observed.state === 'succeeded' && instance.kind === 'job') {
      return { kind: 'release', instance: succeeded(instance, observed) };
    }
    return release(observed.message ?? 'ended');
  }
  if (known.node === 'offline' || known.node === 'failed') {
    return release(`its node is ${known.node}; it ends there when it is back`);
  }
  // Bound but not listed: a scheduler may be about to list it, which `release` prevents.
  if (!holds(ledger, instance)) return release('it was not running');
  if (ledger?.entries[entryName(instance)]?.isStopping) return keep;
  return toldAt(known, workload, now) === undefined ? { kind: 'stop' } : keep;
}

function ended(
  known: Known,
  observed: Observed,
  workload: Workload | undefined,
  of: { readonly retriesLeft: number; readonly now: number },
): Settlement {
  const { instance } = known;
  if (observed.isUntried)
    return { kind: 'release', instance: elsewhere(instance, observed, of.now) };
  if (instance.kind === 'job') {
    if (observed.state === 'succeeded') {
      return { kind: 'release', instance: succeeded(instance, observed) };
    }
    if (of.retriesLeft <= 0) return { kind: 'release', instance: failed(instance, observed) };
  }
  return { kind: 'release', instance: again(instance, observed, workload, of.now) };
}

/** The instance unbound, to be tried elsewhere: its node could not try it, and that is no failure of it. */
function elsewhere(instance: Instance, observed: Observed, now: number): Instance {
  const { node, nodeEpoch: _nodeEpoch, parked: _parked, ...rest } = instance;
  const avoid = node === undefined ? instance.avoid : [...instance.avoid, node].slice(-AVOID_MAX);
  const message = `${observed.message ?? observed.state}; elsewhere`.slice(0, 500);
  return { ...rest, avoid, last: { verb: 'retried', at: now, message } };
}

/** The instance unbound, to run again elsewhere after its back-off. */
function again(
  instance: Instance,
  observed: Observed,
  workload: Workload | undefined,
  now: number,
): Instance {
  const { node, nodeEpoch: _nodeEpoch, parked: _parked, ...rest } = instance;
  const ranMs = observed.changedAt - (observed.startedAt ?? observed.changedAt);
  const failures = ranMs >= SOUND_RUN_MS ? 1 : instance.failures + 1;
  const isService = workload?.kind !== 'job';
  // A service's first move is at once: its node has already tried several times.
  const doubled = isService ? failures - 1 : failures;
  const waitMs = doubled <= 0 ? 0 : Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** (doubled - 1));
  const avoid = node === undefined ? instance.avoid : [...instance.avoid, node].slice(-AVOID_MAX);
  const message = `${observed.message ?? observed.state}; again${waitMs > 0 ? ` in ${waitMs / 1000} s` : ''}`;
  return {
    ...rest,
    attempt: instance.attempt + 1,
    failures,
    avoid,
    notBefore: now + waitMs,
    last: { verb: 'retried', at: now, message: message.slice(0, 500) },
  };
}

function succeeded(instance: Instance, observed: Observed): Instance {
  const message = observed.message ?? 'ended well';
  return finished(instance, {
    result: 'succeeded',
    at: observed.changedAt,
    message,
    exitCode: observed.exitCode ?? 0,
  });
}

function failed(instance: Instance, observed: Observed): Instance {
  const message = observed.message ?? 'failed';
  const exit = observed.exitCode === undefined ? {} : { exitCode: observed.exitCode };
  return finished(instance, { result: 'failed', at: observed.changedAt, message, ...exit });
}

function finished(instance: Instance, outcome: NonNullable<Instance['outcome']>): Instance {
  const { parked: _parked, ...rest } = instance;
  const { result: verb, at, message } = outcome;
  return { ...rest, outcome, last: { verb, at, message } };
}
