/** Recordings of actors, for people: who records, what was heard, and what came of running it again. */
import { z } from 'zod';
import type { debugSwitch, Frame, ReplyOf } from '../../subjects/index.ts';
import { formatSpan } from '../../subjects/index.ts';
import { oneLine, table } from '../table.ts';
import { plural } from './sections.ts';

const first = z.object({
  seq: z.number(),
  label: z.string(),
  about: z.string(),
  path: z.string(),
  recorded: z.unknown().optional(),
  now: z.unknown().optional(),
});
const recording = z.object({
  recording: z.string(),
  copy: z.string(),
  actor: z.string().optional(),
  version: z.string().optional(),
  /** Absent: this build has no such actor, or the beginning is missing. */
  result: z
    .object({
      steps: z.number(),
      skipped: z.number(),
      missing: z.number(),
      first: first.optional(),
    })
    .optional(),
});

/** What the replay program prints. */
export const replayReport = z.union([
  z.object({ ok: z.literal(true), recordings: z.array(recording) }),
  z.object({ ok: z.literal(false), line: z.number(), reason: z.string() }),
]);
export type ReplayReport = z.infer<typeof replayReport>;
type Recording = z.infer<typeof recording>;

type Ending = Extract<NonNullable<Frame['entry']>, { kind: 'ended' }>['why'];

/** What ended a recording before its time. */
const endings: Readonly<Record<Ending, string | undefined>> = {
  ...{ time: undefined, asked: undefined },
  size: 'ended early: it has said all a recording may',
  again: 'ended early: another recording was begun',
  fault: 'ended early: something could not be written down',
};

/** Longest text of a value that is shown. */
const VALUE_MAX = 400;

export function copyTable(
  copies: readonly ReplyOf<typeof debugSwitch>[],
  { actor, forMs }: { readonly actor: string; readonly forMs: number },
): string {
  const rows = table(
    [
      { title: 'copy', text: (each) => each.copy },
      { title: 'state', text: (each) => (each.isActing ? 'acts' : 'stands by') },
      { title: 'recording', text: (each) => each.recording },
    ],
    copies,
  );
  if (forMs === 0) return `${rows}\n\n${actor} records no longer`;
  return `${rows}\n\n${actor} records for ${formatSpan(forMs)}: nats sub 'shoal.debug.${actor}'`;
}

/** What was heard; not whole: frames were lost on the way, or a recording ended too early. */
export function recordedText(
  frames: readonly Frame[],
  { actor, file }: { readonly actor: string; readonly file: string },
): { readonly summary: string; readonly isWhole: boolean } {
  const byRecording = new Map<string, Frame[]>();
  for (const frame of frames) {
    const known = byRecording.get(frame.recording);
    if (known) known.push(frame);
    else byRecording.set(frame.recording, [frame]);
  }
  let lost = 0;
  const early: string[] = [];
  for (const [, of] of byRecording) {
    const last = of.at(-1);
    lost += (last?.seq ?? -1) + 1 - of.length;
    const why = last?.entry?.kind === 'ended' ? endings[last.entry.why] : 'was not heard of again';
    if (why !== undefined) early.push(`${last?.copy} ${why}`);
  }
  const steps = frames.filter(({ entry }) => entry?.kind === 'step').length;
  const parts = [
    `${plural(steps, 'step')} of ${actor} in ${file}`,
    ...(lost > 0
      ? [`${plural(lost, 'frame')} lost on the way: what follows one cannot be replayed`]
      : []),
    ...(early.length > 0 ? [`${early.join('; ')}`] : []),
  ];
  return { summary: parts.join('; '), isWhole: lost === 0 && early.length === 0 };
}

export function replayText(recordings: readonly Recording[]): string {
  return recordings.map(recordingText).join('\n');
}

function recordingText({ copy, actor, recording: id, result }: Recording): string {
  const title = `${actor ?? 'an actor'} of ${copy}`;
  if (!result) return `${title}: recording ${id} cannot be run: no such actor, or no beginning`;
  const { steps, skipped, missing, first: found } = result;
  const gaps =
    missing > 0
      ? `; ${plural(missing, 'frame')} missing, ${plural(skipped, 'step')} after that not judged`
      : '';
  if (!found) return `${title}: ${plural(steps, 'step')}, all decided the same${gaps}`;
  return [
    `${title}: decides otherwise at frame ${found.seq}, ${oneLine(`${found.label} ${found.about}`).trim()}${gaps}`,
    `  at        ${found.path}`,
    `  recorded  ${valueText(found.recorded)}`,
    `  now       ${valueText(found.now)}`,
  ].join('\n');
}

function valueText(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = oneLine(JSON.stringify(value));
  return text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}…` : text;
}
