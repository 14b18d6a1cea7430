/** Why a workload would go where it would go. */
import type { DryRunShape } from '../shapes.ts';
import { type Column, type Fact, pairs, table } from '../table.ts';
import type { Paint } from './paint.ts';
import { indented, plural, removedText } from './sections.ts';

type Explanation = DryRunShape['explanation'];
type Row = Explanation['table'][number];

export function explanationText(
  what: { readonly kind: string; readonly name: string; readonly count: number },
  answer: DryRunShape,
  paint?: Paint,
): string {
  const { explanation, change } = answer;
  const { nodes, feasible, possible, removed, impossible } = explanation;
  const title = `${what.kind} ${what.name}: ${verdict(what.count, answer)}`;
  if (nodes === 0) return title;
  const isRefused = isUnplaceable(answer);
  const facts: readonly Fact[] = [
    ['applying would', change === undefined || isRefused ? undefined : changeText[change]],
    ['nodes', `${nodes}; ${feasible} could take one instance now, ${possible} if empty and ready`],
    ['choice', choiceText(explanation)],
    ['removed', removedText(removed)],
    ['never fit', removedText(impossible)],
  ];
  const head = pairs(facts, paint);
  const cut =
    nodes > explanation.table.length ? `\n  … and ${nodes - explanation.table.length} more` : '';
  return `${title}\n${indented(head)}\n\n${rowTable(explanation, paint)}${cut}`;
}

type Asked = Omit<DryRunShape, 'name'>;

/** Whether applying would be refused: only new specs are held against what nodes could hold. */
export function isUnplaceable({ explanation: { nodes, possible }, change }: Asked): boolean {
  return nodes > 0 && possible === 0 && (change === 'created' || change === 'updated');
}

/** `3 of 3 instances would be placed now` */
export function verdict(count: number, answer: Asked): string {
  const { placed, nodes } = answer.explanation;
  const what = `${placed} of ${plural(count, 'instance')} would be placed now`;
  if (nodes === 0) return `${what}: there are no nodes yet, all would wait`;
  if (isUnplaceable(answer)) return 'refused: no node could ever hold one instance';
  return placed < count ? `${what}, ${count - placed} would wait for room` : what;
}

/** `n1 ×2, n2 ×1` */
export function choiceText({ choice }: Explanation): string {
  return choice.map(({ node, count }) => `${node} ×${count}`).join(', ');
}

const changeText: Readonly<Record<NonNullable<DryRunShape['change']>, string>> = {
  created: 'create it',
  updated: 'replace its instances, one after another',
  scaled: 'change how many instances it has',
  changed: 'change the workload and restart nothing',
  unchanged: 'change nothing',
};

function rowTable({ table: rows, choice }: Explanation, paint?: Paint): string {
  const counts = new Map(choice.map(({ node, count }) => [node, count]));
  const columns: readonly Column<Row>[] = [
    { title: 'node', text: (each) => each.node },
    { title: 'fit', text: (each) => each.score?.toFixed(3), align: 'right', isOptional: true },
    { title: 'gets', text: (each) => counts.get(each.node), align: 'right', isOptional: true },
    { title: 'removed by', text: (each) => each.removedBy, isOptional: true },
    { title: 'why', text: (each) => each.detail, isOptional: true },
  ];
  return table(columns, rows, paint);
}
