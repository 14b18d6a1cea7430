/** What the gateway's API answers with, as far as people are shown it. Times are RFC 3339. */
import type {
  Amounts,
  DriverOffer,
  Explanation,
  IopsClass,
  LedgerEntry,
  NodeState,
  Phase,
  Retention,
  RetentionKind,
  SlotState,
  WorkloadKind,
} from '../subjects/index.ts';

export interface List<T> {
  readonly items: readonly T[];
  readonly revision: number;
}

/** Where an instance takes calls. */
export interface EndpointShape {
  readonly instance: string;
  readonly node: string;
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
}

interface Last {
  readonly verb: string;
  readonly at: string;
  readonly message: string;
}

interface Outcome {
  readonly result: string;
  readonly at: string;
  readonly message: string;
  readonly exitCode?: number;
}

export interface WorkloadShape {
  readonly tenant: string;
  readonly name: string;
  readonly kind: WorkloadKind;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly generation: number;
  readonly createdAt: string;
  readonly state: 'deleting' | 'succeeded' | 'failed' | 'ready' | 'progressing' | 'waiting';
  readonly instances: {
    readonly wanted: number;
    readonly ready: number;
    readonly running: number;
    readonly pending: number;
    readonly parked: number;
    readonly failed: number;
    readonly succeeded: number;
  };
  readonly outcome?: Outcome;
  readonly last: Last;
  readonly url?: string;
}

export interface InstanceShape {
  readonly tenant: string;
  readonly instance: string;
  readonly workload: string;
  readonly kind: WorkloadKind;
  readonly phase: Phase;
  readonly node?: string;
  readonly epoch: number;
  readonly attempt: number;
  readonly generation: number;
  readonly restarts: number;
  readonly ready: boolean;
  readonly address?: string;
  readonly ports?: Readonly<Record<string, number>>;
  readonly pid?: number;
  readonly startedAt?: string;
  readonly lastEnd?: { readonly at: string; readonly message: string };
  readonly sidecars?: readonly SidecarShape[];
  readonly createdAt: string;
  readonly outcome?: Outcome;
  readonly message: string;
  readonly parked?: {
    readonly at: string;
    readonly removed: Readonly<Record<string, number>>;
    readonly nodes: number;
  };
  readonly limits?: Readonly<Record<string, string>>;
}

export interface SidecarShape {
  readonly name: string;
  readonly phase: Phase;
  readonly restarts: number;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly message?: string;
  readonly startedAt?: string;
  readonly lastEnd?: { readonly at: string; readonly message: string };
}

export interface NodeShape {
  readonly node: string;
  readonly state: NodeState;
  readonly class: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly architecture: string;
  readonly platform: string;
  readonly hostname: string;
  readonly address: string;
  readonly agentVersion: string;
  readonly drivers: Readonly<Record<string, DriverOffer>>;
  readonly capacity: Amounts;
  readonly booked: Amounts;
  readonly iops?: IopsClass;
  readonly instances: number;
  readonly incarnation: number;
  readonly enrolledAt: string;
  readonly last: Last;
}

/** One node has more to tell. */
export interface NodeDetailShape extends NodeShape {
  readonly entries: readonly LedgerEntry[];
  readonly snapshot?: SnapshotShape;
  readonly drain?: DrainShape;
}

export interface SnapshotShape {
  readonly at: string;
  readonly cpuMilli: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly loadAverage: number;
  readonly battery?: { readonly charge: number; readonly isCharging: boolean };
  readonly agentMemoryBytes: number;
}

/** What the whole machine of a node uses. Nothing: it has not said so lately. */
export interface NodeUseShape {
  readonly node: string;
  readonly state: NodeState;
  readonly capacity: Amounts;
  readonly at?: string;
  readonly cpuMilli?: number;
  readonly memoryBytes?: number;
}

export interface InstanceUseShape {
  readonly tenant: string;
  readonly instance: string;
  readonly workload: string;
  readonly node: string;
  readonly booked?: { readonly cpuMilli: number; readonly memoryBytes: number };
  readonly at?: string;
  readonly cpuMilli?: number;
  readonly memoryBytes?: number;
}

export interface EventShape {
  /** Its place in the stream. */
  readonly sequence: number;
  readonly tenant: string;
  readonly noun: string;
  readonly id: string;
  readonly verb: string;
  readonly at: string;
  readonly message: string;
  readonly node?: string;
  readonly workload?: string;
}

export interface LogLineShape {
  readonly instance: string;
  readonly sidecar?: string;
  readonly node: string;
  readonly epoch: number;
  readonly line: number;
  readonly at: string;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

export interface OpenedSessionShape {
  readonly session: string;
  readonly instance: string;
  readonly sidecar?: string;
  readonly node: string;
  readonly kind: string;
  readonly what: string;
  readonly caller?: string;
  readonly openedAt: string;
  readonly saidBytes: number;
  readonly toldBytes: number;
}

export interface LetterShape {
  readonly actor: string;
  readonly letter: string;
  readonly at: string;
  readonly contract: string;
  readonly about: string;
  readonly reason: { readonly code: string; readonly detail: string };
  readonly deliveries: number;
  readonly payload?: unknown;
  readonly excerpt?: string;
  readonly replayedAt?: string;
}

export interface RetentionLimitsShape {
  readonly count: number;
  readonly age: string;
  readonly bytes: number | string;
}

export interface RetentionShape {
  readonly tenant: string;
  readonly generation: number;
  readonly retention: Readonly<Record<RetentionKind, RetentionLimitsShape>>;
  readonly set: Retention;
}

export interface AppliedShape {
  readonly name: string;
  readonly generation: number;
  readonly change: 'created' | 'updated' | 'scaled' | 'changed' | 'unchanged';
}

export interface DryRunShape {
  readonly name: string;
  readonly change?: AppliedShape['change'];
  readonly explanation: Explanation;
}

export interface ScheduleShape {
  readonly tenant: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: Readonly<Record<string, unknown>> & {
    readonly when: {
      readonly at?: string;
      readonly every?: string;
      readonly cron?: string;
      readonly timeZone?: string;
    };
  };
  readonly generation: number;
  readonly createdAt: string;
  readonly state: 'active' | 'firing' | 'paused' | 'finished';
  readonly next?: string;
  readonly runs: readonly string[];
  readonly history: readonly {
    readonly firing: string;
    readonly at: string;
    readonly result: string;
    readonly workload?: string;
    readonly message: string;
  }[];
  readonly last: Last;
}

export interface PoolShape {
  readonly tenant: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: Readonly<Record<string, unknown>> & {
    readonly ready: number;
    readonly maximum: number;
  };
  readonly generation: number;
  readonly createdAt: string;
  readonly state: 'full' | 'refilling' | 'hindered' | 'deleting';
  readonly slots: Readonly<Record<SlotState, number>>;
  /** How many are to be ready instead of `spec.ready`, and what says so. */
  readonly sized?: { readonly ready: number; readonly by: string };
  /** How many callers stand in line; undefined: the gateway is older than lines. */
  readonly waiting?: number;
  readonly trouble?: { readonly since: string; readonly message: string };
  readonly last: Last;
}

/** Where a caller stands in a line. */
export interface PlaceShape {
  readonly position: number;
  readonly waiting: number;
  readonly etaSeconds?: number;
  readonly until: string;
}

export interface ClaimShape {
  readonly id: string;
  readonly tenant: string;
  readonly pool: string;
  readonly state: 'held' | 'over';
  readonly by?: string;
  readonly at: string;
  readonly until: string;
  readonly extended: number;
  readonly node: string;
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly url?: string;
  readonly handOff?: {
    readonly state: 'pending' | 'done' | 'failed';
    readonly message?: string;
    readonly exitCode?: number;
    readonly output?: string;
  };
}

/** How far a service has come with its version. */
export interface RolloutShape {
  readonly name: string;
  readonly state: 'complete' | 'progressing' | 'waiting' | 'paused' | 'failed' | 'rolled-back';
  readonly strategy: string;
  readonly generation: number;
  readonly version: number;
  readonly from?: number;
  readonly wanted: number;
  readonly updated: number;
  readonly ready: number;
  readonly available: number;
  readonly outdated: number;
  readonly minAvailable?: number;
  readonly maxSurge?: number;
  readonly waitsFor?: string;
  readonly startedAt?: string;
  readonly deadline?: string;
  readonly failed?: { readonly version: number; readonly at: string; readonly message: string };
}

export interface VersionShape {
  readonly version: number;
  readonly state: 'current' | 'complete' | 'incomplete';
  readonly completedAt?: string;
  readonly replacedAt?: string;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** What came of promoting, aborting or undoing. */
export interface RolloutAnswerShape {
  readonly name: string;
  readonly generation: number;
  readonly version: number;
}

/** How far the draining of a node has come. */
export interface DrainShape {
  readonly since?: string;
  readonly deadline?: string;
  readonly left: number;
  readonly waits: readonly {
    readonly tenant: string;
    readonly workload: string;
    readonly instance: string;
    readonly for: string;
  }[];
}
