/** What the retention actor has done outside its steps, what it gives, and what comes of it. */
import {
  type Bucket,
  eventNoticed,
  logFrame,
  logSubjects,
  pattern,
  placementDecided,
  type RetentionLimits,
  sidecarLogFrame,
  tokensIn,
} from '../../subjects/index.ts';
import type { Weight } from './cut.ts';

/** Streams in which tenants have limits, and what they hold. */
export const streams = ['EVENTS', 'DECISIONS', 'LOGS'] as const;
export type TenantStream = (typeof streams)[number];

const contracts = { EVENTS: eventNoticed, DECISIONS: placementDecided, LOGS: logFrame } as const;
export const kindOf = { EVENTS: 'events', DECISIONS: 'decisions', LOGS: 'logs' } as const;

/** Subjects of a tenant in a stream; without a tenant, of all. */
export function patternOf(stream: TenantStream, tenant?: string): string {
  const tokens = tenant === undefined ? {} : { tenant };
  switch (stream) {
    case 'EVENTS':
      return pattern(eventNoticed, tokens);
    case 'DECISIONS':
      return pattern(placementDecided, tokens);
    case 'LOGS':
      return logSubjects(tenant);
  }
}

/** Whose a subject of a stream is. */
export function tenantIn(stream: TenantStream, subject: string): string | undefined {
  const tokens = tokensIn(contracts[stream], subject) ?? tokensIn(sidecarLogFrame, subject);
  return (tokens as { readonly tenant: string } | undefined)?.tenant;
}

/** Room for subject and headers of a message, in bytes: four tokens of 128, ids, a trace. */
const ENVELOPE_BYTES_MAX = 1_024;

/** The most bytes so many messages can take in a stream. */
export function bytesAtMost(stream: TenantStream, count: number): number {
  return count * (contracts[stream].bytesMax + ENVELOPE_BYTES_MAX);
}

export interface SurveyInput {
  readonly stream: TenantStream;
}
export type SurveyReport =
  | { readonly kind: 'failed' }
  | {
      readonly kind: 'survey';
      readonly bytes: number;
      readonly bytesMax: number;
      readonly counts: ReadonlyMap<string, number>;
    };

export interface WeighInput {
  readonly stream: TenantStream;
  readonly tenant: string;
  readonly limits: RetentionLimits;
  readonly now: number;
}
export type WeighReport = { readonly kind: 'failed' } | ({ readonly kind: 'weight' } & Weight);

export interface PurgeInput {
  readonly stream: TenantStream;
  readonly tenant: string;
  readonly before: number;
}

/** A key of a bucket as it stands. */
export interface KeySeen {
  readonly key: string;
  readonly revision: number;
  readonly at: number;
  readonly isMarker: boolean;
}

export interface KeysInput {
  readonly bucket: Bucket;
}
export type KeysReport =
  /** Some keys, in the order in which they were written; at most `KEYS_MAX`. */
  | { readonly kind: 'keys'; readonly keys: readonly KeySeen[] }
  /** All have been told of (or, not whole, some are missing). */
  | { readonly kind: 'end'; readonly markers: number; readonly isWhole: boolean };

/** Most keys in one report: what a step looks through in its budget. */
export const KEYS_MAX = 500;

export interface ClearInput {
  readonly bucket: Bucket;
  /** Markers are removed for good, values are deleted; unless they have changed meanwhile. */
  readonly keys: readonly KeySeen[];
}
