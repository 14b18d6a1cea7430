/** What came of deciding again, for people: the same, otherwise, or not judged. */
import { z } from 'zod';
import { type Column, table } from '../table.ts';
import { stoodText } from './decisions.ts';
import { plural } from './sections.ts';

const stood = z.object({
  ...{ node: z.string(), count: z.number(), isHeld: z.boolean(), fit: z.number() },
});
const again = z.object({
  ...{ workload: z.string(), at: z.number(), generation: z.number() },
  ...{ judged: z.number(), notJudged: z.number() },
  differences: z.array(
    z.object({ instance: z.string(), chosen: stood, preferred: stood, why: z.string() }),
  ),
});

/** What the replay program prints of decisions. */
export const againReport = z.object({ ok: z.literal(true), items: z.array(again) });
export type Again = z.infer<typeof again>;
type Difference = Again['differences'][number];

export type Verdict = 'same' | 'otherwise' | 'not-judged';

/** Of a decision: the same where all that can be judged of it is. */
export function verdictOf({ judged, differences }: Again): Verdict {
  if (differences.length > 0) return 'otherwise';
  return judged > 0 ? 'same' : 'not-judged';
}

interface Counts {
  same: number;
  otherwise: number;
  notJudged: number;
}

/** How many decisions, and how many placements in them, came out how. */
export function summaryOf(items: readonly Again[]): {
  readonly decisions: Readonly<Counts>;
  readonly placements: Readonly<Counts>;
} {
  const decisions: Counts = { same: 0, otherwise: 0, notJudged: 0 };
  const placements: Counts = { same: 0, otherwise: 0, notJudged: 0 };
  for (const each of items) {
    const verdict = verdictOf(each);
    decisions[verdict === 'not-judged' ? 'notJudged' : verdict]++;
    placements.same += each.judged - each.differences.length;
    placements.otherwise += each.differences.length;
    placements.notJudged += each.notJudged;
  }
  return { decisions, placements };
}

const verdicts: Readonly<Record<Verdict, string>> = {
  same: 'the same',
  otherwise: 'otherwise',
  'not-judged': 'not judged',
};

/** Why a node would be preferred; what a newer program says is shown as it is. */
const grounds: Readonly<Record<string, string>> = {
  count: 'fewer there',
  'in-flight': 'no commit in flight',
  fit: 'better fit',
};

/** A line for each decision, one for each instance that would go elsewhere, and the counts. */
export function againText(items: readonly Again[]): string {
  const differing = items.flatMap(({ at, differences }) =>
    differences.map((each) => ({ ...each, at })),
  );
  const { decisions, placements } = summaryOf(items);
  const summary = [
    `${plural(items.length, 'decision')}: ${countsText(decisions)}`,
    `placements: ${countsText(placements)}`,
  ].join('; ');
  const tables = [table(decisionColumns, items)];
  if (differing.length > 0) tables.push(table(differenceColumns, differing));
  return [...tables, summary].join('\n\n');
}

const decisionColumns: readonly Column<Again>[] = [
  { title: 'decided', text: ({ at }) => new Date(at).toISOString() },
  { title: 'workload', text: (each) => each.workload },
  { title: 'gen', text: (each) => each.generation, align: 'right' },
  { title: 'judged', text: (each) => each.judged, align: 'right' },
  { title: 'not judged', text: (each) => each.notJudged, align: 'right' },
  { title: 'now', text: (each) => verdicts[verdictOf(each)] },
];

const differenceColumns: readonly Column<Difference & { readonly at: number }>[] = [
  { title: 'decided', text: ({ at }) => new Date(at).toISOString() },
  { title: 'instance', text: (each) => each.instance },
  { title: 'went to', text: ({ chosen }) => stoodText(chosen) },
  { title: 'now to', text: ({ preferred }) => stoodText(preferred) },
  { title: 'because', text: ({ why }) => grounds[why] ?? why },
];

function countsText({ same, otherwise, notJudged }: Counts): string {
  return `${same} the same, ${otherwise} otherwise, ${notJudged} not judged`;
}
