/**
 * Which methods the services of `shoal.v1` have, and to which operation of the HTTP API each
 * leads. Messages are derived from the operations' schemas; this table only gives names.
 */
import type { z } from 'zod';
import { claimShape, placeShape } from '../present/pool.ts';

export interface Method {
  readonly name: string;
  /** `operationId` of the route that answers. */
  readonly operation: string;
  /** What it does, where its operation does several things. */
  readonly summary?: string;
  /** Of the query: always so, and no field of the request. */
  readonly fixed?: Readonly<Record<string, string>>;
  /** Of the query: left out. */
  readonly without?: readonly string[];
  /** Title of the answer, where the operation has several. */
  readonly answer?: string;
  /** Messages of its stream have one of these fields, by what happened. */
  readonly oneOf?: Readonly<Record<string, z.ZodType>>;
  /** Answers with a stream of these instead. */
  readonly streams?:
    | 'Event'
    | 'LogLine'
    | 'Pool'
    | 'Claim'
    | 'Workload'
    | 'Instance'
    | 'NodeDetail'
    | 'ClaimProgress';
}

/** A method by the name of its operation. */
const named = (operation: string): Method => ({
  name: `${operation[0]?.toUpperCase()}${operation.slice(1)}`,
  operation,
});

const applying = { fixed: { dryRun: 'false' } } as const;
const trying = {
  fixed: { dryRun: 'true' },
  summary: 'Changes nothing: says what applying it would do',
} as const;
const reading = { without: ['follow'], summary: 'The last lines that were printed' } as const;
const following = {
  without: ['follow', 'minRevision'],
  streams: 'LogLine',
  summary: 'The last lines that were printed, then each as it is printed',
} as const;

/** Who watches sees every change from now on: there is no revision to wait for. */
const seeing = { without: ['minRevision'] } as const;

/** The methods of each service. */
export const services: Readonly<Record<string, readonly Method[]>> = {
  Workloads: [
    { name: 'ApplyWorkload', operation: 'putWorkload', ...applying, answer: 'Applied' },
    { name: 'TryWorkload', operation: 'putWorkload', ...trying, answer: 'DryRun' },
    ...['getWorkload', 'listWorkloads', 'deleteWorkload', 'scaleWorkload'].map(named),
    ...['listEndpoints', 'getRollout', 'listVersions'].map(named),
    ...['promoteRollout', 'abortRollout', 'undoRollout'].map(named),
    {
      ...{ name: 'WatchWorkload', operation: 'getWorkload', streams: 'Workload', ...seeing },
      summary: 'The workload now and at each change, until it is gone',
    },
  ],
  Instances: [
    ...['getInstance', 'listInstances', 'stopInstance', 'listSessions', 'endSession'].map(named),
    {
      ...{ name: 'WatchInstance', operation: 'getInstance', streams: 'Instance', ...seeing },
      summary: 'The instance now and at each change, until nothing is kept of it',
    },
  ],
  Nodes: [
    ...['getNode', 'listNodes', 'cordonNode', 'uncordonNode', 'drainNode'].map(named),
    {
      ...{ name: 'WatchNode', operation: 'getNode', streams: 'NodeDetail', ...seeing },
      summary: 'The node now and at each change, without its use, until it is forgotten',
    },
  ],
  Usage: ['listNodeUse', 'listInstanceUse'].map(named),
  Schedules: [
    { name: 'ApplySchedule', operation: 'putSchedule', ...applying },
    { name: 'TrySchedule', operation: 'putSchedule', ...trying },
    ...['getSchedule', 'listSchedules', 'deleteSchedule'].map(named),
    ...['pauseSchedule', 'resumeSchedule', 'triggerSchedule'].map(named),
  ],
  Pools: [
    { name: 'ApplyPool', operation: 'putPool', ...applying },
    { name: 'TryPool', operation: 'putPool', ...trying },
    ...['getPool', 'listPools', 'purgePool', 'deletePool'].map(named),
    {
      ...{ name: 'AwaitClaim', operation: 'acquireClaim', streams: 'ClaimProgress' },
      oneOf: { place: placeShape, claim: claimShape },
      summary:
        'Claims a slot, and tells until then, again and again, the place in line; the claim is last',
    },
    ...['acquireClaim', 'getClaim', 'listClaims', 'extendClaim', 'releaseClaim'].map(named),
    {
      ...{ name: 'WatchPool', operation: 'getPool', streams: 'Pool', ...seeing },
      summary: 'The pool now and at each change, until it is gone',
    },
    {
      ...{ name: 'WatchClaim', operation: 'getClaim', streams: 'Claim', ...seeing },
      summary: 'The claim now and each second; over last',
    },
  ],
  Events: [
    {
      ...{ name: 'ListEvents', operation: 'watchEvents' },
      summary: 'The last events, or the first ones after one',
    },
    {
      ...{ name: 'WatchEvents', operation: 'watchEvents', streams: 'Event' },
      without: ['limit', 'minRevision'],
      summary: 'Each event as it happens, from now on or after one',
    },
  ],
  Logs: [
    { name: 'ReadWorkloadLogs', operation: 'workloadLogs', ...reading },
    { name: 'FollowWorkloadLogs', operation: 'workloadLogs', ...following },
    { name: 'ReadInstanceLogs', operation: 'instanceLogs', ...reading },
    { name: 'FollowInstanceLogs', operation: 'instanceLogs', ...following },
  ],
  DeadLetters: ['getDeadLetter', 'listDeadLetters', 'replayDeadLetter', 'dropDeadLetter'].map(
    named,
  ),
  Tenants: [named('getRetention'), { name: 'SetRetention', operation: 'putRetention' }],
  Gateway: [{ name: 'GetVersions', operation: 'version' }],
};

/** Operations that no method leads to, with the reason. */
export const withoutMethod: Readonly<Record<string, string>> = {
  createWorkload: 'ApplyWorkload with create_only',
  health: 'grpc.health.v1, which says whether it serves',
  ready: 'grpc.health.v1',
  metrics: 'Prometheus reads HTTP',
  execInInstance: 'Sessions/OpenSession',
  forwardToInstance: 'Sessions/OpenSession',
  copyWithInstance: 'Sessions/OpenSession',
  attachToInstance: 'Sessions/OpenSession',
};
