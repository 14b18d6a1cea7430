/**
 * Makes sure that the streams are what the contracts say: each stream's subjects come from the
 * contracts that name it, its limits stand here, once.
 */

import { type Bucket, buckets, type StreamName } from './contract.ts';
import type { Durability } from './durability.ts';
import { messages } from './index.ts';

const SECOND = 1e9;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const MiB = 2 ** 20;

/** Disk the store may take, in bytes: twice what all streams together reserve. */
export const STORE_BYTES_MAX = 2048 * MiB;

/** A stream's configuration as the JetStream API takes it. */
export interface StreamConfig {
  readonly name: string;
  readonly description: string;
  readonly subjects: readonly string[];
  readonly [setting: string]: unknown;
}

const base = {
  storage: 'file',
  discard: 'old',
  allow_direct: true,
  deny_delete: false,
  max_age: 0,
} as const;

const settings: Readonly<Record<StreamName, Readonly<Record<string, unknown>>>> = {
  WORK: {
    description: 'Work items, one message per subject; gone when done',
    retention: 'workqueue',
    discard: 'new',
    discard_new_per_subject: true,
    max_msgs_per_subject: 1,
    duplicate_window: 2 * SECOND,
    max_bytes: 32 * MiB,
  },
  // An alarm is due in a year or never: no age. One message per subject: a newer alarm or firing
  // replaces an older one, so the stream is as large as there are schedules.
  SCHEDULE: {
    description: 'Alarms of schedules, and those that went off a minute ago',
    allow_msg_schedules: true,
    allow_msg_ttl: true,
    max_msgs_per_subject: 1,
    duplicate_window: 1 * SECOND,
    max_bytes: 64 * MiB,
  },
  EVENTS: {
    description: 'What happened, for a day',
    max_age: 24 * HOUR,
    max_bytes: 64 * MiB,
    duplicate_window: 2 * MINUTE,
  },
  LOGS: {
    description: 'What instances print, the last 2,000 frames of each, for a day',
    max_age: 24 * HOUR,
    max_msgs_per_subject: 2000,
    max_bytes: 256 * MiB,
    duplicate_window: 30 * SECOND,
  },
  DECISIONS: {
    description: 'What schedulers decided, for a day',
    max_age: 24 * HOUR,
    max_bytes: 64 * MiB,
    duplicate_window: 30 * SECOND,
  },
  SNAPSHOTS: {
    description: 'Live use of each node, the last one',
    max_age: 10 * MINUTE,
    max_msgs_per_subject: 1,
    max_bytes: 32 * MiB,
    duplicate_window: 1 * SECOND,
  },
};

/**
 * A bucket as a stream. No key has a TTL yet is never deleted by one alone: values carry their
 * deadline, deletes are markers without a TTL (design §5, keys that come back).
 */
const bucket = {
  ...base,
  max_msgs_per_subject: 1,
  discard: 'new',
  deny_delete: true,
  allow_rollup_hdrs: true,
  allow_atomic: true,
  allow_msg_ttl: true,
  subject_delete_marker_ttl: 60 * SECOND,
  duplicate_window: 1 * SECOND,
  max_bytes: 256 * MiB,
} as const;

const bucketSettings: Readonly<Record<Bucket, Readonly<Record<string, unknown>>>> = {
  shoal: {
    description: 'What is wanted. Written by the control plane only',
    republish: { src: '$KV.shoal.for.>', dest: 'shoal.for.>' },
  },
  'shoal-observed': { description: 'What is. One writer per key: the node it is about' },
};

/** Prefix under which what a node may read is republished. */
export const REPUBLISHED_PREFIX = 'shoal.';

/** What all streams together reserve on the disk, in bytes. */
export const RESERVED_BYTES: number = [
  ...Object.values(settings).map((each) => Number(each['max_bytes'])),
  ...Object.keys(bucketSettings).map(() => bucket.max_bytes),
].reduce((sum, each) => sum + each, 0);

/** Every stream and bucket, ready for the JetStream API. */
export function streamConfigs(durability: Pick<Durability, 'replicas'>): readonly StreamConfig[] {
  const streams = (Object.keys(settings) as StreamName[]).map((name) => ({
    ...base,
    name,
    description: '',
    retention: 'limits',
    num_replicas: durability.replicas,
    subjects: messages
      .filter((contract) => contract.kind !== 'request' && contract.stream === name)
      .flatMap((contract) =>
        contract.kind === 'work' && contract.waits
          ? [contract.subject.pattern, contract.waits.pattern]
          : [contract.subject.pattern],
      ),
    ...settings[name],
  }));
  const stores = buckets.map((name) => ({
    ...bucket,
    name: `KV_${name}`,
    description: '',
    retention: 'limits',
    num_replicas: durability.replicas,
    subjects: [`$KV.${name}.>`],
    ...bucketSettings[name],
  }));
  return [...stores, ...streams];
}
