/**
 * What the agent's shell can do: the jobs its actor runs, what they are given, and what they
 * report. A driver is the four of them about instances; the others are the machine's.
 */
import type {
  AssignedSpec,
  Beat,
  HandOff,
  NodeFacts,
  OpenedSession,
  PreStop,
  Probe,
  Refusal,
  SessionCopy,
  SessionExec,
  Snapshot,
} from '../subjects/index.ts';
import type { Lane, ProbeTurn } from './probe-turns.ts';

/** One start of one part of an instance. */
export interface StartInput {
  /** `<tenant>.<instance>`; of a sidecar `<tenant>.<instance>.<sidecar>` (parts.ts). */
  readonly name: string;
  readonly run: number;
  /** Which of its sidecars; absent: its program. */
  readonly sidecar?: string | undefined;
  readonly tenant: string;
  readonly workload: string;
  readonly instance: string;
  readonly epoch: number;
  readonly attempt: number;
  readonly spec: AssignedSpec;
}

/** What becomes of a start. `run` says of which. */
export type InstanceReport = { readonly name: string; readonly run: number } & (
  | {
      readonly kind: 'started';
      readonly pid: number | undefined;
      readonly address: string;
      readonly ports: Readonly<Record<string, number>>;
      readonly at: number;
    }
  /** What comes before the program is under way; said at most once a step, before `started`. */
  | { readonly kind: 'preparing'; readonly message: string }
  /** Every port takes connections. */
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'exited';
      readonly exitCode: number | undefined;
      readonly signal: string | undefined;
      /** Why, where the exit alone does not say: out of memory, cannot be started. */
      readonly message: string | undefined;
      /** Nothing of it was tried: its engine could not be asked. Default: it was. */
      readonly isUntried?: true | undefined;
    }
  /**
   * It takes no calls, says the kernel, and its engine, which could say more, is away: why, in a few words.
   * `hasEnded`: its process is over; how is told by `exited` when the engine is back. `ready` takes it back.
   */
  | { readonly kind: 'cut-off'; readonly message: string; readonly hasEnded: boolean }
);

/** What is told of a run, without saying of which. */
export type ToldOfRun = InstanceReport extends infer R
  ? R extends unknown
    ? Omit<R, 'name' | 'run'>
    : never
  : never;

/** An instance that an earlier process of this agent left running, or ended meanwhile. */
export interface Found extends StartInput {
  readonly isReady: boolean;
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly pid: number | undefined;
  readonly startedAt: number;
  readonly restarts: number;
  /** Its program has not started yet: what comes before it is under way. Default: it has. */
  readonly isStarting?: boolean | undefined;
  /** What its agent knew of it by its probes; absent: nothing. */
  readonly noted?: Noted | undefined;
}

/** What is kept of a run's probes, so that nobody sees that only its agent was away. */
export interface Noted {
  readonly isStarted: boolean;
  readonly isReady: boolean;
}

export type AdoptReport =
  | { readonly kind: 'found'; readonly found: readonly Found[] }
  | { readonly kind: 'instance'; readonly report: InstanceReport };

/** What a driver says runs on this machine. */
export interface Listing {
  readonly found: readonly Found[];
  /** Names of instances with something under way: nothing is concluded about them. */
  readonly busy: readonly string[];
}

export type ListReport =
  | ({ readonly kind: 'listed' } & Listing)
  /** The driver could not say. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'instance'; readonly report: InstanceReport };

export interface StopInput {
  readonly name: string;
  readonly run: number;
  /** From the polite signal to the other one, in milliseconds. */
  readonly graceMs: number;
}

/** Where an instance takes calls. */
export interface Reachable {
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
}

/** One probe, to be asked once. */
export interface ProbeInput extends ProbeTurn, Reachable {
  readonly lane: Lane;
  readonly of: Probe;
}

export interface ProbeReport extends ProbeTurn {
  readonly lane: Lane;
  /** Why it is a failure, in a few words; undefined: it is a success. */
  readonly reason: string | undefined;
  /** Set where nobody could say: it is neither. */
  readonly isUnknown?: true;
  /** How long it took, in milliseconds. */
  readonly tookMs: number;
}

/** What is to be done before a run is ended. */
export interface PreStopInput extends Reachable {
  readonly name: string;
  readonly run: number;
  readonly of: PreStop;
  /** It is over after this, in milliseconds, whatever it does. */
  readonly limitMs: number;
}

export interface PreStopReport {
  readonly name: string;
  readonly run: number;
  /** Why it failed, in a few words; undefined: it did not. */
  readonly reason: string | undefined;
  readonly tookMs: number;
}

export interface NoteInput extends Noted {
  readonly name: string;
  readonly run: number;
}

/** An instance the node has nothing more to do with: what is left of it goes. */
export interface ForgetInput {
  readonly name: string;
}

/** An instance with sidecars of which nothing runs any more, or will: the ports its parts shared are free. */
export interface FreePortsInput {
  readonly name: string;
}

/** The agent's ledger moved on: what is kept on disk for adoption moves with it. */
export interface RelabelInput {
  readonly name: string;
  readonly run: number;
  readonly epoch: number;
}

/** A session to be opened with a run. */
export interface SessionInput {
  readonly session: string;
  /** `<tenant>.<instance>`, and the name of a sidecar after it. */
  readonly name: string;
  readonly run: number;
  /** What its opener takes ahead, in bytes. */
  readonly windowBytes: number;
  /** What is told of it to whoever asks which are open. */
  readonly as: Pick<OpenedSession, 'tenant' | 'instance' | 'sidecar' | 'kind' | 'what' | 'caller'>;
  readonly of:
    | { readonly kind: 'exec'; readonly exec: SessionExec }
    | { readonly kind: 'forward'; readonly address: string; readonly port: number }
    | { readonly kind: 'copy'; readonly copy: SessionCopy }
    | { readonly kind: 'attach' };
}

/** What becomes of it: `begun` at most once, then `over`; or `over` alone, with the reason. */
export type SessionReport = { readonly session: string } & (
  | { readonly kind: 'begun' }
  | { readonly kind: 'over'; readonly because?: Refusal | undefined }
);

/** What is to be handed off to a run. */
export interface HandOffInput {
  /** `<tenant>.<instance>`. */
  readonly name: string;
  readonly run: number;
  /** For one claim it is done once. */
  readonly claim: string;
  /** Undefined: only what came of it is wanted. */
  readonly handOff: HandOff | undefined;
}

/** What a hand-off has come to. `failure`: why it failed; undefined: it did not. */
export interface HandedOff {
  readonly exitCode?: number | undefined;
  readonly output?: string | undefined;
  readonly failure?: string | undefined;
}

/** `unknown`: nobody can say what of it was done, and why. */
export interface HandOffReport {
  readonly name: string;
  readonly came: HandedOff | { readonly unknown: string };
}

export type FactsReport = NodeFacts;
export type ConnectionReport = Beat['connection'];
export interface MeasureReport extends Omit<Snapshot, 'at' | 'instances' | 'applied'> {
  /** What the instances use; absent: they were not looked at this time. */
  readonly uses?: readonly InstanceUse[] | undefined;
}

export interface InstanceUse {
  /** `<tenant>.<instance>`. */
  readonly name: string;
  /** Which run of its program; absent: that does not run. */
  readonly run?: number;
  readonly cpuMilli: number;
  readonly memoryBytes: number;
  /** What it has written on disk. Absent: nothing limits it, or nobody knows. */
  readonly diskBytes?: number;
}
