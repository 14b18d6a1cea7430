/**
 * Sessions: bytes between a caller and an instance, both ways, while they last. An actor's step
 * opens one; shells carry it, so that no byte of it passes through a step (R8).
 *
 * The opener speaks on `in`, the carrier (the agent) on `out`, in frames numbered without a gap, so
 * that a lost one is missed. Both say on `control` how much they have taken, which is what the
 * other may send again, and that they live. docs/decisions/0022-a-session-ends-on-both-sides.md.
 */
import { z } from 'zod';
import { clipped } from './clipped.ts';
import { event, request } from './contract.ts';
import { instant } from './fact.ts';
import { instanceId, nodeId, portName, tenantName } from './names.ts';
import { refusalSchema } from './refusal.ts';
import { sidecarName } from './sidecars.ts';

/** Most bytes in a frame: what a pipe or a socket gives at a time, far below NATS's limit of 1 MiB. */
export const SESSION_CHUNK_MAX = 65_536;
/** What a frame may have around its bytes. */
const AROUND_BYTES = 2_048;
/**
 * How many bytes may be under way in a direction before the other side has taken them: four frames,
 * so that the pipe does not run empty, times all of a gateway's sessions far below what the server
 * keeps for a slow connection (64 MiB).
 */
export const SESSION_WINDOW = 262_144;
/** Least that a side may grant, in bytes: one frame. */
const WINDOW_MIN = SESSION_CHUNK_MAX;
/** Most that a side may grant, in bytes: sixteen times the usual, for long ways. */
const WINDOW_MAX = 4_194_304;
/** Most sessions an agent carries at a time: each may hold a process and a window both ways. */
export const SESSIONS_PER_NODE_MAX = 64;
/** Most words of a command. */
const WORDS_MAX = 256;
/** Most characters of a word of a command. */
const WORD_MAX = 8_192;
/** Most characters that tell who opened one: an address with a zone. */
const CALLER_MAX = 128;
/** Most characters that tell what one was opened for. */
const WHAT_MAX = 200;
/** Longest side of a terminal: what two bytes of the kernel's window size hold is more than any has. */
const SIDE_MAX = 10_000;

const side = z.number().int().min(1).max(SIDE_MAX);
const windowBytes = z.number().int().min(WINDOW_MIN).max(WINDOW_MAX);

/** Size of a terminal, in characters. */
export const terminalSize = z.strictObject({ columns: side, rows: side });
export type TerminalSize = z.infer<typeof terminalSize>;

/** Value of TERM: what the caller's terminal is. */
export const terminalType = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9+._-]{0,63}$/, 'e.g. xterm');

/** A command and its arguments, run as they are, without a shell. */
export const sessionCommand = z
  .array(
    z
      .string()
      .max(WORD_MAX)
      .refine((word) => !word.includes('\0'), 'no NUL'),
  )
  .min(1)
  .max(WORDS_MAX)
  .refine(([program = '']) => program !== '', 'a program to run');

/** Signals that can be sent to a command: the kernel's, without those for its parents. */
export const sessionSignals = ['HUP', 'INT', 'QUIT', 'KILL', 'USR1', 'USR2', 'TERM'] as const;
export type SessionSignal = (typeof sessionSignals)[number];

/** A command to be run beside the instance. */
const execSchema = z.strictObject({
  command: sessionCommand,
  /** It gets a terminal of this kind and size; absent: pipes, its outputs apart. */
  terminal: z.strictObject({ type: terminalType, size: terminalSize }).optional(),
});
export type SessionExec = z.infer<typeof execSchema>;

/** A connection to one of the instance's ports. */
const forwardSchema = z.strictObject({
  /** Name of a port of its spec, or the number its program listens on. */
  port: z.union([portName, z.number().int().min(1).max(65_535)]),
});
export type SessionForward = z.infer<typeof forwardSchema>;

/** Longest path, in characters: what a kernel takes. */
const PATH_MAX = 4_096;

/** A path in an instance: from its root, also where it does not begin with `/`. */
export const sessionPath = z
  .string()
  .min(1)
  .max(PATH_MAX)
  .refine((path) => !path.includes('\0'), 'no NUL');

/** Files and folders, as a tar archive: `from` the instance it is said on `out`, `to` it on `in`. */
const copySchema = z.strictObject({
  direction: z.enum(['from', 'to']),
  /** What is copied; or where to: a folder that is there, a file, or a new name beside others. */
  path: sessionPath,
});
export type SessionCopy = z.infer<typeof copySchema>;

/** What the instance's own program prints from now on, each output apart, until its run ends; signals reach it. */
const attachSchema = z.strictObject({});

/** What a session may be opened for: one of these. A carrier that knows none of what it is asked says so. */
export const sessionKinds = {
  exec: execSchema.optional(),
  forward: forwardSchema.optional(),
  copy: copySchema.optional(),
  attach: attachSchema.optional(),
};

/** Id of a session, made by its opener; no two are alike. */
export const sessionId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{8,64}$/, 'the id of a session: 8 to 64 characters');

export const sessionOpen = request({
  name: 'session.open',
  subject: 'shoal.session.{node}.open',
  schema: z.object({
    session: sessionId,
    tenant: tenantName,
    instance: instanceId,
    /** Beside which of its sidecars. Absent: its program. */
    sidecar: sidecarName.optional(),
    /** What the opener takes before it has said that it took it, in bytes. */
    windowBytes,
    /** Who wants it, as the opener knows them: an address. */
    caller: z.string().max(CALLER_MAX).optional(),
    ...sessionKinds,
  }),
  reply: z.object({
    node: nodeId,
    /** What the carrier takes, likewise. */
    windowBytes,
  }),
  bytesMax: 262_144,
  // An engine may take seconds to begin a command.
  timeoutMs: 5_000,
  from: ['gateway'],
  to: ['agent', 'operator'],
  summary: 'Open a session with an instance of this node: the answer comes when it has begun.',
});
export type SessionOpen = z.infer<typeof sessionOpen.schema>;

/** A session that is open. */
const openedSchema = z.object({
  session: z.string(),
  tenant: tenantName,
  instance: instanceId,
  sidecar: sidecarName.optional(),
  /** What it was opened for: `exec`, `forward`, `copy`, `attach`, or what a later agent knows. */
  kind: z.string().max(32),
  /** The command, the port, or the path, as far as a line holds it. */
  what: z.string().max(WHAT_MAX),
  caller: z.string().max(CALLER_MAX).optional(),
  /** When it was asked for, by the node's clock. */
  openedAt: instant,
  /** What the instance has said and what it was told, in bytes. */
  saidBytes: z.number().int().min(0),
  toldBytes: z.number().int().min(0),
});
export type OpenedSession = z.infer<typeof openedSchema>;

export const sessionList = request({
  name: 'session.list',
  subject: 'shoal.session.{node}.list',
  schema: z.object({ tenant: tenantName }),
  reply: z.object({ node: nodeId, sessions: z.array(openedSchema).max(SESSIONS_PER_NODE_MAX) }),
  bytesMax: 262_144,
  timeoutMs: 1_000,
  from: ['gateway'],
  to: ['agent', 'operator'],
  summary: 'Which sessions of a tenant are open with instances of this node.',
});

export const sessionEnd = request({
  name: 'session.end',
  subject: 'shoal.session.{node}.end',
  schema: z.object({ tenant: tenantName, session: sessionId }),
  reply: z.object({ node: nodeId }),
  bytesMax: 4_096,
  timeoutMs: 1_000,
  from: ['gateway'],
  to: ['agent', 'operator'],
  summary: 'End a session that this node carries: both its sides hear that somebody did.',
});

/** What a session was opened for, on one line: its command, port or path. */
export function sessionWhat({ exec, forward, copy }: Pick<SessionOpen, keyof typeof sessionKinds>) {
  const text =
    exec?.command.join(' ') ??
    (forward && `port ${forward.port}`) ??
    (copy && `${copy.direction} ${copy.path}`) ??
    '';
  // No line breaks, and nothing a terminal would obey.
  return clipped(text.replaceAll(/\p{Cc}+/gu, ' '), WHAT_MAX);
}

const sequence = z.number().int().min(1);
/** Bytes as they are; in documents a string of bytes. */
const payload = z
  .instanceof(Uint8Array)
  .refine((bytes) => bytes.length <= SESSION_CHUNK_MAX, `at most ${SESSION_CHUNK_MAX} bytes`);

export const sessionIn = event({
  name: 'session.in',
  subject: 'shoal.session.{node}.{session}.in',
  schema: z.object({
    sequence,
    bytes: payload.optional(),
    /** Nothing more is written; what the carrier says may go on. */
    isEnd: z.boolean().optional(),
    size: terminalSize.optional(),
    signal: z.enum(sessionSignals).optional(),
  }),
  codec: 'msgpack',
  bytesMax: SESSION_CHUNK_MAX + AROUND_BYTES,
  from: ['gateway'],
  to: ['agent', 'operator'],
  summary: 'What the opener of a session writes, frame by frame.',
});
export type SessionIn = z.infer<typeof sessionIn.schema>;

/** How what a session was opened for has ended. */
const endedSchema = z.object({
  exitCode: z.number().int().optional(),
  signal: z.string().max(32).optional(),
  /** For people; of a connection, or where nobody knows a code. */
  message: z.string().max(500).optional(),
});
export type SessionEnded = z.infer<typeof endedSchema>;

/** In a few words, for who follows a session: `exit 3`, `signal SIGKILL`, a message, or `done`. */
export function sessionOutcome({ exitCode, signal, message }: SessionEnded): string {
  if (signal !== undefined) return `signal ${signal}`;
  if (exitCode !== undefined) return `exit ${exitCode}`;
  return message ?? 'done';
}

/** What a session is opened for, in a word: `exec`, `forward`, `copy` or `attach`. */
export function sessionKind(wanted: Pick<SessionOpen, keyof typeof sessionKinds>): string {
  const kinds = Object.keys(sessionKinds) as (keyof typeof sessionKinds)[];
  return kinds.find((kind) => wanted[kind] !== undefined) ?? 'unknown';
}

export const sessionOut = event({
  name: 'session.out',
  subject: 'shoal.session.{node}.{session}.out',
  schema: z.object({
    sequence,
    bytes: payload.optional(),
    /** The bytes are of its error output. */
    isError: z.boolean().optional(),
    /** Nothing more is said; what the opener writes may go on. */
    isEnd: z.boolean().optional(),
    /** The last frame: it is over. */
    ended: endedSchema.optional(),
  }),
  codec: 'msgpack',
  bytesMax: SESSION_CHUNK_MAX + AROUND_BYTES,
  from: ['agent'],
  to: ['gateway', 'operator'],
  summary: 'What the instance says in a session, frame by frame.',
});
export type SessionOut = z.infer<typeof sessionOut.schema>;

export const sessionControl = event({
  name: 'session.control',
  subject: 'shoal.session.{node}.{session}.control',
  schema: z.object({
    from: z.enum(['opener', 'carrier']),
    /** Bytes taken since the beginning: the window begins there. */
    takenBytes: z.number().int().min(0),
    /** Number of the last frame said: who has not had it has lost one. */
    sequence: z.number().int().min(0),
    /** It is over for this side, and why. */
    end: refusalSchema.optional(),
    /** It is over for this side, as it should be. */
    isDone: z.boolean().optional(),
  }),
  codec: 'msgpack',
  bytesMax: 4_096,
  from: ['agent', 'gateway'],
  to: ['agent', 'gateway', 'operator'],
  summary: 'What each side of a session has taken, and that it lives; each second at least.',
});
export type SessionControl = z.infer<typeof sessionControl.schema>;
