/** What an agent knows of itself and of what runs on its node. */

import type { Context } from '../actors/runtime/actor.ts';
import type { ReplyTo } from '../actors/runtime/effect.ts';
import type { View } from '../actors/runtime/view.ts';
import type {
  AssignedSpec,
  Beat,
  ledgerRecord,
  NodeFacts,
  ObservedState,
  ProbeName,
  Snapshot,
  specRecord,
} from '../subjects/index.ts';
import type { Noted } from './jobs.ts';
import { newTurns, type ProbeTurns } from './probe-turns.ts';
import type { Count } from './thresholds.ts';

/** What the probes of a run have come to. */
export interface Probing {
  /** By probe of its spec. */
  readonly counts: Map<ProbeName, Count>;
  /** What the last answer of each said against it. */
  readonly reasons: Map<ProbeName, string>;
  /** Every port takes connections. */
  hasPorts: boolean;
  /** What the next agent would be told. */
  noted: Noted;
}

/** A run that is being ended, and how far that is. */
export interface Ending {
  /** That it is not ready is told first, then comes what its spec wants done before, then it is stopped. */
  step: 'telling' | 'pre-stop' | 'stopping';
  /** Why it is ended to be restarted; undefined: it is to end. */
  because: string | undefined;
  /** What went wrong before it was stopped. */
  trouble: string | undefined;
}

/** One part of an instance as this node sees it: its program, which stands for the instance, or a sidecar. */
export interface Local {
  readonly tenant: string;
  readonly workload: string;
  readonly instance: string;
  /** Undefined: it is the program. */
  readonly sidecar: string | undefined;
  /** Of a program: its sidecars by name, in the order in which they are started. */
  readonly sidecars: readonly string[];
  readonly generation: number;
  readonly attempt: number;
  /** Raised when the ledger lists what runs here anew: nothing is restarted for that. */
  epoch: number;
  state: ObservedState;
  isReady: boolean;
  /**
   * Which start of it this is on this node; reports of earlier ones count for nothing. 0: the driver was
   * not asked; while it is starting it then waits for the parts before it.
   */
  run: number;
  readonly spec: AssignedSpec | undefined;
  /** When it was restarted here, within the policy's window. */
  restartedAt: number[];
  restarts: number;
  /** When it is to be restarted, while it is backing off. */
  restartAt: number;
  address: string;
  ports: Readonly<Record<string, number>>;
  pid: number | undefined;
  exitCode: number | undefined;
  signal: string | undefined;
  message: string | undefined;
  startedAt: number | undefined;
  /** Why its run before this one ended. */
  lastEnd: { readonly at: number; readonly message: string } | undefined;
  /** Undefined: its spec has no probes, or it does not run. */
  probing: Probing | undefined;
  ending: Ending | undefined;
  /** Of a program: why its instance has failed as soon as it has ended. */
  failing: string | undefined;
  /** Why its last attempts could not be made, since when, and how many. Absent: the last one was made. */
  untried?: { readonly why: string; readonly since: number; readonly times: number } | undefined;
  /** It takes no calls, and its engine is away; `hasEnded`: its process is over. Absent: nobody says so. */
  cutOff?: { readonly hasEnded: boolean } | undefined;
  changedAt: number;
}

/** A session this node has been asked for. */
export interface AskedSession {
  /** Where the answer goes; undefined: it was given. */
  waiting: ReplyTo | undefined;
  /** Whose instance it is with. */
  readonly tenant: string;
}

/** A hand-off under way. */
export interface HandingOver {
  readonly claim: string;
  /** Asks that are answered when it is over, by their ids. */
  readonly waiting: Map<string, ReplyTo | undefined>;
}

export interface State {
  /** By `<tenant>.<instance>`, as ledgers name them, and sidecars by `<tenant>.<instance>.<sidecar>`. */
  readonly local: Map<string, Local>;
  /** Names whose observed state the store does not have yet, with the number of their change. */
  readonly unsaid: Map<string, number>;
  /** Changes noted so far. */
  changes: number;
  /** Instances that are listed but whose spec has not come yet, and since when. */
  readonly specless: Map<string, number>;
  /** Probes under way, and those that wait for their turn. */
  readonly probes: ProbeTurns;
  /** The driver has said what runs from before: until then nothing is started. */
  isAdopted: boolean;
  facts: NodeFacts | undefined;
  isJoined: boolean;
  isBeating: boolean;
  /** Why the control plane does not take this agent in: it is too many versions away. */
  apart: string | undefined;
  beatMs: number;
  incarnation: number;
  /** Revision of the newest ledger that has been acted on. */
  applied: number;
  connection: Beat['connection'] | undefined;
  snapshot: Snapshot | undefined;
  runs: number;
  /** Looks at everything so far. */
  sweeps: number;
  /** Sessions that are being opened or carried, by their id. */
  readonly sessions: Map<string, AskedSession>;
  /** Those that are over, the oldest first. */
  readonly pastSessions: Set<string>;
  /** Hand-offs under way, by `<tenant>.<instance>`. */
  readonly handOffs: Map<string, HandingOver>;
}

export interface Views {
  readonly ledgers: View<typeof ledgerRecord>;
  readonly specs: View<typeof specRecord>;
}

export type Ctx = Context<Views>;

export const newState = (): State => ({
  local: new Map(),
  unsaid: new Map(),
  changes: 0,
  specless: new Map(),
  probes: newTurns(),
  isAdopted: false,
  facts: undefined,
  isJoined: false,
  isBeating: false,
  apart: undefined,
  beatMs: 1_000,
  incarnation: 0,
  applied: 0,
  connection: undefined,
  snapshot: undefined,
  runs: 0,
  sweeps: 0,
  sessions: new Map(),
  pastSessions: new Set(),
  handOffs: new Map(),
});

/** Whether something of it runs, or is about to. */
export function isActive(local: Local): boolean {
  return !['succeeded', 'failed', 'stopped'].includes(local.state);
}

/** Whether it is to be started as soon as the parts before it are up. */
export function isWaiting(local: Local): boolean {
  return local.state === 'starting' && local.run === 0;
}

/** Whether its startup probe has passed, or it has none. */
export function isStarted({ counts }: Probing): boolean {
  return counts.get('startup')?.isPassing ?? true;
}

/** Whether what comes after it may be started: it runs, nobody ends it, and it has started. */
export function isUp({ state, ending, probing }: Local): boolean {
  return state === 'running' && !ending && (!probing || isStarted(probing));
}
