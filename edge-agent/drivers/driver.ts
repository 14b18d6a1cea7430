/**
 * What a driver is: a way to run instances, in the agent's shell. It starts, ends and forgets what
 * it is told to, reports what becomes of it, and knows after a restart of the agent what it left
 * running. It decides nothing: policy is the runner's (runner.ts).
 *
 * Promises every driver makes (held by test/integration/agent/driver-conformance.ts):
 *  D1  `start` reports `started` at most once and `exited` exactly once, in that order; without
 *      `started` when nothing could be started.
 *  D2  Every `stop` is answered with `exited` of the run it names: of what runs within its grace
 *      and a second, of a run that is over or was never heard of at once. Nothing else is ended. Of
 *      several for the same run the grace that ends first counts.
 *  D3  After a crash of the agent `found` lists every start that was reported or could have been,
 *      and goes on reporting for it.
 *  D4  After `forget` nothing of the instance is left: no process, file or cgroup.
 *  D5  `list` tells everything that runs, and every run whose end was not reported yet. What is
 *      about to be started, ended or forgotten, or may run although its start failed, is `busy`. So a
 *      run that is neither has ended and was told, or is unknown here. What only the disk or the
 *      kernel knows of is taken over for the next list, or ended where nobody can account for it.
 *  D6  `exec` runs a command beside a run, in its environment and what comes before that, in its folder and limits, and says within the
 *      time it is given and two seconds what came of it. It and its children are over then, whatever it
 *      did, and when its run is over. Nothing is run beside what is over: of that
 *      nothing is known, and nothing of what an engine that is away does.
 *  D7  `interact` runs a command likewise, with somebody at it: what it is told reaches it in order,
 *      what it prints is passed on to the last byte, no faster than it is taken, and then how it
 *      ended, once. `end` ends it with all its children, and so does the end of its run. What an
 *      agent that died has left is ended by the next one at the latest.
 *  D8  `copy` brings files out of a run's file system, or into it, as they come: with their modes and
 *      times, no faster than they are taken, and never from or to outside of it. However it ends, each
 *      file is there whole or as it was. What cannot be copied is refused with the reason, and so is
 *      what there is no room for. One that nobody takes holds up neither the end of its run nor any other answer.
 *  D9  `signal` reaches the main process of a run that is not over, and nothing else.
 */
import type {
  DriverOffer,
  Refusal,
  SessionCopy,
  SessionEnded,
  SessionExec,
  SessionSignal,
  TerminalSize,
} from '../../subjects/index.ts';
import type {
  Found,
  InstanceReport,
  Listing,
  RelabelInput,
  StartInput,
  StopInput,
} from '../jobs.ts';

/** A command to be run beside a run. */
export interface ExecInput {
  /** `<tenant>.<instance>`. */
  readonly name: string;
  readonly run: number;
  readonly command: readonly string[];
  /** Variables beside, and before, those of the run. Absent: none. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** It is ended after this, in milliseconds. */
  readonly timeoutMs: number;
}

/** What came of a command; `output` is the last of what it printed, on both outputs. */
export type Executed =
  | {
      readonly kind: 'ended';
      readonly exitCode: number | undefined;
      readonly signal: string | undefined;
      readonly output: string;
    }
  | { readonly kind: 'timed-out'; readonly output: string }
  | { readonly kind: 'not-run'; readonly message: string }
  /** Nobody can say: its run is over, or the engine is away. It tells nothing about the instance. */
  | { readonly kind: 'unknown'; readonly message: string };

/** A command that somebody is at. */
export interface InteractInput extends SessionExec {
  /** `<tenant>.<instance>`. */
  readonly name: string;
  readonly run: number;
}

/** Files to be copied out of a run, or into it. */
export interface CopyInput extends SessionCopy {
  /** `<tenant>.<instance>`. */
  readonly name: string;
  readonly run: number;
}

/** A signal for the main process of a run. */
export interface SignalInput {
  /** `<tenant>.<instance>`. */
  readonly name: string;
  readonly run: number;
  readonly signal: SessionSignal;
}

/** Where what is said in a session goes. */
export interface Output {
  /** Passes bytes on; resolves when more may come. Never rejects. */
  write(bytes: Uint8Array, isError: boolean): Promise<void>;
  /** Nothing more is said, though what is told may still be heard. */
  end?(): void;
}

/** What a session is carried on with: a command under way, or a connection. */
export interface Live {
  /** Tells it bytes; resolves when more may be told, also when nobody takes them any more. */
  tell(bytes: Uint8Array): Promise<void>;
  /** Nothing more is told. */
  tellEnd(): void;
  resize(size: TerminalSize): void;
  signal(signal: SessionSignal): void;
  /** How it ended, after all it said was passed on and nothing of it is left. Never rejects. */
  readonly ended: Promise<LiveEnd>;
  /** Ends it with all its children; `ended` resolves. Safe to call again. */
  end(): void;
}

/** An end; a refusal: it came to nothing, for a reason that was not known when it began. */
export type LiveEnd = SessionEnded | { readonly refused: Refusal };

/** What came of beginning one. `unsupported`: it can never be begun here. */
export type Begun =
  | { readonly kind: 'live'; readonly live: Live }
  | { readonly kind: 'refused'; readonly because: Refusal }
  | { readonly kind: 'not-run' | 'unknown' | 'unsupported'; readonly message: string };

/** Most of a command's output that is kept, in bytes: its last lines say what went wrong. */
export const OUTPUT_BYTES_MAX = 4_096;

/** What a run uses. */
export interface Use {
  /** `<tenant>.<instance>`. */
  readonly name: string;
  readonly run: number;
  /** Processor time since its start, in milliseconds of one processor. */
  readonly cpuMs: number;
  /** Memory now, without what the kernel can let go of at any time. */
  readonly memoryBytes: number;
  /** What it has written on disk. Absent: nothing limits it, or nobody knows. */
  readonly diskBytes?: number | undefined;
  /** How long ago it was started, in milliseconds. */
  readonly runsForMs: number;
}

export type Report = (report: InstanceReport) => void;

export interface Driver {
  readonly name: string;
  /**
   * What it can enforce here, and what it honestly cannot; undefined: its engine has not answered
   * yet. An engine that answered once is offered on while it is away: it may be back at any moment.
   */
  offer(): Promise<DriverOffer | undefined>;
  /** Calls whenever it offers something else than before. */
  whenOfferChanges?(call: () => void): void;
  /** What an earlier process of this agent started; reports of it go to `report` from now on. */
  found(report: Report): Promise<readonly Found[]>;
  /**
   * What runs now; reports of what is taken over by it go to `report`. Safe to call again. Rejects
   * when the driver cannot say.
   */
  list(report: Report): Promise<Listing>;
  start(input: StartInput, report: Report): void;
  stop(input: StopInput, report: Report): void;
  /** This run counts as of this epoch now. */
  relabel(input: RelabelInput): void;
  forget(name: string): void;
  /** Never rejects; several at once, beside whatever else is asked. */
  exec(input: ExecInput): Promise<Executed>;
  /** What its runs use; those nobody can tell of are left out. Never rejects. */
  uses(): Promise<readonly Use[]>;
  /** Never rejects. */
  interact(input: InteractInput, output: Output): Promise<Begun>;
  /** Never rejects. What is copied out goes to the output. Absent: it has no files. */
  copy?(input: CopyInput, output: Output): Promise<Begun>;
  /** Never rejects, and says nothing: what comes of it the program tells. Absent: it has no process. */
  signal?(input: SignalInput): void;
  /**
   * How long a connection to a port must stay for its program to be there, in milliseconds: where
   * somebody else takes it first. 0: nobody does.
   */
  readonly staysMs: number;
  /**
   * Resolves when all that a run which was told as over has printed is in its files. Never rejects.
   * Absent: it is there before the end is told.
   */
  printed?(name: string): Promise<void>;
  /** Folder of an instance's output: the files `stdout` and `stderr`, over all runs at its epoch. */
  folder(name: string): string;
  /** Resolves when everything asked so far is done. */
  settled(): Promise<void>;
  /**
   * Ends everything that runs, each within its grace and `graceMsMax`. What an engine does not end that is
   * away, or hangs, is the next agent's: nobody waits for it.
   */
  endAll(graceMsMax: number): Promise<void>;
  /** The agent is going: nothing is ended, nobody is listened to any more. */
  leave(): void;
}
