/** `shoal debug on|off|record|replay`: what an actor handled, and whether it would decide so again. */
import { open, readFile } from 'node:fs/promises';
import { askServices } from '../../actors/runtime/nats/ask-services.ts';
import { reasonOf } from '../../actors/runtime/reason.ts';
import {
  address,
  answerSchema,
  debugFrame,
  debugSwitch,
  decode,
  encode,
  type Frame,
  pattern,
  type ReplyOf,
} from '../../subjects/index.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { Failure, UnreachableFailure, UsageFailure } from '../failure.ts';
import { operatorBus } from '../operator-bus.ts';
import {
  copyTable,
  type ReplayReport,
  recordedText,
  replayReport,
  replayText,
} from '../present/recordings.ts';
import { print } from '../printed.ts';
import { runReplay } from '../replay-program.ts';
import type { Session } from '../shell.ts';

type Bus = Awaited<ReturnType<typeof operatorBus>>;
export type Switched = ReplyOf<typeof debugSwitch>;

/** How long after its time a recording's end is waited for, in milliseconds. */
const LATE_MS = 3_000;

/** Turns recordings of an actor on for a while, or off with 0. */
export async function switchDebug(
  session: Session,
  actor: string,
  forMs: number,
): Promise<ExitCode> {
  const bus = await operatorBus(session);
  try {
    const copies = await order(bus, actor, forMs);
    print(session, { items: copies }, () => copyTable(copies, { actor, forMs }));
  } finally {
    await bus.connection.close();
  }
  return exitCodes.ok;
}

/** Writes what an actor's copies tell for a while into a file. */
export async function recordDebug(
  session: Session,
  of: { readonly actor: string; readonly file: string; readonly forMs: number },
): Promise<ExitCode> {
  const file = await open(of.file, 'w').catch((error) => {
    throw new UsageFailure(`cannot write ${of.file} (${reasonOf(error)})`);
  });
  const frames: Frame[] = [];
  const bus = await operatorBus(session);
  try {
    const subject = pattern(debugFrame, { actor: of.actor });
    let written: Promise<unknown> = Promise.resolve();
    let heard = (): void => undefined;
    bus.ports.bus.subscribe(subject, undefined, ({ body }) => {
      const frame = decode(debugFrame, body);
      if (!frame.ok) return;
      frames.push(frame.value);
      written = written.then(() => file.appendFile(`${JSON.stringify(frame.value)}\n`));
      heard();
    });
    await bus.connection.flush();
    const copies = await order(bus, of.actor, of.forMs);
    const wanted = new Set(copies.map(({ recording }) => recording));
    const isOver = (): boolean => {
      for (const { recording, entry } of frames)
        if (entry?.kind === 'ended') wanted.delete(recording);
      return wanted.size === 0;
    };
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, of.forMs + LATE_MS);
      const end = (): void => {
        clearTimeout(timer);
        resolve();
      };
      heard = () => isOver() && end();
      session.signal.addEventListener('abort', end);
      heard();
    });
    if (session.signal.aborted) await order(bus, of.actor, 0);
    await written;
  } finally {
    await bus.connection.close();
    await file.close();
  }
  const text = recordedText(frames, of);
  session.err(text.summary);
  return text.isWhole ? exitCodes.ok : exitCodes.refused;
}

/** Runs a file of frames again and says where this build decides otherwise. */
export async function replayDebug(session: Session, file: string): Promise<ExitCode> {
  const text = await readFile(file, 'utf8').catch((error) => {
    throw new UsageFailure(`cannot read ${file} (${reasonOf(error)})`);
  });
  const report: ReplayReport = replayReport.parse(await runReplay([], text));
  if (!report.ok) {
    throw new UsageFailure(`${file}:${report.line} is no frame of a recording: ${report.reason}`);
  }
  if (report.recordings.length === 0) throw new UsageFailure(`${file} holds no recording`);
  print(session, { items: report.recordings }, () => replayText(report.recordings));
  const isSame = report.recordings.every(({ result }) => result && !result.first);
  return isSame ? exitCodes.ok : exitCodes.refused;
}

/** Orders every copy of an actor; throws where none answers. */
async function order(bus: Bus, actor: string, forMs: number): Promise<readonly Switched[]> {
  const body = encode(debugSwitch, { forMs });
  const answers = await askServices(bus.connection, address(debugSwitch, { actor }), body);
  const copies: Switched[] = [];
  for (const each of answers) {
    const answer = answerSchema(debugSwitch.reply).safeParse(each);
    if (!answer.success) continue;
    if (!answer.data.ok) throw new Failure(exitCodes.refused, answer.data.refusal.detail);
    copies.push(answer.data.value);
  }
  if (copies.length === 0) {
    throw new UnreachableFailure(
      `no copy of ${actor} answers; \`shoal micro\` lists the actors of a control plane that runs`,
    );
  }
  return copies;
}
